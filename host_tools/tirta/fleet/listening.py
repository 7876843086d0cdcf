# SPDX-License-Identifier: MIT
"""Uvicorn, which speaks HTTP for the service until Ctrl-C."""

import errno
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from tirta.errors import TirtaError

_END_S = 2  # for answers under way; who listens on /events is cut off


def listen(app: Starlette, host: str, port: int, tell: Callable[[str], object]) -> None:
    """Serve until Ctrl-C; `tell` hears the address. Raises TirtaError where nobody can listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family)
    except OSError as error:
        raise TirtaError(
            f"Nobody can listen at {host}:{port}: {error.strerror or error}.",
            "Name another port: --port 0 takes a free one."
            if error.errno == errno.EADDRINUSE
            else "Name an address of this computer: --host 127.0.0.1.",
        ) from error
    with made:
        shown = f"[{host}]" if ":" in host else host
        tell(f"http://{shown}:{made.getsockname()[1]}/")
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=_END_S,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[made])
