"""Alibaba's DashScope (Model Studio): Wan and HappyHorse clips, and pictures by Qwen, Wan and Z-Image."""

from souk.providers.dashscope.provider import DashScope
from souk.providers.dashscope.wire import BASE_URL

__all__ = ["BASE_URL", "DashScope"]
