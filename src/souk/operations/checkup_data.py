"""The part of a check-up that looks into the database: accounts, keys, secrets, files, engines, clock and books."""

import time
from collections.abc import Iterator

from souk.accounts import keys, webhook_keys
from souk.accounts.in_force import mark_of, standing
from souk.accounts.secrets import FILE_NAME, SecretBox, SecretKeyError, open_box
from souk.accounts.verify import verify
from souk.assets.belonging import REMEDY
from souk.clock import Clock
from souk.operations.checkup_storage import Look
from souk.operations.finding import Finding, bad, good, warning
from souk.settings import Settings
from souk.store import accounts, assets, nodes
from souk.store.database import Connection, Database
from souk.store.keys import key_by_hash, keys_of
from souk.store.others import staying_without
from souk.store.statement import Dialect, Statement
from souk.words import Millis

WEAK_KEY_CHARACTERS = 20
"""An API key of the operator's own that is shorter might be guessed from a stolen database."""
MOST_SKEW_SECONDS = 2.0
SAMPLE = 20
"""Files whose bytes are looked for. With two machines that store apart half of them are elsewhere."""
_ONE_PLACE = (
    "give all machines one storage: SOUK_STORAGE_URL, a bucket or a folder they share; if they have, bring the "
    "files back from a backup"
)
_COPY = (
    "if that installation is gone for good, run `souk files adopt`; if it lives, give this one a storage of its own: "
    "each would delete what the other stores"
)

_THEIR_TIME = Statement("SELECT EXTRACT(EPOCH FROM clock_timestamp())")


def check_data(settings: Settings, database: Database, look: Look, clock: Clock) -> list[Finding]:
    """Every finding about the data itself."""
    connection = database.connect(read_only=True)
    try:
        return [
            *_secret_key(settings, database, connection),
            *_api_key(settings, connection),
            *_files(look, connection, clock.now()),
            _engines(connection, clock),
            *_clock(connection),
            _books(connection),
        ]
    finally:
        connection.close()


def _secret_key(settings: Settings, database: Database, connection: Connection) -> Iterator[Finding]:
    given = settings.secret_key.get_secret_value()
    file = settings.data_dir / FILE_NAME
    if not given and not file.is_file():
        yield bad(
            "secret key",
            f"there is neither SOUK_SECRET_KEY nor {file}",
            "put the old one back, or start anew",
        )
        return
    try:
        box = open_box(given, settings.data_dir, settings.secret_key_before.get_secret_value())
    except (SecretKeyError, OSError) as error:
        yield bad("secret key", str(error), "correct it")
        return
    if not box.fits(mark_of(connection)):
        remedy = (
            "put the right one back (if it was exchanged, also the one before), or run "
            "`souk accounts rotate-webhook-key --lost`"
        )
        yield bad("secret key", "it does not open the secrets of this database", remedy)
        return
    if box.changing:
        yield _exchange(settings, connection, box)
    elif not settings.sqlite and not given:
        remedy = "set SOUK_SECRET_KEY to the same value everywhere before a second machine joins"
        yield warning("secret key", f"it lies in {file}, on this machine only", remedy)
    else:
        yield good("secret key", "from SOUK_SECRET_KEY" if given else str(file))
    yield from _lacking(database, box)
    yield from _webhook_keys(connection, box)


def _lacking(database: Database, box: SecretBox) -> Iterator[Finding]:
    """The processes that do not know the secret key. Such a one cannot open webhook keys: its callbacks fail."""
    if others := staying_without(database, box.badges[0]):
        told = (
            f"processes that do not know the newest, or are too old to say so: {'; '.join(map(str, others))}"
        )
        same = "both keys before `souk rekey`" if box.changing else "the same SOUK_SECRET_KEY as here"
        yield warning("secret key", told, f"restart them with {same}")


def _exchange(settings: Settings, connection: Connection, box: SecretBox) -> Finding:
    """How far the exchange of the secret key is."""
    sealed, over = standing(connection, box), box.newest().fits(mark_of(connection))
    if not over or sealed.before:
        remedy = "once every process has been restarted with both keys, run `souk rekey`"
        return warning("secret key", "there is a new one, and secrets are sealed with the one before", remedy)
    given = bool(settings.secret_key_before.get_secret_value())
    last = "take SOUK_SECRET_KEY_BEFORE out of the settings" if given else "run `souk rekey --finish`"
    remedy = (
        f"20 minutes after that, best once tasks of that time have ended, {last} and restart every process"
    )
    return warning(
        "secret key", "everything is sealed with the new one, and the one before still counts", remedy
    )


