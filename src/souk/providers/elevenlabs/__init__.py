"""ElevenLabs: speech, dialogue, sound effects, transcripts and clean voices, each answered while one waits."""

from souk.providers.elevenlabs.provider import BASE_URL, ElevenLabs

__all__ = ["BASE_URL", "ElevenLabs"]
