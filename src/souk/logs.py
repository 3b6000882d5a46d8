"""How the house writes its log: one line per step of a task's life, as text or JSON, with secrets removed.

Rooms log a short event name and give what belongs to it through ``extra``. Prompts are never given at INFO.
"""

import logging
import re
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TextIO

import msgspec

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the HTTP request being answered, or empty outside one."""

SHORTEST_SECRET = 6
"""Shorter values are not searched for: they would blot out half the log."""
REDACTED = "***"
GATHER_SECONDS = 0.05
MOST_GATHERED = 500
"""Lines."""
FIRST_FIELDS = ("task_id", "attempt_id", "request_id")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "color_message",
    "taskName",
}
_PATTERNS = re.compile(
    r"(?P<scheme>\b(?:Bearer|Basic|Key|Token)\s+)(?!--)[\w.~+/=-]{6,}"  # an Authorization header, no option
    r"|\b(?:sk|whsec|whk)[-_][\w/+=-]{8,}"
    r"|(?P<login>://[^\s/:@]*:)[^\s/@]+(?=@)"
    r"|(?P<named>\b(?:api[_-]?key|access[_-]?token|token|password|secret|signature)=)[^\s&\"']{6,}",
    re.IGNORECASE,
)
_QUERY = re.compile(r"(://[^\s?\"'<>]+\?)[^\s\"'<>]+")
"""The query of an address; whoever wrote it may have put a token there under any name."""
_HINTS = (
    *(
        "bearer ",
        "basic ",
        "key ",
        "token ",
        "sk-",
        " sk_",
        "=sk_",
        '"sk_',
        "whsec_",
        "whk_",
    ),
    *("://", "key=", "token=", "password=", "secret=", "signature="),
)
"""What the pattern matches holds one of these. Looking for them first makes a clean line far cheaper."""
_BARE = re.compile(r'[^\s"=]+').fullmatch
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Redactor:
    """Removes secrets from text: those it was told of, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Never let these values through again."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._known |= {secret, _encode(secret).decode()[1:-1]}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        # Looking for each is far cheaper than one pattern of all, which then removes them.
        for secret in self._known:
            if secret in text and self._pattern is not None:
                text = self._pattern.sub(REDACTED, text)
                break
        low = text.lower()
        for hint in _HINTS:
            if hint in low:
                return _QUERY.sub(rf"\1{REDACTED}", _PATTERNS.sub(_blot, text))
        return text


def _blot(match: re.Match[str]) -> str:
    return (match["scheme"] or match["login"] or match["named"] or "") + REDACTED


redact = Redactor()
"""The redactor of this process's log; other rooms may use it for text that leaves the house."""


def set_up(level: str, style: str, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Send everything logged in this process to ``stream`` (stderr), as ``style`` (text or json) lines."""
    redact.add(*secrets)
    handler = GatheringHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    for former in root.handlers:
        former.flush()  # what it has gathered comes before all that follows
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Nobody reads these and looking them up costs as much as the rest of a line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # pyright: ignore[reportPrivateUsage] - as logging's own manual says


def speaks_json() -> bool:
    """Whether what is logged in this process is written as JSON."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)


class GatheringHandler(logging.Handler):
    """Writes what is logged within a moment as one piece, so that busy callers do not wait for the terminal.

    Warnings and worse are written at once, with all that came before them.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: list[str] = []
        self._more = threading.Event()
        self._writer: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.append(self.format(record))
            if record.levelno >= logging.WARNING or len(self._lines) >= MOST_GATHERED:
                self.flush()
            elif len(self._lines) == 1:
                self._wake_writer()
        except Exception:  # noqa: BLE001 - as every handler does: a log line must not break its caller
            self.handleError(record)

    def flush(self) -> None:
        """Write what has gathered."""
        with self.lock or nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()

    def _wake_writer(self) -> None:
        if self._writer is None or not self._writer.is_alive():  # the first line, or a forked process
            self._writer = threading.Thread(target=self._write, name="souk-log", daemon=True)
            self._writer.start()
        self._more.set()

    def _write(self) -> None:
        while self._more.wait():
            self._more.clear()
            time.sleep(GATHER_SECONDS)
            self.flush()


class TextLines(logging.Formatter):
    """``2026-01-31T09:26:53.123Z INFO engine task claimed task_id=… connection=…``"""

    def format(self, record: logging.LogRecord) -> str:
        parts = [
            _moment(record.created),
            record.levelname,
            _room(record),
            record.getMessage(),
        ]
        parts += [f"{name}={_plain(value)}" for name, value in _fields(record)]
        line = redact(" ".join(parts).replace("\n", "\\n").replace("\r", "\\r"))
        return line + redact(_trace(self, record)) if record.exc_info else line


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``room``, ``event`` and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields = dict(_fields(record))
        if trace := _trace(self, record):
            fields["trace"] = trace.strip()
        level, event = record.levelname, record.getMessage()
        return redact(json_line(record.created, level, _room(record), event, fields))


def json_line(created: float, level: str, room: str, event: str, fields: Mapping[str, Any]) -> str:
    """A line as :class:`JsonLines` writes it, secrets included. ``created`` is in seconds since the epoch."""
    line = {"at": _moment(created), "level": level, "room": room, "event": event, **fields}
    return _encode(line).decode()


def _room(record: logging.LogRecord) -> str:
    """Where in the house it happened. uvicorn's ``error`` logger is its only one, and tells good news too."""
    return "http" if record.name == "uvicorn.error" else record.name.removeprefix("souk.")


def _fields(record: logging.LogRecord) -> list[tuple[str, Any]]:
    given = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    if (current := request_id.get()) and "request_id" not in given:
        given["request_id"] = current
    first = [(name, given.pop(name)) for name in FIRST_FIELDS if name in given]
    return first + list(given.items())


def _plain(value: Any) -> str:
    """A value without spaces stands as it is; any other is written as JSON, so a line splits at spaces."""
    text = str(value)
    return text if text.isalnum() or _BARE(text) else _encode(text).decode()


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if not record.exc_info:
        return ""
    if not record.exc_text:
        record.exc_text = formatter.formatException(record.exc_info)
    return "\n" + record.exc_text


def _moment(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
