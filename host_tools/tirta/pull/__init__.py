# SPDX-License-Identifier: MIT
"""From a node's log to the archive: what is wanted, fetched, and accounted for."""
