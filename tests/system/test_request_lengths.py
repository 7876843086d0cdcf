# SPDX-License-Identifier: MIT
"""Every request with less payload than it has: refused, and nothing is changed."""

import random

from node_configs import config
from nodes import FAST_BAUD, Nodes

from tirta.errors import TirtaError
from tirta.link import protocol
from tirta.node import Node
from tirta_format import access, frame, seals

# What has no refusal in an open node's session: these are the gate's, and hello's digits are any.
ELSEWHERE = {frame.HELLO, access.CHALLENGE, access.LOGIN, seals.SEALED}


def too_short(request: protocol.Request, chance: random.Random) -> list[bytes]:
    least = request.payload[0]
    return [chance.randbytes(n) for n in sorted({0, least // 2, least - 1}) if 0 <= n < least]


def test_too_little_is_refused_and_changes_nothing(nodes: Nodes) -> None:
    chance = random.Random(20261129)
    text = config()
    port = nodes.up(app=True, config=text).port
    tried = 0
    taken = []
    with Node(port, FAST_BAUD) as node:
        before = node.status()
        for kind, request in protocol.REQUESTS.items():
            if kind in ELSEWHERE:
                continue
            for payload in too_short(request, chance):
                try:
                    node.link.request(kind, payload)
                except TirtaError:
                    tried += 1
                else:
                    taken.append(f"{request.name} {len(payload)}")
        assert taken == []
        assert node.config() == text
        after = node.status()
        assert after["boot"] == before["boot"]
    assert tried >= 40
