# SPDX-License-Identifier: MIT
"""What a node knows of itself across starts: two copies on flash, and which config counts."""
