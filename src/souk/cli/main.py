"""The ``souk`` command: assembles its nouns and turns every failure into one line and an exit code."""

import os
import sys

import typer

from souk.cli.accounts import accounts
from souk.cli.credits import credits
from souk.cli.failure import Exit, code_of, complain
from souk.cli.keys import keys
from souk.cli.serve import serve

app = typer.Typer(
    name="souk",
    help="The open, self-hosted market of generative models: one key and one task API.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve)
app.add_typer(keys, name="keys")
app.add_typer(accounts, name="accounts")
app.add_typer(credits, name="credits")


def main(arguments: list[str] | None = None) -> int:
    """Run ``souk`` with these arguments (the process's own by default); the exit code."""
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
