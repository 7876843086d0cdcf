# SPDX-License-Identifier: MIT
"""Golden bytes of FORMAT.md section 14, as hexadecimal: put together from that section with hashlib
and AES one block at a time, by no code of ours. Node and key are those of golden_access.
"""

RUN = bytes(range(16))
ARCHIVE = bytes(range(100, 116))
UPLINK_KEY = "3518eddb6e04498bb5dbcfde9dcac04885e134758e5231998b4bdf98a3bf09dc"
UP_KEYS = (
    "3269df3821af6ca233fee5ef87617b0a23db741a9e42b67e7aba0b20a6748981",
    "10994cad57e734e47b744d66eea4b68f5d4de6379a29e569d8bd737f5fce7c12",
)
DOWN_KEYS = (
    "aef76522e7c30726f4b3a5b0e5a1c0646566c83ddcc5f2797a3667a2c25746c9",
    "1ebb600f57f810ea6e082b962351580a7cce6b75465f0f588c8696ad2ab6274c",
)
# Kind, counter, length of a body of 0, 1, 2 …; sealed with UP_KEYS
_SHORT = "60d4721dc54f961983b38793a915f5a1701040c90f0c9cd548"
_EVEN = "642bb297f5a70d8c89cf42e9b56c145c14dfc3b3913afd0725e9cab174ee0644c68bf2ed40cac7fb"
_ODD = (
    "f68c0febbcb6ed79b13b2c8588023ea2dbc89f1a94b62d2ebbb82ea48dec7dcbd305955a233e7c7373d344ce"
    "af39c36a11c6fcd0e9"
)
SEALED = ((2, 1, 17, _SHORT), (2, 300, 32, _EVEN), (1, 70000, 45, _ODD))
# Epoch, boot, next and oldest number, newest page, its end, config hash, Unix time, uncertainty
HELLO = (7, 3, 1000, 60, 41, 2048, 0x12345678, 1800000000123, 40)
HELLO_SPANS = [(40, 41), (1, 38)]
HELLO_BODY = (
    "0700000003000000e80300003c000000290000000008785634127b505c18a3010000280000000229010025"
)
# Epoch, heard, safe, Unix time, uncertainty, floor is what comes of it
LEDGER = (7, 300, 960, 1800000000500, 3)
LEDGER_SPANS = [(40, 40), (2, 38)]
LEDGER_PARTS = [(41, 1024), (1, 40)]
LEDGER_BODY = "070000002c010000c0030000f4515c18a301000003000000000000000228000024022980080128"
