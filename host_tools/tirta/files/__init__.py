# SPDX-License-Identifier: MIT
"""Files on this computer: written whole or not at all, found, and read as TOML."""
