# SPDX-License-Identifier: MIT
"""What is wrong with a node, in plain language, each with what to do next.

    report = examine("/dev/ttyUSB0")
    for finding in report.findings:
        print(finding.what, finding.next)

Words: *facts* are all that can be learned from a port in some seconds without changing the node; a
*rule* is a function from facts to findings; a *finding* is a fault or a warning, a *note* is worth
knowing and asks for nothing. Every rule judges facts alone, so an engineer can judge stored ones.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from tirta.doctor import modbus_rules, node_rules, port_rules, sensor_rules
from tirta.doctor.facts import NodeFacts, gather
from tirta.doctor.finding import NOTE, Finding, Report
from tirta.link.serial_line import DEFAULT_BAUD

# The contract of a rule. It gets facts of which any may be missing, asks nothing, changes nothing
# and raises nothing. It yields a finding for each thing that somebody should do, in the order of
# what comes first; none where the facts do not tell. An `id` is a promise to scripts and never
# means something else later; `next` is one step that a technician can take on the spot.
Rule = Callable[[NodeFacts], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    *port_rules.RULES,
    *node_rules.RULES,
    *sensor_rules.RULES,
    *modbus_rules.RULES,
)


def examine(
    port: str, baud: int = DEFAULT_BAUD, *, node: str | None = None, config: Path | None = None
) -> Report:
    """Ask the node at `port` and judge what it says; `node` and `config` are what is expected.

    Raises TirtaError only where `config` cannot be read: a port that fails is a finding.
    """
    return judge(gather(port, baud, node=node, config=config))


def judge(facts: NodeFacts) -> Report:
    """Apply every rule: all findings, faults first, and the notes."""
    told = [finding for rule in RULES for finding in rule(facts)]
    hello = facts.hello
    return Report(
        port=facts.port,
        node=hello.node if hello else "",
        name=hello.name if hello else "",
        findings=sorted((f for f in told if f.severity != NOTE), key=lambda f: f.severity),
        notes=[f for f in told if f.severity == NOTE],
    )
