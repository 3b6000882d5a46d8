"""Google: pictures, speech and Gemini Omni video by the Gemini API, with one key; Veo on Google Cloud."""

from souk.providers.google.cloud import GoogleCloud
from souk.providers.google.provider import Google

__all__ = ["Google", "GoogleCloud"]
