# SPDX-License-Identifier: MIT
"""Every byte format of Tirta, once: frames, log pages, records, meta records, state, config.

Pure bytes and integers: no file, port or clock inside. The same files run on the node
(MicroPython) and on the laptop (CPython). FORMAT.md is the specification.
"""

VERSION = 1  # of pages, state copies and the link protocol
