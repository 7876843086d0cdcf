# SPDX-License-Identifier: MIT
"""A node's hello over a network (FORMAT.md section 14.2), and the pages that it tells of.

*Spans* are (first, last) page sequences, the newest first, apart by at least one page that is not
there.
"""

import struct

from tirta_format import varint

HELLO = "<IIIIIHIQI"
MOST_SPANS = 40


def hello(fields, spans):
    """Return the body of a hello: epoch, boot, next and oldest number, newest page, its end, config
    hash, Unix time in ms and its uncertainty in ms; then spans of pages.
    """
    return struct.pack(HELLO, *fields) + put_spans(spans[:MOST_SPANS])


def spans_of(sequences):
    """Return the spans of page sequences, in any order, each at most once."""
    spans = []
    for sequence in sorted(sequences, reverse=True):
        if spans and spans[-1][0] == sequence + 1:
            spans[-1] = sequence, spans[-1][1]
        else:
            spans.append((sequence, sequence))
    return spans


def put_spans(spans):
    """Return spans as bytes: how many, then each by its distance from the one before."""
    out = bytes((len(spans) & 255,))
    before = -1
    for first, last in spans:
        out += varint.encode(last if before < 0 else before - 2 - last)
        out += varint.encode(last - first)
        before = first
    return out
