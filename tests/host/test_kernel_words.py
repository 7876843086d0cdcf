# SPDX-License-Identifier: MIT
"""Words of the kernels' arrays have one place, whoever names them: kernels cannot import constants,
and what the node or the laptop imported for a few of them would stay in memory.
"""

import ast
import sys
from pathlib import Path

import pytest
from interpreters import BOTH
from support import CHECKOUT

sys.path.insert(0, str(BOTH))
import plain_viper  # type: ignore[import-not-found]

NODE = "firmware/tirta_node/"
RING = {
    "WIDTH", "ROOM", "FIRST", "USED", "NEXT", "RING_CHANNELS", "SUM_LOW", "SUM_HIGH",
    "FLAGS_AT", "SLOTS_AT", "RECORDS_AT", "VALUES_AT",
}  # fmt: skip
ENDS = {"FLAGS_AT", "VALUES_AT"}
# Who names words of which kernels: all that both have, or these; without what only sounds the same.
NAMES: list[tuple[str, str, set[str], set[str]]] = [
    (NODE + "storage/ring.py", "codec_viper", set(), {"MOST"}),
    (NODE + "storage/packer.py", "codec_viper", set(), {"HEAD"}),
    (NODE + "sampling/tick_viper.py", "codec_viper", RING - {"SUM_LOW", "SUM_HIGH"}, set()),
    (NODE + "sampling/statistics_viper.py", "codec_viper", ENDS, set()),
    (NODE + "sampling/quality_viper.py", "codec_viper", ENDS, set()),
    (NODE + "sampling/rates_viper.py", "tick_viper", {"DUE", "TICKS", "FAR"}, set()),
    (NODE + "sampling/sampler.py", "tick_viper", set(), set()),
    (NODE + "sampling/assemble.py", "tick_viper", set(), set()),
    (NODE + "sensors/row.py", "tick_viper", set(), set()),
    (NODE + "sampling/out_of_turn.py", "tick_viper", set(), {"READINGS"}),
    (NODE + "sampling/accounts.py", "codec_viper", ENDS | {"ROOM"}, set()),
    (NODE + "sampling/accounts.py", "statistics_viper", set(), set()),
    (NODE + "sampling/accounts.py", "quality_viper", {"QC_AT"}, set()),
    ("host_tools/tirta/log/range_decoder.py", "codec_viper", set(), {"E1", "E2"}),
]


def words(path: Path) -> dict[str, int]:
    """The numbers that a file names, without underscores: `_A, B = 1, 2`, `_A = const(1 << 2)`."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.Assign):
            continue
        (target,), value = node.targets, node.value
        several = isinstance(target, ast.Tuple)
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        numbers = value.elts if several and isinstance(value, ast.Tuple) else [value]
        for name, number in zip(names, numbers, strict=False):
            if isinstance(number, ast.Call):
                number = number.args[0]  # noqa: PLW2901 - of `const`
            if isinstance(name, ast.Name) and not any(map(_refers, ast.walk(number))):
                found[name.id.lstrip("_")] = eval(ast.unparse(number), {"__builtins__": {}})
    return found


def _refers(node: ast.AST) -> bool:
    return isinstance(node, (ast.Name, ast.Call))


@pytest.mark.parametrize(("copy", "source", "names", "others"), NAMES)
def test_words_are_where_the_kernels_have_them(
    copy: str, source: str, names: set[str], others: set[str]
) -> None:
    kernels = CHECKOUT / NODE / plain_viper.ROOMS[source] / f"{source}.py"
    theirs, ours = words(kernels), words(CHECKOUT / copy)
    both = names or (theirs.keys() & ours.keys()) - others
    assert len(both) > 2 or names
    assert {name: ours[name] for name in both} == {name: theirs[name] for name in both}
