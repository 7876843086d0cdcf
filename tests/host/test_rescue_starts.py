# SPDX-License-Identifier: MIT
"""The rescue is what is left when no application can be read: a log that cannot be read either must
not take it away.
"""

import json

from interpreters import FIRMWARE, ON_NODE, run, unix_command

FLASH_FAILED = 5  # FORMAT.md section 10


def test_it_starts_on_a_flash_that_fails_and_finds_the_log_later() -> None:
    code = "import rescue_starts\nrescue_starts.main((0, 1, 4, 40), 1500)"
    told = [json.loads(line) for line in run(unix_command(code, [ON_NODE, FIRMWARE])).splitlines()]
    assert [each["failures"] for each in told] == [0, 1, 4, 40]
    for each in told:
        assert any("tirta update" in alarm for alarm in each["alarms"])
        *before, last = each["refused"]
        assert set(before) <= {FLASH_FAILED}
        assert last is None
        pages, newest, epoch = each["truth"]
        assert (each["pages"], each["page"], each["status"]["epoch"]) == (pages, newest, epoch)
        assert not any("flash" in alarm for alarm in each["status"]["alarms"])
    assert any("flash" in alarm for alarm in told[-1]["alarms"])
    assert not any("flash" in alarm for alarm in told[0]["alarms"])
