# SPDX-License-Identifier: MIT
"""Hypothesis as every property here uses it: judged by what is found, not by how busy the computer
is.
"""

from hypothesis import HealthCheck, given, settings

__all__ = ["HealthCheck", "given", "settings"]

settings.register_profile("tirta", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tirta")
