"""How a command fails: one line on stderr that says what to do, and an exit code that says what kind it was.

Where the log is JSON, it is a line of the log: whoever collects what a service says reads no other.
"""

import sys
import time
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes of ``souk``."""

    OK = 0
    NEGATIVE = 1
    """The answer is no: a task failed, an operation was refused, a check found something."""
    USAGE = 2
    CONFIGURATION = 3
    """A setting, the database or the storage cannot be used as it is."""
    NOT_FOUND = 4
    INTERRUPTED = 130


class Failure(Exception):
    """A command ends here, for the reason its message gives."""

    def __init__(self, message: str, code: Exit = Exit.NEGATIVE) -> None:
        super().__init__(message)
        self.code = code


def complain(message: str) -> None:
    """One line on stderr."""
    message = " ".join(message.split())
    _say(message, "WARNING", message)


def _say(message: str, level: str, event: str, **fields: Any) -> None:
    from souk.logs import json_line, speaks_json

    line = json_line(time.time(), level, "souk", event, fields) if speaks_json() else f"souk: {message}"
    sys.stderr.write(f"{line}\n")


def code_of(error: Exception) -> Exit:
    """Say what went wrong and give the exit code for it."""
    if help_text := _help(error):
        sys.stderr.write(f"{help_text}\n")
        return Exit.USAGE
    from souk.logs import redact  # a message may quote words that nobody chose

    message, code = _told(error)
    message = redact(" ".join(message.split()))
    _say(message, "ERROR", "failed", reason=message, exit_code=code)
    return code


def _help(error: Exception) -> str:
    """The help that the command-line parser raises where a group is called without a command."""
    told = getattr(error, "format_message", str)()
    return told if told.startswith("Usage:") else ""


def _told(error: Exception) -> tuple[str, Exit]:
    if isinstance(error, Failure):
        return str(error), error.code
    if usage := getattr(error, "format_message", None):  # what the command-line parser raises
        at = getattr(getattr(error, "ctx", None), "command_path", "") or "souk"
        return f"{usage()} (see {at} --help)", Exit.USAGE
    # Below here a command has run, so these are loaded already or soon enough.
    from souk.operations.admin import NoSuch
    from souk.operations.types import Reason, Refusal

    if isinstance(error, NoSuch):
        return str(error.args[0]), Exit.NOT_FOUND
    if isinstance(error, Refusal):
        unknown = error.reason in (Reason.UNKNOWN_TASK, Reason.UNKNOWN_MODEL)
        return error.message, Exit.NOT_FOUND if unknown else Exit.NEGATIVE
    if isinstance(error, _configuration_errors()):
        return str(error), Exit.CONFIGURATION
    return f"{type(error).__name__}: {error}", Exit.NEGATIVE


def _configuration_errors() -> tuple[type[Exception], ...]:
    from souk.accounts.keys import BadKey
    from souk.accounts.secrets import SecretKeyError
    from souk.accounts.webhook_keys import BadWebhookKey
    from souk.assets.storage import StorageError
    from souk.catalog import CatalogError
    from souk.operations.backup.archive import BadBackup
    from souk.providers.connections import BadConnection
    from souk.settings import SettingsError
    from souk.store.database import DatabaseError

    return (
        SettingsError,
        SecretKeyError,
        BadKey,
        BadWebhookKey,
        BadBackup,
        StorageError,
        CatalogError,
        BadConnection,
        DatabaseError,
    )
