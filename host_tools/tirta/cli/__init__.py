# SPDX-License-Identifier: MIT
"""The command `tirta`: parse, call, print. Exit codes: 0 done, 1 not done, 2 wrong usage."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from tirta import __version__
from tirta.cli import (
    archive,
    calibrate,
    collect,
    configure,
    deploy,
    district,
    doctor,
    find,
    flash,
    keys,
    look,
    monitor,
    provision,
    pulling,
    say,
    update,
    virtual,
)
from tirta.cli.command import GROUPS, Command
from tirta.errors import TirtaError

COMMANDS: tuple[Command, ...] = (
    *find.COMMANDS,
    *flash.COMMANDS,
    *deploy.COMMANDS,
    *provision.COMMANDS,
    *update.COMMANDS,
    *configure.COMMANDS,
    *pulling.COMMANDS,
    *collect.COMMANDS,
    *archive.COMMANDS,
    *calibrate.COMMANDS,
    *look.COMMANDS,
    *doctor.COMMANDS,
    *monitor.COMMANDS,
    *district.COMMANDS,
    *keys.COMMANDS,
    *virtual.COMMANDS,
)
_SHOWS_HELP = 2
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # where `tirta … > FILE` goes


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; every error for a person ends here as one message."""
    parser, _ = build_parser()
    args = parser.parse_args(argv)
    if not hasattr(args, "run"):
        args.parser.print_help(sys.stderr)
        return _SHOWS_HELP
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
        if error.errno not in _FULL:
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


def build_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and that of each command by name."""
    top = argparse.ArgumentParser(
        prog="tirta",
        usage="tirta COMMAND …",
        description="Flash, configure, pull and read water-utility nodes.",
        epilog=_overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=True,
    )
    top.add_argument("--version", action="version", version=f"tirta {__version__}")
    top.set_defaults(parser=top)
    commands = top.add_subparsers(metavar="COMMAND", help=argparse.SUPPRESS)
    families: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    found = {}
    for command in COMMANDS:
        family, _, word = command.name.partition(" ")
        if word and family not in families:
            holder = commands.add_parser(
                family,
                prog=f"tirta {family}",
                description=f"See `tirta {family} WORD --help`.",
                allow_abbrev=False,
            )
            holder.set_defaults(parser=holder)
            families[family] = holder.add_subparsers(metavar="WORD", required=False)
        parser = (families[family] if word else commands).add_parser(
            word or family,
            prog=f"tirta {command.name}",
            help=command.help,
            description=command.help[0].upper() + command.help[1:] + ".",
            epilog=f"Example:\n  {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.arguments(parser)
        parser.set_defaults(run=command.run, parser=parser)
        found[command.name] = parser
    return top, found


def _overview() -> str:
    lines = []
    for group in GROUPS:
        lines.append(f"{group}:")
        lines += [f"  {c.name:15} {c.help}" for c in COMMANDS if c.group == group]
        lines.append("")
    return "\n".join([*lines, "`tirta COMMAND --help` shows the options and an example."])
