# SPDX-License-Identifier: MIT
"""`tirta export`: an archive's records out into other programs."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import Work, json_argument
from tirta.export import FORMATS, export_selected
from tirta.exports.selection import Selection, moment

_ARCHIVE = Path("archive")


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", metavar="DIR", type=Path, help="what `tirta pull` wrote")
    parser.add_argument("--to", required=True, choices=sorted(FORMATS), help="format")
    parser.add_argument(
        "--out", type=Path, metavar="PATH", help="file or folder (default: in the archive)"
    )
    parser.add_argument(
        "--node", action="append", default=[], metavar="N", help="only this node; may be repeated"
    )
    parser.add_argument(
        "--channel", action="append", default=[], metavar="C", help="only this channel; repeatable"
    )
    parser.add_argument(
        "--from", dest="since", type=moment, metavar="T", help="from this day or time (UTC) on"
    )
    parser.add_argument("--until", type=moment, metavar="T", help="before this one")
    json_argument(parser)


def _export(args: Namespace) -> None:
    wanted = Selection(tuple(args.node), tuple(args.channel), args.since, args.until)
    done = export_selected(args.archive, args.to, args.out, wanted)
    say.written(done.path, as_json=args.json)
    if done.left_out:
        say.say(f"{done.left_out} rows are left out: this format has no place for them.")


WORK: Work = {
    "export": (_export_arguments, _export),
}
