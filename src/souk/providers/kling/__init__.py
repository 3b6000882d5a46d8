"""Kling, at its maker: videos from words and pictures, avatars and copied motion."""

from souk.providers.kling.provider import BASE_URL, Kling

__all__ = ["BASE_URL", "Kling"]
