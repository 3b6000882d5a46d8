"""OpenAI's images and videos APIs, at OpenAI or at any server that speaks them."""

from souk.providers.openai.provider import OpenAI

__all__ = ["OpenAI"]
