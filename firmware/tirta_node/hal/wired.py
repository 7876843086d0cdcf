# SPDX-License-Identifier: MIT
"""Ethernet of the ESP32 port: `network.LAN`, with the PHY that the board's file names.

The driver is installed once a boot, at its start: it gives the PHY 100 ms for its power. A PHY that
does not answer is told of, and the node samples without an uplink. Called by `unload`.
"""

import network
from machine import Pin


def begin(phy):
    """The chip's Ethernet, or None where it does not work; `phy` is `ethernet` of the config
    (wiring.py).
    """
    options = {
        "mdc": Pin(phy["mdc"]),
        "mdio": Pin(phy["mdio"]),
        "phy_addr": phy["address"],
        "ref_clk": Pin(phy["clock"]),
        "ref_clk_mode": Pin.OUT if phy["out"] else Pin.IN,
    }
    if "power" in phy:
        options["power"] = Pin(phy["power"])
    try:
        options["phy_type"] = getattr(network, "PHY_" + phy["phy"])
        lan = network.LAN(0, **options)
        if not lan.active():
            lan.active(True)
    except (OSError, ValueError, AttributeError):  # a PHY that this image does not know
        return None
    return lan
