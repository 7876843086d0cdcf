# SPDX-License-Identifier: MIT
"""The command `tirta`: parse, call, print. Exit codes: 0 done, 1 not done, 2 wrong usage."""

import errno
import io
import logging
import os
import sys
from collections.abc import Sequence

from tirta import patience
from tirta.cli import parser, say
from tirta.cli.catalogue import COMMANDS, Command, named
from tirta.cli.parser import WRONG_USAGE, Parser
from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.text import translation

_UTF8 = {"utf-8", "utf8"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; every error for a person ends here as one message."""
    try:
        return _main(sys.argv[1:] if argv is None else list(argv))
    except KeyboardInterrupt:  # also while a command is loaded
        say.error("Interrupted.", "What was done is kept; run the command again to go on.")
        return 1


def _main(words: list[str]) -> int:
    _speak_utf8()
    # Its first words on a new computer are about its cache of fonts, which is nobody's concern.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    language, words = translation.wanted(words)
    words, untold = _told(words)
    wrong = (
        untold
        or say.speak(language)
        or parser.misspelt(words, (command.name for command in COMMANDS))
    )
    if wrong:
        say.error(*wrong)
        return WRONG_USAGE
    args, unknown = build_parser(named(words))[0].parse_known_args(words)
    if unknown:
        args.parser.no_place(unknown)
    if args.run is None:
        args.parser.print_help(sys.stderr)
        return WRONG_USAGE
    patience.listen(say.say)
    try:
        code = args.run(args) or 0
        sys.stdout.flush()
    except TirtaError as error:
        _log(error)
        say.error(error.what, error.hint)
        return 1
    except BrokenPipeError:  # whoever read our output has gone
        _drop_output()
        return 1
    except OSError as error:
        if atomic.WINDOWS and error.errno == errno.EINVAL:  # a broken pipe, there
            _drop_output()
            return 1
        if error.errno not in atomic.FULL:  # where `tirta … > FILE` goes
            if not error.filename:
                raise
            _log(error)
            say.error(
                f"Cannot use {error.filename}: {os.strerror(error.errno or 0)}.",
                "Look what is there, and at the disk and its rights; then run the command again.",
            )
            return 1
        _drop_output()
        say.error(
            f"Cannot write the output: {os.strerror(error.errno)}.",
            "It is incomplete. Make room on the disk, then run the command again.",
        )
        return 1
    return int(code)


def _complete() -> None:
    from tirta.cli.completing import complete

    complete(build_parser)


def _told(words: list[str]) -> tuple[list[str], tuple[str, str] | None]:
    """The words without --verbose and --log, which are obeyed from here on; what is wrong."""
    if not any(word.startswith(("--verbose", "--log")) for word in words):
        if "tirta.link.trace" in sys.modules:
            sys.modules["tirta.link.trace"].stop()
        return words, None
    from tirta.link import trace

    try:
        verbose, file, rest = trace.wanted(words)
        trace.start(verbose, file, rest)
    except TirtaError as error:
        return words, (error.what, error.hint)
    return rest, None


def _log(error: BaseException) -> None:
    if trace := sys.modules.get("tirta.link.trace"):
        trace.failed(error)


def _speak_utf8() -> None:
    """Write UTF-8 into files and pipes, and to any terminal something for each sign: Windows and
    old locales take less than the texts here have.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() not in {
            "utf-8",
            "utf8",
        }:
            if not stream.isatty():
                stream.reconfigure(encoding="utf-8")
            stream.reconfigure(errors="replace")


def _drop_output() -> None:
    """Forget what was not written: Python would complain again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser(commands: Sequence[Command] = COMMANDS) -> tuple[Parser, dict[str, Parser]]:
    """Build the parser of these commands, and that of each by name; their modules are loaded."""
    return parser.build(commands)
