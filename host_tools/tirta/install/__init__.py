# SPDX-License-Identifier: MIT
"""Onto a board: flash, deploy, update, and batches of boards with their labels."""
