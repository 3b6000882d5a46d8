"""The chat protocols of the makers, one module each: how a request is read, a usage found and an error told."""

from typing import Final

from souk.relay.protocols.chat import ChatCompletions
from souk.relay.protocols.gemini import Gemini
from souk.relay.protocols.messages import Messages
from souk.relay.protocols.protocol import ChatProtocol
from souk.relay.protocols.responses import Responses

CHAT: Final = ChatCompletions()
RESPONSES: Final = Responses()
MESSAGES: Final = Messages()
GEMINI: Final = Gemini()
PROTOCOLS: Final[dict[str, ChatProtocol]] = {each.name: each for each in (CHAT, RESPONSES, MESSAGES, GEMINI)}
