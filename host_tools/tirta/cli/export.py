# SPDX-License-Identifier: MIT
"""`tirta export`: an archive's records out into other programs."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import Work, json_argument
from tirta.exports.export import FORMATS, export_selected
from tirta.exports.selection import Selection, moment
from tirta.exports.style import Style, zone_named
from tirta.text import counted

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
    parser.add_argument(
        "--wide", action="store_true", help="CSV with a row a record, a column a channel"
    )
    parser.add_argument(
        "--local-time", action="store_true", help="times of this computer's zone, not UTC"
    )
    parser.add_argument(
        "--time-zone", metavar="ZONE", help="local time of this zone, as Asia/Jakarta"
    )
    parser.add_argument(
        "--separator", default=",", metavar="C", help="between the columns of CSV (default ,)"
    )
    parser.add_argument(
        "--decimal", default=".", metavar="C", help="decimal sign of CSV, . or , (default .)"
    )
    json_argument(parser)


def _export(args: Namespace) -> None:
    wanted = Selection(tuple(args.node), tuple(args.channel), args.since, args.until)
    zone = None if args.time_zone is None else zone_named(args.time_zone)
    local = args.local_time or zone is not None
    style = Style(args.wide, local, zone, args.separator, args.decimal)
    done = export_selected(args.archive, args.to, args.out, wanted, style)
    say.written(done.path, as_json=args.json)
    if done.left_out:
        say.say(f"Left out: {counted(done.left_out, 'row')}; this format has no place for them.")


WORK: Work = {
    "export": (_export_arguments, _export),
}
