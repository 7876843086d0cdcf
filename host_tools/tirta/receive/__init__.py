# SPDX-License-Identifier: MIT
"""The centre: pages that nodes send over a network, into the archive, and ledgers back."""
