# SPDX-License-Identifier: MIT
"""`tirta completion`: what a shell needs to complete commands, options and names.

argcomplete does the work; its program and ours meet in the environment that the shell sets.
"""

from argparse import ArgumentParser, Namespace

from argcomplete.shell_integration import shellcode

from tirta.cli import say
from tirta.cli.command import Work

SHELLS = ("bash", "zsh", "fish", "powershell")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="for which shell")


def _completion(args: Namespace) -> None:
    say.out(shellcode(["tirta"], shell=args.shell).rstrip())


WORK: Work = {
    "completion": (_arguments, _completion),
}
