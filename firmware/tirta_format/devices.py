# SPDX-License-Identifier: MIT
"""The kinds of sensors on buses, with compensation, or of the node itself: their keys, written as
in kinds.py. What is wrong between them finds device_checks.py.
"""

from tirta_format.kinds import CONVERTER, TWO_POINTS

# What a probe is compensated by: the channel `water`, and hundredths of a degree where it has none.
_WATER = "fixed i -500 10000 2500;water t 1 16 ?;"
# How often a bus asks, and how old an answer may be.
_POLLED = "age_ms i 500 172800000 ?;poll_ms i 100 86400000 ?;"
_POINTS = "points l 4 16;"
DEVICES = {
    "orp": CONVERTER + TWO_POINTS,
    # pH electrode: see tirta_node/sensors/ph.py; slope 10000 = Nernst's
    "ph": (
        CONVERTER
        + _WATER
        + (
            "gain_milli i -100000 100000;"
            "offset_uv i -100000 100000 0;"
            "slope i 5000 11000 10000;"
            "zero_uv i -6200000 6200000;"
        )
    ),
    # at 25 degrees; alpha in hundredths of a per cent per degree
    "conductivity": (CONVERTER + _WATER + _POINTS + ("alpha i 0 500 200;")),
    "tds": (CONVERTER + _WATER + _POINTS + ("alpha i 0 500 200;")),
    "turbidity": CONVERTER + _POINTS,
    # galvanic probe: see tirta_node/sensors/oxygen.py; table: saturation from 0 to 40 degrees
    "oxygen": (
        CONVERTER
        + _WATER
        + (
            "cal_centi i 0 4000 2500;"
            "cal_uv i 1 3300000;"
            "pressure i 50000 110000 101325;"
            "probe_slope i 0 1000 0;"
            "salinity i 0 4500 0;"
            "table l 21 21;"
            "zero_uv i 0 3300000 0;"
        )
    ),
    # behind a divider (times 1000); below `low` the node saves: 0 = never
    "battery": ("divider i 1000 100000;low i 0 1073741823 0;pin i 0 48;"),
    "board_temp": "",
    "free_heap": "",
    "starts": "",
    # Atlas EZO circuit: the field of its answer, from 0
    "ezo": (_POLLED + _WATER + ("address i 8 119;index i 0 7 0;")),
    # type: 0 u16, 1 s16, 2 u32, 3 s32, 4 f32; order: bit 0 bytes, bit 1 registers swapped; the
    # value is the number times mul / div, plus shift
    "modbus": (
        _POLLED
        + (
            "div i 1 268435455 1;"
            "function i 3 4 3;"
            "mul i 1 1048575 1;"
            "order i 0 3 0;"
            "register i 0 65535;"
            "shift i -1073741823 1073741823 0;"
            "slave i 1 247;"
            "type i 0 4 0;"
        )
    ),
    # SDI-12: the index of the value in what `command` measures, from 0
    "sdi12": (_POLLED + ("address t 1 1;command t 1 3 M;index i 0 98 0;")),
}
