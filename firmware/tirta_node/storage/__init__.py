# SPDX-License-Identifier: MIT
"""Records on flash: the ring in RAM, the journal, the log, and who keeps both.

The contract of a recorder's *notes*, `ChunkWriter.notes`: a call that writes what the log is to
say of this boot before its first record (boot, losses, config). It is called between samples, by
the first commit; it may raise OSError when the flash refuses, is then called again at a later try,
and is dropped once it has returned.
"""
