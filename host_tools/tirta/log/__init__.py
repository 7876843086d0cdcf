# SPDX-License-Identifier: MIT
"""From the bytes of pages to records with times (FORMAT.md sections 2 to 6)."""
