# SPDX-License-Identifier: MIT
"""Bytes to and from the laptop: the console, frames that wait, and the rate."""