def _webhook_keys(connection: Connection, box: SecretBox) -> Iterator[Finding]:
    for row in accounts.all_accounts(connection):
        try:
            count = len(webhook_keys.opened(box, row))
        except SecretKeyError as error:
            yield bad("webhook key", f"{row.name}: {error}", "run `souk accounts rotate-webhook-key --lost`")
            continue
        if count == 2:
            remedy = f"once receivers know it: souk accounts rotate-webhook-key {row.name} --finish"
            yield warning("webhook key", f"{row.name} is changing its key", remedy)
        elif not count:
            yield bad("webhook key", f"{row.name} has none", f"souk accounts rotate-webhook-key {row.name}")
        else:
            yield good("webhook key", f"{row.name} has one")


def _api_key(settings: Settings, connection: Connection) -> Iterator[Finding]:
    given = settings.api_key.get_secret_value()
    if not given:
        yield good("API key", "made by Souk; `souk keys list` shows what there is")
        return
    row = key_by_hash(connection, keys.hash_of(given))
    if row is None:
        yield warning("API key", "the one in SOUK_API_KEY is not known yet", "it is added at the next start")
    elif row.disabled:
        remedy = f"unset SOUK_API_KEY, or run `souk keys revoke {row.id} --undo`"
        yield warning("API key", f"the one in SOUK_API_KEY is revoked (key {row.id})", remedy)
    elif len(given) < WEAK_KEY_CHARACTERS:
        remedy = "use 20 random characters or more"
        yield warning("API key", f"the one in SOUK_API_KEY has only {len(given)} characters", remedy)
    else:
        yield good("API key", f"SOUK_API_KEY is key {row.id}")
    if row is not None:
        others = [
            other
            for other in keys_of(connection, row.account_id)
            if other.name == row.name and other.id != row.id and not other.disabled
        ]
        for other in others:
            told = f"key {other.id} ({other.hint}) came from SOUK_API_KEY earlier and is still valid"
            yield warning("API key", told, f"if it is not used any more: souk keys revoke {other.id}")


def _files(look: Look, connection: Connection, now: Millis) -> Iterator[Finding]:
    """Whether the stored files are this database's, and are there."""
    own = accounts.installation(connection)
    if look.unseen:
        return
    sample = assets.newest(connection, now, SAMPLE) if look.folder else []
    away = sum(not (look.folder / path).exists() for path in sample) if look.folder else 0
    if away and look.owner in (own, None):
        yield bad("files", f"{away} of the {len(sample)} newest files are not in {look.place}", _ONE_PLACE)
    elif look.owner is None and look.empty:
        yield good("files", "none are stored yet")
    elif look.owner is None:
        told = f"{look.place} is not marked as this database's, so nothing there is cleaned up"
        yield warning("files", told, REMEDY)
    elif look.owner != own and look.owner == accounts.copy_of(connection):
        told = f"{look.place} is marked as the installation's that this database is a copy of"
        yield bad("files", f"{told}, so nothing there is cleaned up", _COPY)
    elif look.owner != own:
        yield bad("files", f"{look.place} holds the files of another installation", REMEDY)
    else:
        yield good("files", f"{look.place} belongs to this database")


def _engines(connection: Connection, clock: Clock) -> Finding:
    alive = nodes.alive(connection, clock.now())
    if not alive:
        alone = " or `souk engine`" if connection.dialect is Dialect.POSTGRESQL else ""
        return warning("engine", "no process runs tasks right now", f"start `souk serve`{alone}")
    return good("engine", f"{alive} process(es) run tasks")


def _clock(connection: Connection) -> Iterator[Finding]:
    if connection.dialect is Dialect.SQLITE:
        return
    skew = float(connection.run(_THEIR_TIME)[0][0]) - time.time()
    if abs(skew) > MOST_SKEW_SECONDS:
        told = f"this machine and the database differ by {abs(skew):.0f} s"
        yield bad("clock", told, "set both clocks by NTP: leases and signatures depend on them")
    else:
        yield good("clock", "agrees with the database's")


def _books(connection: Connection) -> Finding:
    found = verify(connection)
    if found.problems:
        return bad(
            "ledger", found.problems[0], "see `souk ledger verify`; restore a backup if data was damaged"
        )
    return good("ledger", f"{found.purses} balances add up")
