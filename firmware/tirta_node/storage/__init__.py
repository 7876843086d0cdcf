# SPDX-License-Identifier: MIT
"""Records on flash: the ring in RAM, the journal, the log, and who keeps both."""
