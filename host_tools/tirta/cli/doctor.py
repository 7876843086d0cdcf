# SPDX-License-Identifier: MIT
"""`tirta doctor`: what is wrong, in plain language, each with what to do next."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta import doctor
from tirta.cli import say
from tirta.cli.command import Work, json_argument, port_argument
from tirta.doctor.finding import FAULT, NOTE, WARNING, Report
from tirta.node.discover import choose


def _arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument("--node", metavar="ID", help="the node that should be here")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the config it should have")
    json_argument(parser)


def _doctor(args: Namespace) -> int:
    choice = choose(args.port, args.baud)
    report = doctor.examine(choice.port, choice.baud, node=args.node, config=args.config)
    if args.json:
        say.document(report.as_json())
    else:
        _tell(report)
    return 0 if report.ok else 1


def _tell(report: Report) -> None:
    if report.node:
        say.out(f"Node {report.node}  {report.name}".rstrip())
    words = {
        FAULT: say.translated("fault"),
        WARNING: say.translated("warning"),
        NOTE: say.translated("note"),
    }
    for finding in [*report.findings, *report.notes]:
        say.out(f"{words[finding.severity]:8} {say.translated(finding.what)}")
        say.out(f"{'':8} → {say.translated(finding.next)}")
    if report.ok:
        told = say.translated(
            "No fault was found. The notes above are for you to decide."
            if report.notes
            else "Nothing needs to be done."
        )
        say.out(f"{say.translated('ok'):8} {told}")


WORK: Work = {
    "doctor": (_arguments, _doctor),
}
