"""Every setting: its type, default, environment name (``SOUK_*``) and what it does.

A value is looked for in this order: command-line flag, environment, ``souk.yaml``, default. Every secret may also be
given as a file through ``<NAME>_FILE``.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class SandboxPolicy(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class NetworkPolicy(StrEnum):
    OPEN = "open"
    PRIVATE_DENIED = "private-denied"


class WireBehaviour(StrEnum):
    DOCUMENTED = "documented"
    OBSERVED = "observed"


class LinkService(StrEnum):
    SERVED = "served"
    DIRECT = "direct"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


PREFIX: Final = "SOUK_"
_BUCKET_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/[A-Za-z0-9._-]+)*/?")
"""A bucket as Amazon names them, and a prefix of letters that need no quoting."""
MAKERS_NAMES: Final = {
    "s3_endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "s3_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "s3_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "s3_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "s3_session_token": ("AWS_SESSION_TOKEN",),
    "s3_ca_file": ("AWS_CA_BUNDLE",),
}
"""Settings that other programs have too, with the names they know them by; ours come first."""
_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):\d{1,5}")
_KEY_PARTS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
YEAR_SECONDS: Final = 365 * 86_400

# Bounds far above what anybody wants, so that a moment counted from now can be stored.
Seconds = Annotated[float, Field(le=YEAR_SECONDS)]
Days = Annotated[float, Field(le=36_500)]


class Settings(BaseSettings):
    """What an operator can set. Field ``host`` is ``SOUK_HOST`` in the environment and ``host:`` in ``souk.yaml``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", env_ignore_empty=True, allow_inf_nan=False
    )

    host: str = Field("127.0.0.1", description="Address the server listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port the server listens on; 0 picks a free one.")
    data_dir: Path = Field(
        Path("souk-data"), description="Folder for the SQLite database, stored files and the secret key."
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        description="postgresql://user:password@host:port/name. Empty: SQLite in the data folder.",
    )
    storage_url: str = Field(
        "",
        description="Where files are kept: file:///path, or s3://bucket/prefix. Empty: `files` in the data folder.",
    )
    s3_endpoint: str = Field(
        "", description="Address of the S3-compatible service, without the bucket. Empty: Amazon's."
    )
    s3_public_endpoint: str = Field(
        "", description="Where clients reach that service, for direct links. Empty: at SOUK_S3_ENDPOINT."
    )
    s3_region: str = Field("us-east-1", description="The bucket's region; `auto` for services without any.")
    s3_access_key_id: SecretStr = Field(
        SecretStr(""), description="Key for the bucket. Empty: the role of this machine, at Amazon."
    )
    s3_secret_access_key: SecretStr = Field(SecretStr(""), description="The secret of that key.")
    s3_session_token: SecretStr = Field(
        SecretStr(""), description="The token of a key that works for a while only."
    )
    s3_ca_file: Path | None = Field(
        None, description="PEM file of an authority to trust at the service, beside the system's."
    )
    s3_retry_seconds: Seconds = Field(
        30.0, ge=0, description="Seconds a call of the bucket that fails in passing is tried again."
    )
    links: LinkService = Field(
        LinkService.SERVED,
        description="served: Souk sends stored files itself. direct: it sends clients on to a signed address of "
        "the bucket, which works for 15 minutes; needs s3:// with keys.",
    )
    public_url: str = Field(
        "", description="The address clients and upstreams reach this server at; file links start with it."
    )
    trusted_proxies: str = Field(
        "", description="Comma-separated addresses or networks whose X-Forwarded-For header is believed."
    )
    workers: int = Field(1, ge=1, description="Server processes; more than 1 needs PostgreSQL.")
    engine: bool = Field(True, description="Run tasks in this process as well as serving requests.")
    engine_metrics: str = Field(
        "",
        description="HOST:PORT at which `souk engine` answers /health, /ready and /metrics. Empty: nowhere.",
    )

    api_key: SecretStr = Field(
        SecretStr(""), description="API key of the first account. Empty: one is made and printed once."
    )
    webhook_key: SecretStr = Field(
        SecretStr(""), description="Webhook signing key of the first account. Empty: one is made."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Key that encrypts secrets in the database. Empty: kept in `secret.key` in the data folder.",
    )
    secret_key_before: SecretStr = Field(
        SecretStr(""),
        description="The secret key that SOUK_SECRET_KEY takes the place of, until `souk rekey` has run.",
    )
    initial_credits: float = Field(
        10_000.0,
        ge=0,
        le=1_000_000_000_000,
        description="Credits the first account starts with, in each mode.",
    )

    sandbox: SandboxPolicy = Field(
        SandboxPolicy.AUTO,
        description="auto: every model runs in the sandbox until a connection is configured, then only "
        "sandbox keys do. always: nothing leaves the sandbox. never: no sandbox.",
    )
    sandbox_delay: Seconds = Field(0.0, ge=0, description="Seconds every sandbox task takes at least.")
    sandbox_workers: int = Field(
        0,
        ge=0,
        description="Child processes that the sandbox and the local engine share; 0 = one per processor it may use.",
    )
    network_policy: NetworkPolicy | None = Field(
        None,
        description="open: outbound calls may reach this machine and its network. private-denied: they may not. "
        "Empty: open only when bound to loopback with no public URL.",
    )
    wire: WireBehaviour = Field(
        WireBehaviour.DOCUMENTED,
        description="documented: record fields as the API's documents say. observed: as recorded traffic shows.",
    )

    rate_creates: int = Field(
        0, ge=0, description="Creates an account may make per 10 seconds; 0 = no limit."
    )
    rate_chats: int = Field(
        0,
        ge=0,
        description="Chat requests an account may make per 10 seconds; 0 = no limit.",
    )
    account_concurrency: int = Field(
        100, ge=0, description="Tasks of one account that run at once; 0 = no limit."
    )
    max_waiting: int = Field(
        100_000,
        ge=0,
        description="Unfinished tasks an account may have before a create is refused; 0 = no limit.",
    )
    connection_concurrency: int = Field(
        0,
        ge=0,
        description="Tasks in flight at once on one connection, over all processes; 0 = no limit.",
    )
    engine_slots: int = Field(
        20_000, ge=1, description="Tasks one engine process holds at once, running or waiting upstream."
    )
    polls_per_second: float = Field(
        50.0, gt=0, description="Status calls per second on one connection, over all processes."
    )
    max_body_bytes: int = Field(10 * 1024 * 1024, ge=1024, description="Largest request body of a JSON call.")
    max_json_depth: int = Field(32, ge=4, description="Deepest nesting of a request body.")
    max_input_bytes: int = Field(
        200 * 1024 * 1024,
        ge=1024,
        description="Largest input file of a task, for fields whose model names no limit of its own.",
    )
    max_upload_bytes: int = Field(100 * 1024 * 1024, ge=1024, description="Largest file a client may upload.")
    max_result_bytes: int = Field(
        2 * 1024 * 1024 * 1024, ge=1024, description="Largest result file fetched from an upstream."
    )

    review_seconds: Seconds = Field(
        300.0, ge=0, description="Seconds an unclear submit is looked up before its task fails uncharged."
    )
    breaker_seconds: Seconds = Field(
        30.0,
        ge=0,
        description="Seconds a connection is left alone that refuses the key, has no credit or fails again and "
        "again; doubled each time, up to 10 minutes. 0 = it is asked all the same.",
    )
    drain_seconds: Seconds = Field(
        10.0, ge=0, description="Seconds a stopping server lets running tasks end before it hands them back."
    )
    lease_seconds: Seconds = Field(
        15.0,
        ge=1,
        description="Seconds after which the tasks of a process that died are taken over by others.",
    )
    sweep_seconds: Seconds = Field(600.0, gt=0, description="Seconds between two rounds of cleaning up.")

    results_days: Days = Field(14.0, gt=0, description="Days result files are kept.")
    uploads_days: Days = Field(3.0, gt=0, description="Days uploaded files are kept.")
    logs_days: Days = Field(60.0, gt=0, description="Days records of finished tasks are kept.")
    idempotency_days: Days = Field(3.0, ge=1, description="Days an Idempotency-Key is remembered.")

    ledger_days: Days = Field(
        400.0,
        ge=1,
        description="Days after which closed ledger entries are folded into one checkpoint a balance.",
    )

    log_level: LogLevel = Field(LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR.")
    log_format: LogFormat = Field(LogFormat.TEXT, description="text or json, one line per step.")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("postgresql://", "postgres://", "sqlite:///")):
            raise ValueError("it must start with postgresql:// (or be empty for SQLite)")
        return value

    @field_validator("storage_url")
    @classmethod
    def _known_storage(cls, value: str) -> str:
        if value and not value.startswith("file:///") and not _BUCKET_URL.fullmatch(value):
            raise ValueError(
                "it must be file:///path, s3://bucket or s3://bucket/prefix (or be empty for the data folder)"
            )
        return value

    @field_validator("public_url", "s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and value.isprintable()
        if value and (not usable or " " in value or parts.query or parts.fragment):
            raise ValueError("it must be an address such as https://souk.example.com")
        return value

    @field_validator("engine_metrics")
    @classmethod
    def _is_host_and_port(cls, value: str) -> str:
        if value and not _HOST_AND_PORT.fullmatch(value):
            raise ValueError("it must be HOST:PORT, such as 127.0.0.1:8101")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for entry in filter(None, map(str.strip, value.split(","))):
            ip_network(entry, strict=False)
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings)

    @property
    def sqlite(self) -> bool:
        url = self.database_url.get_secret_value()
        return not url or url.startswith("sqlite:")

    @property
    def secrets(self) -> list[str]:
        """Values that must never be shown."""
        given = [value for _, value in self if isinstance(value, SecretStr)]
        found = [value.get_secret_value() for value in given]
        return [text for text in found if text] + _passwords(self.database_url.get_secret_value())

    @property
    def loopback(self) -> bool:
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def outbound_policy(self) -> NetworkPolicy:
        """The network policy in force when none is set: open on a laptop, strict anywhere else."""
        if self.network_policy is not None:
            return self.network_policy
        return NetworkPolicy.OPEN if self.loopback and not self.public_url else NetworkPolicy.PRIVATE_DENIED


