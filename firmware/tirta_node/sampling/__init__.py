# SPDX-License-Identifier: MIT
"""What happens when samples are due: the tick, statistics, judgement, and their assembly.

The contract of the *parts* of a tick, which `assemble` makes once and nothing changes later: a
chain of tuples `(read, read, read, read, next parts, rest)`, four calls without arguments that
return what the rows of that place take, and the *rest* `(drivers, slow, full, then, handle)`:
drivers without a row, those to be prepared `lead_ms` ahead, what to call when the ring is full,
and the steps that take the samples on, each as `step(handle, slot)`. All of it runs in the
sampling path: no call may allocate, wait, or raise.
"""
