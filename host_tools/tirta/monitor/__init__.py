# SPDX-License-Identifier: MIT
"""A live look at a node in a terminal of 80 columns and 24 lines, also over a slow line.

Words: a *snapshot* is what the node answered last; a *history* is what a channel said in the last
hours, from the newest pages of the log, and goes on with the snapshots.
"""
