# SPDX-License-Identifier: MIT
"""All nodes of all cities: who is behind, and why, as rows, as a page, as figures."""
