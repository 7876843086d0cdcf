# SPDX-License-Identifier: MIT
"""Pages of the log over a network to an archive; nothing here ever waits."""
