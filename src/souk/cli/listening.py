"""The socket a process listens on, or a word on why it cannot."""

import socket
from collections.abc import Generator
from contextlib import contextmanager

from souk.cli.failure import Exit, Failure


@contextmanager
def listening(host: str, port: int, chosen_by: str) -> Generator[socket.socket]:
    """The socket clients connect to; they wait in its queue until somebody answers.

    ``chosen_by`` names what to change where that is not possible. Raises Failure.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise Failure(
                f"cannot listen on {host} port {port}: {reason}; choose another with {chosen_by}",
                Exit.CONFIGURATION,
            ) from error
        yield listener
