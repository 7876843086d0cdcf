# SPDX-License-Identifier: MIT
"""Who may ask what of a locked node: the gate, logins, and what is kept of them."""
