# SPDX-License-Identifier: MIT
"""Alarms that a node raises by itself: limits, nights, bursts."""
