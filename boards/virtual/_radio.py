# SPDX-License-Identifier: MIT
"""The world at antenna and cable: whether there is an access point, an address, a way on.

The supervisor says so in a slot of the state (`tirta.virtual.control`, {"do": "network"}); what is
set there holds from that moment on. The link may also be told to go away in the middle of a packet:
behind so many more bytes that the node sends.
"""

import _clock
import _state

THERE = 1  # the board has a radio
NO_ACCESS_POINT = 2
NO_ADDRESS = 4  # nobody answers DHCP
NO_NAMES = 8  # nobody answers DNS
NO_WAY = 16  # what is sent never arrives: a dead router, or a broker that is switched off
WRONG_KEY = 32
NO_PHY = 64  # the board's Ethernet chip is broken
NO_CABLE = 128
STUCK = 256  # the driver passes nothing on until the station is switched off

ASSOCIATE_US = 1_500_000  # a scan, then association
NEGOTIATE_US = 2_000_000  # of the two ends of a cable
ADDRESS_US = 500_000  # DHCP
_EXCHANGE_US = 300_000  # of the computer's time: how long the other end of a socket may think


def world():
    return _state.get(_state.NETWORK)


def passes():
    """Whether a packet that is sent now can arrive."""
    return not world() & (NO_WAY | STUCK) and any(is_up() for is_up in stations)


stations = []  # of network: functions that say whether a station has an address


def loosen():
    """The station was switched off: its driver begins anew."""
    _state.put(_state.NETWORK, world() & ~STUCK)


def busy():
    """Packets are on their way: time runs at 1 for a moment."""
    _clock.await_peer(_EXCHANGE_US)


def allowed(count):
    """How many of `count` bytes still leave before the link goes away."""
    left = _state.get(_state.NETWORK_BYTES)
    if not left:
        return count
    if count < left:
        _state.put(_state.NETWORK_BYTES, left - count)
        return count
    _state.put(_state.NETWORK_BYTES, 0)
    _state.put(_state.NETWORK, world() | NO_WAY)
    return left