def _passwords(url: str) -> list[str]:
    """The password in a database's address, as it may be spelt.

    One that the rest of the address spells too (``postgres``) is left out: hiding it would hide that instead.
    """
    login, _, place = url.rpartition("@")
    user, _, password = login.partition("://")[2].partition(":")
    named = re.findall(r"[?&]password=([^&]+)", url)
    spelt = {given for text in (password, *named) for given in (text, unquote(text))}
    return [text for text in spelt if text and text not in f"postgresql {user} {place.partition('?')[0]}"]


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message names it."""


def load_settings(
    flags: Mapping[str, Any] | None = None, config: Mapping[str, Any] | None = None
) -> Settings:
    """Settings from flags, then the environment, then the scalars of ``souk.yaml``.

    Raises SettingsError naming the setting and what it takes.
    """
    from pydantic import ValidationError

    given = {name: value for name, value in (flags or {}).items() if value is not None}
    from_files = _secret_files()
    known = set(Settings.model_fields)
    lower = {
        name: value
        for name, value in {**(config or {}), **_makers_variables()}.items()
        if name in known and f"SOUK_{name.upper()}" not in os.environ
    }
    try:
        return Settings(**{**lower, **from_files, **given})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise SettingsError(
            f"{PREFIX}{name.upper()}: {first['msg'].removeprefix('Value error, ')}"
        ) from error


def _makers_variables() -> dict[str, Any]:
    """Settings given under the names of :data:`MAKERS_NAMES`; of a key, all parts or none."""
    ours = any(name.startswith(f"{PREFIX}S3_ACCESS_KEY_ID") and os.environ[name] for name in os.environ)
    return {
        name: os.environ[variable]
        for name, variables in MAKERS_NAMES.items()
        for variable in reversed(variables)
        if os.environ.get(variable) and not (ours and variable in _KEY_PARTS)
    }


def _secret_files() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, info in Settings.model_fields.items():
        if info.annotation is not SecretStr:
            continue
        variable = f"SOUK_{name.upper()}_FILE"
        path = os.environ.get(variable)
        if not path or os.environ.get(f"SOUK_{name.upper()}"):
            continue
        try:
            values[name] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{variable}: cannot read {path}: {error.strerror}") from error
    return values
