# SPDX-License-Identifier: MIT
"""What a laptop may ask, and the answers (FORMAT.md section 10).

The contract of a *request handler*, `handle(node, console, kind, sequence, payload)`, here and in
the modules that `dispatch` names: answer by one call of `console.answer(kind, sequence, data)`, or
by a `console.stream` whose last step does; do the same when the request comes a second time; take
no more than some ms. `payload` is a memoryview that the next request overwrites. Raise ValueError
(or IndexError) for a payload without sense, KeyError for a request that this firmware does not
know, OSError when the flash refuses: `dispatch` makes each a refusal, and nothing has changed.
"""
