"""One job of the local engine as its child process sees it."""

from dataclasses import dataclass
from pathlib import Path

from souk.providers.children.given import CannotUse, Given, Parent, read_given, read_parents
from souk.words import JsonObject


@dataclass(frozen=True, slots=True)
class Work:
    """A job, read from the plain JSON it was sent as."""

    kind: str
    """What is to be done, as the route names it."""
    task_id: str
    input: JsonObject
    output: JsonObject
    """The catalogue's output spec as a plain object; unset values are absent."""
    media: tuple[Given, ...]
    parents: tuple[Parent, ...]
    folder: Path

    @classmethod
    def read(cls, request: JsonObject) -> "Work":
        return cls(
            kind=request["upstream_model"],
            task_id=request["task_id"],
            input=request["input"],
            output=request["output"],
            media=read_given(request),
            parents=read_parents(request),
            folder=Path(request["workdir"]),
        )

    def given(self, *kinds: str) -> Given:
        """The file to work on: a piece's own where the input names one, else the first of the first kind there is.

        Raises CannotUse.
        """
        pieces = {parent.field for parent in self.parents if parent.data}
        for kind in kinds:
            fit = [given for given in self.media if given.kind == kind]
            if chosen := [given for given in fit if given.field in pieces] or fit:
                return chosen[0]
        raise CannotUse(f"{self._named()} gives no {' or '.join(kinds)} file to work on.")

    def picture_for(self, sound: Given) -> Given | None:
        """The picture that goes with a sound: one of the input's own, else the one its task made next to it."""
        parents = {parent.field for parent in self.parents}
        pictures = [given for given in self.media if given.kind == "image"]
        own = [given for given in pictures if given.field not in parents]
        after = [given for given in pictures if given.field in parents and given.index > sound.index]
        return next(iter([*own, *sorted(after, key=lambda given: given.index), *pictures]), None)

    def told(self, name: str) -> str:
        """A text of the input, else of what was written down about the piece it names; empty if neither has it."""
        for source in (self.input, *(parent.data for parent in self.parents)):
            if isinstance(value := source.get(name), str) and value.strip():
                return value.strip()
        return ""

    def _named(self) -> str:
        fields = [parent.field for parent in self.parents] or [given.field for given in self.media]
        return fields[0] if fields else "The input"
