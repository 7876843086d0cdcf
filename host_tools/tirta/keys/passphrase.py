# SPDX-License-Identifier: MIT
"""Where a passphrase comes from: a person at a terminal, or TIRTA_PASSPHRASE for a script.

Never the command line: other users of the computer see it there.
"""

import getpass
import os
import sys

from tirta.errors import TirtaError
from tirta.text.translation import said

LEAST = 10


def ask(what: str) -> str:
    """Ask for the passphrase of something that exists; `what` says whose it is, and where that
    lies.
    """
    if given := os.environ.get("TIRTA_PASSPHRASE"):
        return given
    if not sys.stdin.isatty():
        raise TirtaError(
            f"The passphrase of {what} is needed, and nobody is here to ask.",
            "Run the command in a terminal, or give a script TIRTA_PASSPHRASE.",
        )
    return getpass.getpass(said(f"Passphrase of {what}: "))


def choose(what: str) -> str:
    """Ask twice for a passphrase for something new."""
    given = ask(what)
    if len(given) < LEAST:
        raise TirtaError(f"A passphrase needs at least {LEAST} characters.", "Choose a longer one.")
    if not os.environ.get("TIRTA_PASSPHRASE") and getpass.getpass(said("Once more: ")) != given:
        raise TirtaError("These were two passphrases.", "Run the command again.")
    return given
