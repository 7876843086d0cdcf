# SPDX-License-Identifier: MIT
"""A lake of the tables of many cities: written, tidied, mended, a city's tables taken out of it."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from tirta.archive.evidence import Archive
from tirta.archive.pack import Pack
from tirta.cli import say
from tirta.cli.command import Work, json_argument, whole
from tirta.errors import TirtaError
from tirta.progress import bar
from tirta.tables import layout
from tirta.text import counted

_KEEP_DAYS = 30


def _lake_argument(parser: ArgumentParser) -> None:
    parser.add_argument("lake", type=Path, metavar="LAKE", help="folder of the lake")


def _write_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, metavar="SOURCE",
        help="a folder with an archive for each city, or one archive",
    )  # fmt: skip
    _lake_argument(parser)
    json_argument(parser)


def _write(args: Namespace) -> int:
    with bar("lake") as progress:
        done = _engine().commit(_archives(args.source), args.lake, progress)
    if args.json:
        say.document(asdict(done))
    else:
        say.out(f"{counted(done.rows, 'row')} written in {counted(done.commits, 'commit')}.")
    for path in done.problems:
        say.say(f"Left out, since it is no table of this version: {path}.")
    return int(bool(done.problems))


def _archives(source: Path) -> dict[str, Path]:
    """The archives of a source that have tables, by city; not those that `tirta receive` writes
    into a lake itself. Raises TirtaError.
    """
    if Pack.of(source):
        raise TirtaError(
            f"{source} goes into its lake as it is received.",
            "Start `tirta receive --lake LAKE`: it brings what lacks.",
        )
    if (source / layout.RECORDS).is_dir():
        return {source.resolve().name: source}
    found = {path.parent.name: path.parent for path in sorted(source.glob(f"*/{layout.RECORDS}"))}
    found = {city: archive for city, archive in found.items() if not Pack.of(archive)}
    if not found:
        Archive(source).must_have_epochs()
    return found


def _tidy_arguments(parser: ArgumentParser) -> None:
    _lake_argument(parser)
    parser.add_argument(
        "--keep-days", type=whole, default=_KEEP_DAYS, metavar="N",
        help=f"snapshots of so many days stay readable (default {_KEEP_DAYS})",
    )  # fmt: skip
    json_argument(parser)


def _tidy(args: Namespace) -> None:
    engine = _engine()
    engine.table(args.lake, layout.RECORDS)  # a wrong folder is told at once
    merged = engine.compact(args.lake)
    removed = engine.forget(args.lake, args.keep_days * 24)
    if args.json:
        say.document({"merged": merged, "removed": removed})
    else:
        say.out(f"{counted(merged, 'small file')} merged, {counted(removed, 'old file')} removed.")


def _restore_arguments(parser: ArgumentParser) -> None:
    _lake_argument(parser)
    parser.add_argument("city", metavar="CITY", help="which city")
    parser.add_argument("archive", type=Path, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--version", type=whole, metavar="N", help="records as of this snapshot (default: newest)"
    )
    json_argument(parser)


def _restore(args: Namespace) -> None:
    if args.archive.exists() and any(args.archive.iterdir()):
        raise TirtaError(
            f"{args.archive} is not empty, and what is in it would be mixed.",
            "Name a folder that is not there yet.",
        )
    files = _engine().restore(args.lake, args.city, args.archive, args.version)
    if args.json:
        say.document({"files": files})
    else:
        say.out(f"{counted(files, 'table')} in {args.archive}.")


def _mend_arguments(parser: ArgumentParser) -> None:
    _lake_argument(parser)
    parser.add_argument(
        "archive", type=Path, metavar="DIR",
        help="the archive that `tirta receive --lake LAKE` fills it from; it must not run",
    )  # fmt: skip
    json_argument(parser)


def _mend(args: Namespace) -> None:
    _engine()
    from tirta.tables.mend import mend  # noqa: PLC0415 - an extra

    done = mend(args.archive, args.lake)
    if args.json:
        say.document(asdict(done))
        return
    say.out(f"{counted(done.nodes, 'node')} differed.")
    if done.older:
        say.out("The lake is older: `tirta receive` brings all pages of this archive again.")
    elif done.beyond:
        say.out(
            f"{counted(done.beyond, 'record')} of the lake are in no page here: they stay, and"
            " nodes that still have them send them again."
        )


def _engine() -> ModuleType:
    try:
        from tirta.tables import lake  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise TirtaError(
            "Delta Lake is not installed.", "Install it: pip install 'tirta[lake]'."
        ) from error
    return lake


WORK: Work = {
    "lake write": (_write_arguments, _write),
    "lake tidy": (_tidy_arguments, _tidy),
    "lake restore": (_restore_arguments, _restore),
    "lake mend": (_mend_arguments, _mend),
}
