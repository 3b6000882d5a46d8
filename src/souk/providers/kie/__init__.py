"""KIE.AI as an upstream: its Jobs API, its dedicated APIs and its file uploads."""

from souk.providers.kie.callbacks import WEBHOOK_KEY
from souk.providers.kie.envelope import BASE_URL
from souk.providers.kie.provider import Kie

__all__ = ["BASE_URL", "WEBHOOK_KEY", "Kie"]
