"""Where an installation is served: noted by a server as it starts, read by commands and engines that write links."""

from collections.abc import Sequence

from souk.settings import Settings
from souk.store import accounts
from souk.store.database import Connection
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads

SERVED_AT = "served_at"


def _note(connection: Connection, addresses: Sequence[str]) -> list[None]:
    accounts.set_meta(connection, SERVED_AT, addresses[-1])
    return [None] * len(addresses)


NOTE: Kind[str, None] = Kind("address", 75, _note)


async def public_address(settings: Settings, lane: Lane, reads: Reads, listening: str = "") -> str:
    """What file links begin with. ``listening`` is where this process serves; it is noted for those that do not.

    SOUK_PUBLIC_URL decides; else where this process listens; else a host or port that was set; else where the last
    server was.
    """
    address = (settings.public_url or listening).rstrip("/")
    named = settings.port and settings.model_fields_set & {"host", "port"}
    if listening:
        await lane.write(NOTE, address)
    elif not address and not named:
        address = await reads.run(lambda connection: accounts.meta(connection, SERVED_AT)) or ""
    return address or default_url(settings.host, settings.port)


def default_url(host: str, port: int) -> str:
    """The address a client on this machine reaches what listens there at."""
    host = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
