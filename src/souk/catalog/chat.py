"""A chat model: which protocols it speaks, what its tokens cost, and where it can be asked. It makes no tasks."""

from dataclasses import dataclass
from typing import Final

from souk.words import Credits

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
