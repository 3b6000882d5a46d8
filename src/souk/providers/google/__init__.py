"""Google's Gemini API: pictures, speech and Gemini Omni video, with one key."""

from souk.providers.google.provider import Google

__all__ = ["Google"]
