# SPDX-License-Identifier: MIT
"""What a laptop may ask, and the answers (FORMAT.md section 10)."""
