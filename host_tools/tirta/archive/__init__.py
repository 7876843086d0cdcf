# SPDX-License-Identifier: MIT
"""The archive on a disk: pages as they came, those that wait for a digest, what is missing."""
