# SPDX-License-Identifier: MIT
"""The command `tirta`: parse, call, print. Exit codes: 0 done, 1 not done, 2 wrong usage."""

import os
import sys
from collections.abc import Sequence

from tirta import atomic
from tirta.cli import parser, say
from tirta.cli.catalogue import COMMANDS, Command, named
from tirta.cli.parser import WRONG_USAGE, Parser
from tirta.errors import TirtaError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; every error for a person ends here as one message."""
    words = sys.argv[1:] if argv is None else list(argv)
    if wrong := parser.misspelt(words, (command.name for command in COMMANDS)):
        say.error(*wrong)
        return WRONG_USAGE
    args, unknown = build_parser(named(words))[0].parse_known_args(words)
    if unknown:
        args.parser.error(f"there is no option or place for: {' '.join(unknown)}")
    if not hasattr(args, "run"):
        args.parser.print_help(sys.stderr)
        return WRONG_USAGE
    try:
        code = args.run(args) or 0
        sys.stdout.flush()
    except TirtaError as error:
        say.error(error.what, error.hint)
        return 1
    except KeyboardInterrupt:
        say.error("Interrupted.", "What was done is kept; run the command again to go on.")
        return 1
    except BrokenPipeError:  # whoever read our output has gone
        _drop_output()
        return 1
    except OSError as error:
        if error.errno not in atomic.FULL:  # where `tirta … > FILE` goes
            raise
        _drop_output()
        say.error(
            f"Cannot write the output: {os.strerror(error.errno)}.",
            "It is incomplete. Make room on the disk, then run the command again.",
        )
        return 1
    return int(code)


def _drop_output() -> None:
    """Forget what was not written: Python would complain again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser(commands: Sequence[Command] = COMMANDS) -> tuple[Parser, dict[str, Parser]]:
    """The parser of these commands, and that of each by name; loads their modules."""
    return parser.build(commands)
