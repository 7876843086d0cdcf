# SPDX-License-Identifier: MIT
"""Reads plain records (FORMAT.md section 4); `record` writes them."""

from tirta_format import varint
from tirta_format.record import FLAGS, GAP, MISSING, Prediction


class Decoder(Prediction):
    """Reads records from payloads."""

    def records(self, payload, placed):
        """Yield (number, slot, values, flags) of each record; `placed` = a chunk of kind 2.

        The lists are the decoder's own: copy what must last. Raises ValueError on bytes that no
        encoder writes; the records before them were right.
        """
        at, end = 0, len(payload)
        if placed:
            boot, at = varint.get(payload, at, end)
            number, at = varint.get(payload, at, end)
            slot, at = varint.get(payload, at, end)
            self.restart(boot, number, slot)
        while at < end:
            head = payload[at]
            at += 1
            if head & ~(GAP | FLAGS):
                raise ValueError("unknown record head")
            if head & GAP:
                gap, at = varint.get(payload, at, end)
                self.slot += gap
            if head & FLAGS:
                at = self._get_flags(payload, at, end)
            for i in range(self.channels):
                if self.flags[i] != MISSING:
                    fold, at = varint.get(payload, at, end)
                    self.values[i] = varint.wrap32(self.values[i] + varint.unzigzag(fold))
            yield self.number, self.slot, self.values, self.flags
            self.number += 1
            self.slot += 1

    def _get_flags(self, payload, at, end):
        n = self.channels
        if at + (n + 1) // 2 > end:
            raise ValueError("flags are cut off")
        for i in range(n):
            self.flags[i] = payload[at + i // 2] >> 4 * (i & 1) & 15
        return at + (n + 1) // 2
