# SPDX-License-Identifier: MIT
"""Stands where `machine`, `esp32` and `onewire` stand, for tests that hand drivers their hardware:
the hal can be imported, and anything that it would be asked for fails.
"""

import sys


class _Nothing:
    pass


sys.modules["machine"] = sys.modules["onewire"] = sys.modules["esp32"] = _Nothing()
