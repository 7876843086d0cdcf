# SPDX-License-Identifier: MIT
"""What values mean: columns, units, limits, laboratory calibrations, definitions of figures."""
