# SPDX-License-Identifier: MIT
"""Ethernet of the ESP32 port: `network.LAN`, with the PHY that the board's file names.

The driver is installed once a boot, at its start: it gives the PHY 100 ms for its power. A PHY that
does not answer is told of, and the node samples without an uplink.
"""

import network
from machine import Pin


class Wired:
    """The chip's Ethernet; `phy` is `ethernet` of the config (wiring.py). As Radio is."""

    def __init__(self, phy):
        self._works = False
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
            self._lan = network.LAN(0, **options)
            if not self._lan.active():
                self._lan.active(True)
            self._works = True
        except (OSError, ValueError, AttributeError):  # a PHY that this image does not know
            pass

    def is_joined(self):
        """Whether there is an address."""
        return self._works and self._lan.isconnected()

    def problem(self):
        """Why not, as a text."""
        if not self._works:
            return "the Ethernet chip does not answer"
        if self._lan.status() == network.ETH_CONNECTED:
            return "no address from the network"
        return "no Ethernet cable"

    def name_server(self):
        """The address of the server of names."""
        return self._lan.ifconfig()[3], 53
