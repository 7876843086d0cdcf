# SPDX-License-Identifier: MIT
"""The serial line: frames, sessions, checked answers, deadlines, MicroPython's prompt."""
