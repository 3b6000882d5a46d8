"""Souk: the open, self-hosted market of generative models."""

__version__ = "0.1.0"
