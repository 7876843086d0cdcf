# SPDX-License-Identifier: MIT
"""Stands where `machine` and `onewire` stand, for tests that hand drivers their hardware: the hal
can be imported, and anything that it would be asked for fails.
"""

import sys


class _Nothing:
    pass


sys.modules["machine"] = sys.modules["onewire"] = _Nothing()
