# SPDX-License-Identifier: MIT
"""The table of requests against FORMAT.md, and the node's roles and modules."""

import re

from interpreters import FIRMWARE, run, unix_command

from tirta.link import protocol
from tirta_format import roles

FORMAT = (FIRMWARE / "tirta_format/FORMAT.md").read_text()
ROW = re.compile(r"^\| 0x([0-9A-F]{2}) \| ([a-z ]+) \| (.*?) \|", re.MULTILINE)
FIXED = re.compile(r"(?:u(8|16|32|64) [^,]*(?:, )?)+")


def rows() -> dict[int, tuple[str, str]]:
    """{type: name and payload} of the tables of requests in FORMAT.md."""
    return {int(kind, 16): (name, payload) for kind, name, payload in ROW.findall(FORMAT)}


def test_the_format_and_the_table_name_the_same_requests() -> None:
    named = {kind: name for kind, (name, _) in rows().items()}
    assert named == {kind: request.name for kind, request in protocol.REQUESTS.items()}


def test_payloads_of_fixed_length_are_as_long_as_the_format_says() -> None:
    compared = 0
    for kind, (_, payload) in rows().items():
        least, most = protocol.REQUESTS[kind].payload
        if payload == "–":
            assert (least, most) == (0, 0), payload
            compared += 1
            continue
        parts = [re.match(r"u(8|16|32|64) ", part) for part in payload.split(", ")]
        if all(parts) and not re.search("then|bytes|SHA", payload):
            assert least == most == sum(int(part[1]) // 8 for part in parts if part), payload
            compared += 1
    assert compared >= 19


def test_the_node_asks_for_the_same_roles() -> None:
    table = roles.table()
    for kind in range(128):
        known = protocol.REQUESTS.get(kind)
        assert table[kind] == (known.least_role if known else roles.NOBODY), hex(kind)


def test_the_node_has_these_modules_answer() -> None:
    """The real dispatcher says whom it would load; what is in no range of it is refused."""
    code = (
        "from tirta_node.requests import dispatch\n"
        "for kind in range(128):\n"
        "    try: print(kind, dispatch._module(kind))\n"
        "    except KeyError: pass\n"
    )
    lines = run(unix_command(code, [FIRMWARE])).split("\n")
    loaded = {int(line.split()[0]): line.split()[1] for line in lines if line}
    for kind, request in protocol.REQUESTS.items():
        if request.answered_by not in ("requests.dispatch", "access.gate"):
            assert loaded[kind] == f"tirta_node.{request.answered_by}", request
        path = FIRMWARE / "tirta_node" / (request.answered_by.replace(".", "/") + ".py")
        assert path.exists()


def test_no_constant_of_a_request_is_left_out() -> None:
    """Every name at the top of a format's module that is used as a request is in the table."""
    found = set()
    for name in ("frame", "staging", "updates", "access", "seals"):
        source = (FIRMWARE / f"tirta_format/{name}.py").read_text()
        for number in re.findall(r"^[A-Z_]+ = 0x([0-7][0-9A-F])\b", source, re.MULTILINE):
            found.add(int(number, 16))
    assert found <= set(protocol.REQUESTS)
    assert len(found) >= 30
