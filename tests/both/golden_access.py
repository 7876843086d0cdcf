# SPDX-License-Identifier: MIT
"""Golden bytes of FORMAT.md section 13, and the vectors of RFC 4231 and RFC 5869, as hexadecimal.

Keys and frames were put together from FORMAT.md with Python's own hmac and struct alone.
"""

# Key, data, HMAC-SHA256 (the fifth is truncated in the RFC)
RFC_4231 = (
    (
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "4869205468657265",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        "4a656665",
        "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        (
            "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
            "dddddddddddddddddddd"
        ),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        (
            "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
            "cdcdcdcdcdcdcdcdcdcd"
        ),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
        "546573742057697468205472756e636174696f6e",
        "a3b6167473100ee06e0c796c2955552b",
    ),
    (
        (
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaa"
        ),
        (
            "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d20"
            "48617368204b6579204669727374"
        ),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        (
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaa"
        ),
        (
            "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b"
            "2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a652064"
            "6174612e20546865206b6579206e6565647320746f20626520686173686564206265666f72652062"
            "65696e6720757365642062792074686520484d414320616c676f726974686d2e"
        ),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
)

# Secret, salt, info, extracted key, expanded bytes
RFC_5869 = (
    (
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        ("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    ),
    (
        (
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
            "28292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f"
        ),
        (
            "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828384858687"
            "88898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
        ),
        (
            "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7"
            "d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
        ),
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        (
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272"
            "71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f"
            "1d87"
        ),
    ),
    (
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "",
        "",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        ("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
    ),
)

FLEET = bytes(range(32))
NODE = "02fb6be3ee96"
NODE_KEY = "a42e10e1dc708bc0d217417116174ab9af8463042eb1c24efd3b39de8f6a3e05"
CLAIMS = (1, 300, 1741000000, 1741604800)  # technician, serial, issued, expires
CLAIMED = "012c010000408dc567c0c7ce67"
CREDENTIAL = "1053ab7ca128659f6f9346091412f222b46c11a8e89fca35b29ad174c1ff6856"
NONCES = bytes(range(100, 132))  # the node's 16 bytes, then the laptop's
LAPTOP_PROOF = "df200a58cac517d12943c4af9f18d022"
NODE_PROOF = "45b0dd00e66741e0f05d276c871b9ddb"
SESSION_KEYS = (
    "5749fdbbbe89bf4612806dcbbe27901dc59d5486a62e81e8f3c5b621afa80461",  # frames to the node
    "5e73414d1a0db39d27a3a0ff076651449b5cae957f7c998fc32ecace994c93e8",  # frames to the laptop
    "cc594c416ddb24e65bcd1b4b6653ffc42d3e1a69175ab45abe8fda34d1a41f05",  # secrets
)
# Request values (0x0C) with payload "abc" and counter 5, in a frame with sequence 17
SEALED = "6162630c05000000affd8d57896c914e"
# At 60 s a technician with serial 300 logs in after two wrong guesses
RECORD = "09e0d4030101ac0202"

KEY_NAME = "8c544372007b857e"

# Kind, value, and the entry behind a state copy (FORMAT.md section 7)
ENTRIES = (
    (1, 0, "0100000000adde42"),
    (2, 0, "02000000007da4e2"),
    (3, 0, "0300000000cd8d82"),
    (4, 1800000000, "0400d2496b1ffc74"),
)
