"""What a chat request asks for, whichever protocol it came in."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from souk.relay.sandbox.tokens import MEDIA_TOKENS, MESSAGE_TOKENS, tokens_of, tokens_of_json
from souk.words import JsonObject

DEFAULT_MAX_TOKENS: Final = 8_192
"""The longest answer where the request does not say how long one may be."""
HOSTED: Final = frozenset({"web_search", "googleSearch", "google_search"})
"""Functions of the compatible wire that the service itself would run, so a client is never asked to."""


class Unusable(ValueError):
    """The request is not one the maker would answer. The message is for the client and names the field."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may use."""

    name: str
    parameters: JsonObject | None = None
    """The JSON Schema of its arguments; None for a tool that the maker runs itself."""

    @property
    def callable(self) -> bool:
        return self.parameters is not None and self.name not in HOSTED


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tools shall be used."""

    forced: bool = False
    """A tool must be called, whatever was said."""
    allowed: tuple[str, ...] | None = None
    """Only these; None = all that are offered."""
    parallel: bool = True


NO_TOOLS: Final = Choice(allowed=())


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gave back."""

    tool: str
    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an answer has to end."""

    max_tokens: int = DEFAULT_MAX_TOKENS
    stops: tuple[str, ...] = ()

    @classmethod
    def of(cls, max_tokens: int | None, stops: tuple[str, ...] = ()) -> "Limits":
        """What the request says, or the default where it says nothing. Raises Unusable."""
        if max_tokens is not None and max_tokens < 1:
            raise Unusable("the most tokens of an answer must be 1 or more")
        return cls(max_tokens or DEFAULT_MAX_TOKENS, stops)


@dataclass(frozen=True, slots=True)
class Structure:
    """The form a structured answer must have."""

    schema: JsonObject
    bare: bool = False
    """The answer is the value itself and not JSON, as with Gemini's ``text/x.enum``."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request, understood."""

    model: str
    talk: "Talk"
    tools: tuple[Tool, ...] = ()
    choice: Choice = field(default_factory=Choice)
    structure: Structure | None = None
    limits: Limits = field(default_factory=Limits)
    choices: int = 1
    """How many answers are wanted."""
    thinks: bool = False
    """The thoughts before the answer shall be seen."""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the protocol echoes in its answer."""

    @property
    def prompt_tokens(self) -> int:
        offered = [[tool.name, tool.parameters] for tool in self.tools]
        form = tokens_of_json(self.structure.schema) if self.structure else 0
        return self.talk.tokens + form + (tokens_of_json(offered) if offered else 0)


@dataclass(slots=True)
class Talk:
    """A conversation, followed from its first message to the last."""

    said: str = ""
    """The last text of the user."""
    system: bool = False
    results: list[Result] = field(default_factory=list[Result])
    """What tools gave back since the user last spoke."""
    called: dict[str, str] = field(default_factory=dict[str, str])
    """Calls the model made so far: id (or name, where calls have no id) to the tool's name."""
    media: Counter[str] = field(default_factory=Counter[str])
    """Files in the conversation: kind to number."""
    tokens: int = 0

    def instructed(self, text: str) -> None:
        """A system text."""
        self.system = self.system or bool(text)
        self.tokens += tokens_of(text)

    def turn(self, said: list[str], results: list[Result]) -> None:
        """A message of the user's side: what it says, and what it brings back from tools."""
        self.tokens += MESSAGE_TOKENS + sum(map(tokens_of, said)) + sum(tokens_of(r.text) for r in results)
        if results:
            self.results += results
        elif said:
            self.results = []
        if said:
            self.said = "\n".join(said)

    def answered(self, text: str) -> None:
        """A message the model wrote earlier."""
        self.tokens += MESSAGE_TOKENS + tokens_of(text)

    def call(self, id: str, tool: str, arguments: Any) -> None:
        """A call the model made earlier."""
        self.called[id] = tool
        self.tokens += tokens_of(tool) + tokens_of_json(arguments)

    def saw(self, kind: str) -> None:
        """A file in a message."""
        self.media[kind] += 1
        self.tokens += MEDIA_TOKENS
