"""The one visible table of upstream services: adding a provider is one module and one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from souk.providers import kie
from souk.providers.base import Provider


@dataclass(frozen=True, slots=True)
class Entry:
    """One upstream service, and the variables that configure its default connection."""

    title: str
    description: str
    key_variable: str
    """Holds the API key; setting it makes the connection. With ``_FILE`` appended: a file that holds it."""
    base_url_variable: str
    base_url: str
    factory: Callable[[], Provider]
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further options of a connection, each with the variable that sets it."""


PROVIDERS: dict[str, Entry] = {
    "kie": Entry(
        title="KIE.AI",
        description="Every model of the KIE.AI Market, or another server with the same Jobs API.",
        key_variable="KIE_API_KEY",
        base_url_variable="SOUK_KIE_BASE_URL",
        base_url=kie.BASE_URL,
        factory=kie.Kie,
        options={"upload_url": "SOUK_KIE_UPLOAD_URL"},
    ),
}
