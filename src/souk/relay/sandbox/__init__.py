"""The sandbox of chat: answers in every maker's protocol without asking a model, plainly marked as made up.

A request is read into one :class:`~souk.relay.sandbox.asked.Asked` (``reading``), answered by one
:class:`~souk.relay.sandbox.reply.Reply` whatever the protocol, and written in the protocol's words (``writing``).
"""

from souk.relay.sandbox.chat import SandboxChat

__all__ = ["SandboxChat"]
