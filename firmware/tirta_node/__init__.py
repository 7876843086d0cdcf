# SPDX-License-Identifier: MIT
"""What runs on a node: sensors -> sampler -> ring -> log, and the console that answers a laptop.

`hal` is the only package that touches the chip; everything else is handed what it needs.
"""
