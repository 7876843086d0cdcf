# SPDX-License-Identifier: MIT
"""Checks of tests/micropython that leave nothing out; `make test` runs them in steps."""

import ast
from collections.abc import Callable

import pytest
from interpreters import BOTH, DEVICES, FIRMWARE, ON_NODE, run, unix_command

Record = Callable[[str, object], None]
FOLDERS = [FIRMWARE, FIRMWARE / "frozen", ON_NODE, BOTH, DEVICES]


@pytest.mark.campaign
def test_every_damaged_byte_and_every_cut_of_a_config_on_trial() -> None:
    code = (
        "import check_probation, harness\ncheck_probation.STRIDE = 1\n"
        "if harness.run('check_probation'):\n    raise RuntimeError('checks failed')\n"
    )
    run(unix_command(code, [FIRMWARE, ON_NODE, BOTH]))


@pytest.mark.campaign
def test_modbus_slaves_of_any_delay_order_echo_and_loss(record_property: Record) -> None:
    """Over 100,000 exchanges on 150 lines: no good value is another register's, or too old."""
    exchanges = good = 0
    for first in range(1000, 1150, 10):
        code = f"import nochip, modbus_slaves\nprint(modbus_slaves.campaign({first}, 10, 700))"
        told = ast.literal_eval(run(unix_command(code, [FIRMWARE, ON_NODE, BOTH])).strip())
        exchanges, good = exchanges + told[0], good + told[1]
    assert exchanges > 100_000
    record_property("measured", f"{exchanges:,} exchanges, {good:,} looks at good values")


@pytest.mark.campaign
def test_every_writer_of_the_state_with_many_histories(record_property: Record) -> None:
    code = (
        "import check_writers\nfrom nor import SHAPES\n"
        "cuts = check_writers.try_all(range(4, 204), SHAPES)\nassert cuts > 100000, cuts\n"
        "print(cuts, 'cuts')\n"
    )
    record_property("measured", run(unix_command(code, FOLDERS)).strip())


@pytest.mark.campaign
def test_long_lives_of_a_locked_node(record_property: Record) -> None:
    code = "import check_logins\nprint(check_logins.live(range(1000, 3000), 200))\n"
    record_property("measured", run(unix_command(code, FOLDERS)).strip())
