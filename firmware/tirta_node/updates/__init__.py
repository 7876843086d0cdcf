# SPDX-License-Identifier: MIT
"""Another application: into the other slot, on trial, and back."""
