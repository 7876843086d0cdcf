# SPDX-License-Identifier: MIT
"""Tirta on the laptop: the tools that flash, configure, pull and read water-utility nodes."""

__version__ = "0.2.0"
