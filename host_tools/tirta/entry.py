# SPDX-License-Identifier: MIT
"""Where the command `tirta` begins: nothing is loaded before a Ctrl-C is understood."""

import sys


def main() -> int:
    """Run the command line; a Ctrl-C while it is loaded is one message, too."""
    try:
        from tirta.cli import main as run  # noqa: PLC0415 - all that loads is loaded in here

        return run()
    except KeyboardInterrupt:
        print("tirta: Interrupted.", file=sys.stderr)
        return 1
