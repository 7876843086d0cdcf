# SPDX-License-Identifier: MIT
"""The station of the ESP32 port's `network.WLAN`, and `network.LAN` (documentation of MicroPython
1.27 to 1.29; of LAN's keywords and states also the port's source).

`connect` returns at once; association and address take their time, and `status` tells how far it
is. As on the chip, the driver goes on trying by itself once it was told to connect, and a switched
off radio knows nothing.
"""

import _clock
import _radio
import esp32

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_BEACON_TIMEOUT = 200
STAT_ASSOC_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
ETH_INITIALIZED = 0
ETH_STARTED = 1
ETH_STOPPED = 2
ETH_CONNECTED = 3
ETH_DISCONNECTED = 4
ETH_GOT_IP = 5
PHY_LAN8710 = 0
PHY_LAN8720 = 1
PHY_IP101 = 2
PHY_RTL8201 = 3
PHY_DP83848 = 4
PHY_KSZ8041 = 5
PHY_KSZ8081 = 6

# What leaves as much heap as an emulated ESP32 has with Wi-Fi on and eight channels: 58,208 bytes
# (1.27.0). There Wi-Fi takes 22.7 KB, but objects are half as large.
_BALLAST = 4_300
_station = None
_lan = None


class WLAN:
    IF_STA = STA_IF
    IF_AP = AP_IF

    def __new__(cls, interface_id=STA_IF):
        global _station
        if interface_id != STA_IF:
            raise ValueError("invalid interface id")  # an access point is not modelled
        if _station is None:
            _station = object.__new__(cls)
            _station._active = False
            _station._since_us = -1  # when it was told to connect, or lost the access point
            _station._ballast = None
            _radio.stations.append(_station.isconnected)
        return _station

    def __init__(self, interface_id=STA_IF):
        pass

    def active(self, is_active=None):
        if is_active is None:
            return self._active
        if is_active and not self._active:
            self._ballast = bytearray(_BALLAST)
        elif not is_active:
            self._ballast = None
            self._since_us = -1
            _radio.loosen()
        self._active = esp32._wifi = bool(is_active)
        return self._active

    def connect(self, ssid=None, key=None, *, bssid=None):
        if not self._active:
            raise OSError("Wifi Not Started")
        if self._since_us >= 0 and not self.isconnected():
            raise OSError("Wifi Internal Error")  # esp_wifi_set_config while it connects
        if not isinstance(ssid, (str, bytes)) or not 0 < len(ssid) <= 32:
            raise ValueError("ssid")
        self._since_us = _clock.now_us()

    def disconnect(self):
        if not self._active:
            raise OSError("Wifi Not Started")
        self._since_us = -1

    def _passed_us(self):
        """Since the access point was there for a station that looks for it, or -1."""
        if self._since_us < 0:
            return -1
        if _radio.world() & _radio.NO_ACCESS_POINT:
            self._since_us = _clock.now_us()
        return _clock.now_us() - self._since_us

    def isconnected(self):
        passed_us = self._passed_us()
        return passed_us >= _radio.ASSOCIATE_US + _radio.ADDRESS_US and not _radio.world() & (
            _radio.NO_ADDRESS | _radio.WRONG_KEY
        )

    def status(self, param=None):
        if param is not None:
            if param != "rssi":
                raise ValueError("unknown status param")
            return -60
        passed_us = self._passed_us()
        if passed_us < 0:
            return STAT_IDLE
        if _radio.world() & _radio.NO_ACCESS_POINT:
            return STAT_NO_AP_FOUND
        if passed_us >= _radio.ASSOCIATE_US and _radio.world() & _radio.WRONG_KEY:
            return STAT_WRONG_PASSWORD
        return STAT_GOT_IP if self.isconnected() else STAT_CONNECTING

    def ifconfig(self):
        if not self.isconnected():
            return ("0.0.0.0",) * 4
        return ("192.168.4.2", "255.255.255.0", "192.168.4.1", "192.168.4.1")

    def config(self, *what, **values):
        if values:
            for name in values:
                if name not in ("pm", "reconnects", "txpower", "hostname"):
                    raise ValueError("unknown config param")
            return None
        if what == ("mac",):
            import machine

            return machine.unique_id()
        raise ValueError("unknown config param")


class LAN:
    """One PHY on RMII. What a constructor says counts the first time, as on the chip, and where
    nothing answers there the driver cannot be installed.
    """

    def __new__(
        cls, id=None, *, mdc=None, mdio=None, reset=None, power=None, phy_addr, phy_type,
        ref_clk_mode=-1, ref_clk=None
    ):  # fmt: skip
        global _lan
        if _lan is not None:
            return _lan
        if id not in (None, 0):
            raise ValueError("invalid LAN interface identifier")
        if not 0 <= phy_addr <= 31:
            raise ValueError("invalid phy address")
        if not PHY_LAN8710 <= phy_type <= PHY_KSZ8081:
            raise ValueError("invalid phy type")
        if mdc is None or mdio is None:
            raise ValueError("mdc and mdio must be specified")
        if power is not None:
            power(1)
            _clock.sleep_us(100_000)
        if _radio.world() & _radio.NO_PHY:
            raise OSError("esp_eth_driver_install failed")
        _lan = object.__new__(cls)
        _lan._since_us = -1
        _lan._ballast = bytearray(_BALLAST)
        _radio.stations.append(_lan.isconnected)
        return _lan

    def __init__(self, *_, **__):
        pass

    def active(self, is_active=None):
        if is_active is not None:
            if not is_active:
                self._since_us = -1
            elif self._since_us < 0:
                self._since_us = _clock.now_us()
        return self._since_us >= 0

    def status(self):
        if self._since_us < 0:
            return ETH_INITIALIZED
        if _radio.world() & _radio.NO_CABLE:
            self._since_us = _clock.now_us()
            return ETH_DISCONNECTED
        passed_us = _clock.now_us() - self._since_us
        if passed_us < _radio.NEGOTIATE_US:
            return ETH_STARTED
        has_address = passed_us >= _radio.NEGOTIATE_US + _radio.ADDRESS_US
        return (
            ETH_GOT_IP if has_address and not _radio.world() & _radio.NO_ADDRESS else ETH_CONNECTED
        )

    def isconnected(self):
        return self.status() == ETH_GOT_IP

    def ifconfig(self):
        if not self.isconnected():
            return ("0.0.0.0",) * 4
        return ("192.168.4.3", "255.255.255.0", "192.168.4.1", "192.168.4.1")
