# SPDX-License-Identifier: MIT
"""Rows of the tick (tick_viper.py), for the drivers that fill one in at the start.

A sensor that is read by a single call without arguments is *quick*: its driver has
`quick(row, period_ms)`, which fills the row in and returns that call; the tick does the rest, and
the driver is not needed any more. (Names of words that no driver uses stay out: they would stay in
RAM. The rows of sensors that a bus reads have more of them, in tick_viper.py.)
"""

WORDS = 16
KIND, CELL, RAW, READINGS = 0, 1, 2, 3
DEAD_LOW, LOW, HIGH, DEAD_HIGH = 4, 5, 6, 7
X0, Y0, WHOLE, FRACTION, HALF, FALLS, SHIFT = 8, 9, 10, 11, 12, 13, 14
LAST, TURN = 8, 9
LINE = 0
COUNTER = 1
