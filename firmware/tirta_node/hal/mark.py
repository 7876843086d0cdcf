# SPDX-License-Identifier: MIT
"""The mark of a board that was locked and not opened since, in ESP-IDF's own storage (NVS): with it
a node whose state is damaged stays closed (FORMAT.md section 7). Loaded for the moment.
"""

import esp32

_SPACE = "tirta"
_KEY = "locked"


def is_set():
    """Whether the board is marked; not where NVS cannot be read."""
    try:
        return esp32.NVS(_SPACE).get_i32(_KEY) == 1
    except OSError:
        return False


def put(locked):
    """Set the mark, or take it away; nothing is written where it is so. Raises OSError."""
    if locked != is_set():
        storage = esp32.NVS(_SPACE)
        storage.set_i32(_KEY, int(locked))
        storage.commit()
