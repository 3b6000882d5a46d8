"""A chat model: which protocols it speaks, what its tokens cost, and where it can be asked. It makes no tasks."""

from dataclasses import dataclass
from typing import Final

from souk.catalog.model import Route
from souk.words import Credits, ModelId

PROTOCOLS: Final = ("chat", "responses", "messages", "gemini")
"""OpenAI's chat completions and responses, Anthropic's messages, Gemini's generateContent."""
MILLION: Final = 1_000_000
WRITTEN: Final = 1.25
"""What writing to a cache costs beside plain input, where the price does not say: Anthropic's rate."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one answer. The parts do not overlap."""

    input: int = 0
    """Read, and not found in a cache."""
    output: int = 0
    """Written, thoughts included."""
    cached: int = 0
    """Read from a cache."""
    written: int = 0
    """Read and put into a cache."""


@dataclass(frozen=True, slots=True)
class ChatPrice:
    """Credits (in units of 0.0001) for a million tokens of each kind."""

    input: Credits
    cached: Credits
    written: Credits
    output: Credits
    estimated: bool

    def cost(self, usage: Usage) -> Credits:
        """What this usage costs, rounded up to the next unit."""
        millionths = (
            usage.input * self.input
            + usage.cached * self.cached
            + usage.written * self.written
            + usage.output * self.output
        )
        return Credits(-(-millionths // MILLION))

    def bound(self, input: int, output: int) -> Credits:
        """The most that so many tokens can cost, whatever the cache does."""
        dearest = max(self.input, self.cached, self.written)
        return Credits(-(-(input * dearest + output * self.output) // MILLION))


@dataclass(frozen=True, eq=False, slots=True)
class ChatModel:
    """An entry of the catalogue that answers at once, in the shape of its protocols."""

    id: ModelId
    title: str
    vendor: str
    brand: str
    description: str
    aliases: tuple[str, ...]
    protocols: tuple[str, ...]
    """Which of :data:`PROTOCOLS` it is offered in."""
    price: ChatPrice
    context: int
    """The most tokens it reads."""
    max_output: int
    """The most tokens it writes when nothing else is asked."""
    streams: bool
    """Whether an answer at the model's own path comes as a stream when the client does not say."""
    routes: tuple[Route, ...]
    """In order of preference."""
    paused: bool
    """The operator refuses new requests for now."""
