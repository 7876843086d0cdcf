# SPDX-License-Identifier: MIT
"""Who did what with a locked node, as the archive's table of events says it."""

import pytest

from tirta.log.decode import Event
from tirta.tables import events
from tirta_format import access_log, meta


@pytest.mark.parametrize(
    ("what", "role", "serial", "wrong", "said"),
    [
        (access_log.LOGIN, 1, 300, 0, "A technician with credential 300 logged in."),
        (
            access_log.LOGIN,
            2,
            0,
            2,
            "An administrator with the fleet's key logged in, after",
        ),
        (access_log.LOCKED_OUT, 0, 0, 3, "Locked everybody out for a while after 3 wrong keys."),
        (access_log.FLOOR, 2, 7, 0, "An administrator with credential 7 set the time floor."),
        (access_log.MODE, 0, 0, 0, "Whoever had the cable changed the node's mode."),
        (99, 3, 1, 0, "Role 3 with credential 1 did 99."),
    ],
)
def test_an_access_record_in_words(
    what: int, role: int, serial: int, wrong: int, said: str
) -> None:
    payload = access_log.record(60_000, what, role, serial, wrong)
    kind, uptime_ms, fields = meta.parse(payload)
    (row,) = events.rows([Event(5, 1, uptime_ms, kind, fields)], {})
    assert row["kind"] == "access"
    assert row["what"].startswith(said)
