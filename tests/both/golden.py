# SPDX-License-Identifier: MIT
"""The golden bytes of FORMAT.md section 12, as hexadecimal, beside what they mean.

They were put together from FORMAT.md with struct and zlib alone, not with `tirta_format`, so that
a mistake there cannot hide here. Bytes that change here are a new format version (section 11).
"""

# (plain, coded) without the delimiter: empty, zeros, a zero inside, 253 to 255 bytes without one.
RUN_253, RUN_254, RUN_255 = (bytes(range(1, n + 1)) for n in (253, 254, 255))
COBS = (
    (b"", b"\x01"),
    (b"\x00", b"\x01\x01"),
    (b"\x00\x00", b"\x01\x01\x01"),
    (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33"),
    (b"\x11\x00\x00\x00", b"\x02\x11\x01\x01\x01"),
    (RUN_253, b"\xfe" + RUN_253),
    (RUN_254, b"\xff" + RUN_254),
    (RUN_254 + b"\x00", b"\xff" + RUN_254 + b"\x01\x01"),
    (b"\x00" + RUN_254, b"\x01\xff" + RUN_254),
    (RUN_255, b"\xff" + RUN_254 + b"\x02\xff"),
    (RUN_254 + RUN_254, b"\xff" + RUN_254 + b"\xff" + RUN_254),
)
NOT_COBS = (
    b"\x00",
    b"\x01\x00\xff",
    b"\x02",
    b"\x05\x11\x22\x33",
    b"\xff\x01\x01",
    b"\x01\x00\x01",
)

# (type, sequence, payload, frame with its delimiters)
FRAMES = (
    (0x01, 0, b"\x01\x01", "000201070101aeb9e4f700"),
    (0x03, 255, b"", "000703ffb1aef64700"),
    (
        0x83,
        255,
        b"\xf0\x03\x00\x00\x07\x00\x00\x00\x59\x01",
        "000583fff0030102070101075901babe0d5e00",
    ),
    (
        0x0A,
        17,
        b"\x7b\xc2\xaf\x5b\x95\x01\x00\x00\x96\x00\x00\x00",
        "00090a117bc2af5b9501010296010105e6ed683700",
    ),
    (0xFF, 2, b"\x01no", "000aff02016e6fcda8fe8100"),
)

# By version: (fields of section 2 from `channels` to `config hash`; Unix ms, source, uncertainty;
# hex)
HEADERS_1 = (
    (
        (3, 7, 0xDEADBEEF, 1000, 2000, 5, 0x89ABCDEF),
        (1741000000123, 2, 7),
        "5472010307000000efbeaddee8030000d007000005000000efcdab89408dc5677b00020769306f8e",
    ),
    (
        (1, 1, 1, 0, 0, 1, 0),
        (0, 0, 255),
        "5472010101000000010000000000000000000000010000000000000000000000000000ff442b0420",
    ),
)
HEADERS_2 = (
    (
        (3, 7, 0xDEADBEEF, 1000, 2000, 5, 0x89ABCDEF),
        (1741000000123, 2, 7),
        "5472020307000000efbeaddee8030000d007000005000000efcdab89408dc5677b00020733c3e9e3",
    ),
)
PAGE_CRC = 0x8E6F3069  # of the first header of version 1: the chunks below lie in its page
PAGE_CRC_2 = 0xE3E9C333

MOST, LEAST = 0x7FFFFFFF, -0x80000000
# Records of three channels: (slot, values, flags), None = missing; what the payload encodes. Plain,
# the ends of a one-byte varint, a missing and a suspect value, a gap of 130 slots, int32 extremes
# with their difference beyond 32 bits, all missing, all back.
RECORDS = (
    (2000, (1, -1, 0), (1, 1, 1)),
    (2001, (64, -65, 8191), (1, 1, 1)),
    (2002, (64, None, 0), (1, 9, 3)),
    (2133, (64, -65, 8192), (1, 1, 4)),
    (2134, (MOST, LEAST, 8192), (2, 2, 2)),
    (2135, (LEAST, MOST, 8192), (2, 2, 2)),
    (2136, (None, None, None), (9, 9, 9)),
    (2137, (-1, 1, -1), (1, 1, 1)),
)
RECORDS_CHUNK = (
    "3e1000020100007e7ffe7f02910300fd7f03820111040000808001022202fefeffff0ffdfeffff0f0000"
    "020100029909021101feffffff0ffbffffff0f818001b6924a11"
)
# Boot 5, number 1008, slot 70000: the prediction begins anew.
PLACE = (5, 1008, 70000)
PLACED = (
    (70000, (10, 20, 30), (1, 1, 1)),
    (70001, (11, 19, 30), (1, 1, 1)),
)
PLACED_CHUNK = "0e2005f007f0a2040014283c00020100430ea379"

# Forty records: a counter with steps of 6 to 8, a constant, a level that jumps at every ninth.
STEADY = tuple(
    (2000 + i, (1000 + i * 7 + i * i % 3, 42, -5 if i % 9 else 70000), (1, 1, 1)) for i in range(40)
)
# In a page of version 1: (kind, place, sums, records, the chunk). The runs are what the node's
# encoder wrote when the format was fixed, read back by tests/support/format_runs.py.
PACKED_1 = (
    (
        4,
        (),
        (),
        RECORDS,
        (
            "4740080400bcffc1000098bdc53c7d3f368c7d738a00ab4a1fa798d3c241075291f132c1e9aa7802c83f"
            "4dee9be01f66cfb37559f6eee82396e659b1e2680079df86200000041657b91c712b28"
        ),
    ),
    (
        4,
        (),
        (),
        STEADY,
        (
            "44402805ec300a77a5480024d85fa8c61841b509b5f1e5d11ecd991838bfdaa5ef78644a1ad228a7be6b"
            "193b5f80d49515a5049393e6abeef0cf6e7ee82aecbdac293628f17e89b5f269"
        ),
    ),
    (
        5,
        PLACE,
        ((0, 21), (1, -3)),
        PLACED,
        ("145005f007f0a2048202002a01050404ec04ec03c6aeb143432a"),
    ),
)

# A register of 32 bits that grows by 40 million and a little more, and wraps; a level with one
# jump; small numbers; two slots left out.
LEAPS = tuple(
    (
        3000 + i + 2 * (i > 5),
        (
            (123456 + i * 40000000 + i * i % 7 * 900 + (1 << 31)) % (1 << 32) - (1 << 31),
            42 if i != 20 else 3000000,
            i * i * 37 % 5,
        ),
        (1, 1, 1),
    )
    for i in range(200)
)
# The same in a page of version 2: more records than version 1 can count, a place with sums.
PACKED_2 = (
    (
        4,
        (),
        (),
        LEAPS,
        (
            "a541c8f15b80007e0a5600007c0acf79056307a3158689c2132c956fd23a4e0b06f2a2a92a5225778388"
            "17ede97b194a5dcb1eb8e75afe8766b5c926b393a869b67fedda707c56008501680d521724f800000e44"
            "31e765c6522bd84eca87413aaf87258422298305f120996858dc71c5637abafa117eb62e25a271339647"
            "6c0ad637643007752d88d4d5cf6e0b5a283bdc49d7ea2ff7386e0e31bc96e0f324f5868425531e825d26"
            "41acea58c252dfc226e13382274d664c837668827ba4be0ac3f5662f2363326d0bca843f97a058a63345"
            "294b19e96ccdb7e583b05c28343d9b97d72c646cad72bf5c3bedf552e9be68878ef65647d617d249e28f"
            "84857e4ae112dd70ce449c3efe7a53bdeb1da1bce1ba14a6396bc8de024f24b6bfaf1df0f173ab38978c"
            "e65400021956fd7121a290ad2847a820ff358e50a90aee35497b7d448449a497d9d5cff521f9ec12800a"
            "f02b9a2c7668d7acc084cabee19b7b36d367e1413a6f2dcafd3428da8ba28bbb79813631ab2285aeea99"
            "266f3f8103b18f6e89ad7626f71a37f1121992ad8111ef4293806bfdbffcb49f1828795effdcf85ca0f4"
            "f30d47ccb7c890"
        ),
    ),
    (
        7,
        (300, 1 << 20, 4000),
        ((0, 21), (1, -3)),
        LEAPS[:9],
        (
            "3770ac02808040a01f0902002a0105f15b80007e0a5600007c0acf79056307a3158689c2132c956fd23a"
            "4e0b06f2a2a92a522577838817ede63217dda7"
        ),
    ),
)

# (constructor in tirta_format.meta, its arguments, fields that parsing gives, hex of the payload)
LONG_CONFIG = b"x" * 1024 + b'{"name":"caf\xc3\xa9"}'
METAS = (
    (
        "boot",
        (0, 300, 3, "1.2.3", "esp32_devkitc"),
        {"boot": 300, "cause": 3, "firmware": "1.2.3", "board": "esp32_devkitc"},
        "0100ac020305312e322e330d65737033325f6465766b697463",
    ),
    (
        "anchor",
        (60000, 1741000000123, 2, 150),
        {"unix_ms": 1741000000123, "source": 2, "uncertainty_ms": 150},
        "02e0d403fb84bfddd532029601",
    ),
    (
        "config",  # the second part of a text
        (12, 0x89ABCDEF, LONG_CONFIG, 1024),
        {"hash": 0x89ABCDEF, "length": 1040, "offset": 1024, "part": LONG_CONFIG[1024:]},
        "030cefcdab89900880087b226e616d65223a22636166c3a9227d",
    ),
    (
        "loss",
        (0x80000000, 1, 1000, 2, 86400000),
        {"reason": 1, "number": 1000, "at_most": 2, "duration_ms": 86400000},
        "04808080800801e8070280b89929",
    ),
    (
        "loss",
        (0, 4, 0xFFFFFFFF, 0, 0),
        {"reason": 4, "number": 0xFFFFFFFF, "at_most": 0, "duration_ms": 0},
        "040004ffffffff0f0000",
    ),
    (
        "checkpoint",
        (127, 998, 12, [("flow", 3311899), ("\u00fcber", 1 << 40)]),
        {"pulled": 998, "lost": 12, "totals": [("flow", 3311899), ("\u00fcber", 1 << 40)]},
        "057fe6070c0204666c6f779b92ca0105c3bc626572808080808020",
    ),
    (
        "checkpoint",
        (128, 0, 0, []),
        {"pulled": 0, "lost": 0, "totals": []},
        "058001000000",
    ),
    ("stop", (1 << 35, 3), {"reason": 3}, "0680808080800103"),
)
META_CHUNK = "0e3004808080800801e8070280b899292f4cfe04"  # the first loss in a page

# A state copy: sequence, fields by tag (200 is not known yet, and kept), hex
STATE = (
    7,
    {1: b"a", 2: b"open", 3: b'{"version":1}', 200: b""},
    (
        "5453746101000000070000001e000000010100610204006f70656e030d007b2276657273696f6e22"
        "3a317dc800000511b2b8"
    ),
)

CONFIG = (
    b'{"board":"virtual","channels":[{"counter":0,"filter_ns":10000,"ml":10000,"name":"flow",'
    b'"pin":27,"scale":1,"sensor":"pulse","unit":"pulses"}],"commit_ms":60000,'
    b'"interval_ms":60000,"name":"inlet","version":1,"visit_s":1800}'
)
CONFIG_HASH = 0x3313047F  # SHA-256 begins 7f041333
