# SPDX-License-Identifier: MIT
"""What a start writes into the log, and where its time comes from."""
