"""ByteDance's Ark (ModelArk outside China): Seedream pictures, answered at once, and Seedance clips, polled for."""

from souk.providers.ark.provider import Ark
from souk.providers.ark.wire import BASE_URL

__all__ = ["BASE_URL", "Ark"]
