# SPDX-License-Identifier: MIT
"""What happens when samples are due: the tick, statistics, judgement, and their assembly."""
