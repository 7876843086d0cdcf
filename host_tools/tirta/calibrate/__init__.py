# SPDX-License-Identifier: MIT
"""Calibration of a probe: the visit, what its readings give, and when they have settled."""
