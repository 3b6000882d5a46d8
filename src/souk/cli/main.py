"""The ``souk`` command: assembles its nouns and turns every failure into one line and an exit code."""

import os
import sys
from typing import Annotated

import typer

from souk import __version__
from souk.cli.accounts import accounts
from souk.cli.backup import backup, restore
from souk.cli.callbacks import callbacks
from souk.cli.credits import credits
from souk.cli.doctor import doctor
from souk.cli.engine import engine
from souk.cli.failure import Exit, code_of, complain
from souk.cli.files import files
from souk.cli.keys import keys
from souk.cli.ledger import ledger
from souk.cli.migrate import migrate
from souk.cli.models import models
from souk.cli.move import export, import_
from souk.cli.opening import speak_early
from souk.cli.providers import providers
from souk.cli.rekey import rekey
from souk.cli.run import run
from souk.cli.serve import serve
from souk.cli.show import out
from souk.cli.tasks import tasks

UNATTENDED = ("serve", "engine", "migrate")
"""Commands that systemd and its like run, and collect what they say."""

app = typer.Typer(
    name="souk",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    serve,
    engine,
    run,
    models,
    providers,
    doctor,
    backup,
    restore,
    export,
    import_,
    migrate,
    rekey,
):
    app.command(command.__name__.rstrip("_"))(command)
for name, group in (
    ("keys", keys),
    ("accounts", accounts),
    ("credits", credits),
    ("tasks", tasks),
    ("files", files),
    ("callbacks", callbacks),
    ("ledger", ledger),
):
    app.add_typer(group, name=name)


def _version(asked: bool) -> None:
    if asked:
        out(f"souk {__version__}")
        raise typer.Exit


@app.callback()
def souk(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """The open, self-hosted market of generative models: one key and one task API."""


def main(arguments: list[str] | None = None) -> int:
    """Run ``souk`` with these arguments (the process's own by default); the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in UNATTENDED:
        speak_early()
    try:
        answer = app(args=arguments, standalone_mode=False, prog_name="souk")
        sys.stdout.flush()
    except KeyboardInterrupt:
        complain("interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; Python must not complain about it while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.NEGATIVE
    except Exception as error:  # noqa: BLE001 - the last resort: a person reads one line, not a traceback
        return code_of(error)
    return answer if isinstance(answer, int) else Exit.OK
