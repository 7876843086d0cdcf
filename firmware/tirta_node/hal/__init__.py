# SPDX-License-Identifier: MIT
"""The chip, and nothing else: `chip` (identity, resets, clock, flash), `line` (the serial line),
`inputs` (counters, converters, 1-Wire). No other module imports `machine` or `esp32`.
"""
