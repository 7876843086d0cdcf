# SPDX-License-Identifier: MIT
"""`tirta sensors`: which kinds of sensors there are, and how a config names each."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from tirta.cli import say
from tirta.cli.command import Work, json_argument
from tirta.config import sensor_help


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", nargs="?", help="one of them: its keys, an example")
    json_argument(parser)


def _sensors(args: Namespace) -> None:
    found = sensor_help.about(args.kind) if args.kind else sensor_help.sections()
    if args.json:
        say.document([asdict(section) for section in found])
    elif args.kind:
        say.out(
            "\n\n".join(
                f"{s.title}\n\n{s.text.replace('```toml', '').replace('```', '')}" for s in found
            )
        )
    else:
        say.table(("KIND", "WHAT IT IS"), sensor_help.titles())
        say.say("An example and the keys of one: `tirta sensors KIND`.")


WORK: Work = {
    "sensors": (_arguments, _sensors),
}
