"""xAI's Imagine API: Grok pictures, answered at once, and Grok clips, polled for."""

from souk.providers.xai.provider import Xai

__all__ = ["Xai"]
