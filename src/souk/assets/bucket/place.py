"""Which bucket files live in, where its service answers, and with which keys."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Keys:
    """What requests are signed with. ``token`` belongs to keys that work for a while only."""

    id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or a part of one below a prefix."""

    name: str
    prefix: str = ""
    """Without slashes at its ends; keys stand below it."""
    endpoint: str = ""
    """Address of the service, without the bucket. Empty: Amazon's, of the region."""
    public_endpoint: str = ""
    """Where clients reach the same service. Empty: at ``endpoint``."""
    region: str = DEFAULT_REGION
    keys: Keys | None = None
    """None: the role of this machine, as Amazon's services give one."""
    certificates: Path | None = None
    """PEM file of authorities to trust beside the system's."""

    @classmethod
    def at(cls, url: str) -> "Bucket":
        """The bucket that ``s3://name/prefix`` names. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("it must be s3://bucket or s3://bucket/prefix")
        return cls(parts.netloc, parts.path.strip("/"))

    @property
    def url(self) -> str:
        """How people name it."""
        return f"s3://{self.name}/{self.prefix}".rstrip("/")

    @property
    def service(self) -> str:
        """Address of the service, whoever runs it."""
        return (self.endpoint or f"https://s3.{self.region}.amazonaws.com").rstrip("/")

    @property
    def public_service(self) -> str:
        """Address of the service for clients."""
        return (self.public_endpoint or self.service).rstrip("/")

    def path(self, key: str) -> str:
        """A file's path at the service."""
        return "/" + "/".join(part for part in (self.name, self.prefix, key) if part)
