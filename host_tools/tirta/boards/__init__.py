# SPDX-License-Identifier: MIT
"""Board files: what a board has, read and checked."""
