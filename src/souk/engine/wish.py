"""A wish that a task's life hears of, such as a client's to cancel it. Cheaper than an event: nothing waits on it."""

from collections.abc import Callable


class Wish:
    """Set by whoever hears the client, cleared when it came too late."""

    __slots__ = ("_hear", "_set")

    def __init__(self) -> None:
        self._set = False
        self._hear: Callable[[], None] | None = None

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        if self._hear is not None:
            self._hear()

    def clear(self) -> None:
        self._set = False

    def heard_by(self, hear: Callable[[], None] | None) -> None:
        """Who is told when the wish comes; at once if it is there already."""
        self._hear = hear
        if hear is not None and self._set:
            hear()
