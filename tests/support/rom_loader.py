# SPDX-License-Identifier: MIT
"""A chip that listens in its ROM loader, on a serial device: esptool's peer without hardware.

esp32-mock-bootloader speaks the protocol; here it gets a flash of the board's size, and a power
switch. `port` is a link, so that what the flash holds afterwards can be started in its place.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from esp32_mock_bootloader import protocol, registers, server

_SIZES = {0x400000: 0x16, 0x800000: 0x17}  # JEDEC: the third byte is the size as a power of two
_lock = threading.Lock()
_here = threading.local()  # the chip that this thread is


def _registers(chip: str) -> dict[int, int]:
    """What the chip of this thread reads in its registers: its number among them."""
    number = getattr(_here, "mac", registers.mac_bytes_for_chip(chip))
    return {**_of_all(chip), **registers._mac_registers(chip, number)}


_of_all, registers.rom_profile = registers.rom_profile, _registers


class _Flash(server.FlashImage):  # type: ignore[misc]  # it has no types
    """Counts what is written, and may end the connection at a block."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.data = bytearray(b"\xff" * size)
        self.blocks = 0
        self.fail_at: int | None = None
        self.fail: Callable[[], None] = lambda: None

    def write_defl_block(self, payload: bytes) -> None:
        self.blocks += 1
        if self.blocks == self.fail_at:
            self.fail()
        before = self._defl_offset
        if self._decompressor is not None and len(payload) >= 16:
            size = int.from_bytes(payload[:4], "little")
            content = self._decompressor.decompress(payload[16 : 16 + size])
            self.data[before : before + len(content)] = content
            self._defl_offset += len(content)


class RomLoader:
    """`with RomLoader(folder, "esp32") as chip:` esptool finds it at `chip.port`.

    `after` is called with the flash when a client that wrote has gone: the chip starts then.
    """

    def __init__(
        self,
        folder: Path,
        chip: str,
        size: int = 0x400000,
        after: Callable[[bytes], str] | None = None,
        mac: str = "240ac4e29526",
    ) -> None:
        self.chip = chip
        self.mac = mac
        self.flash = _Flash(size)
        self.port = folder / f"tty-{chip}-{id(self):x}"
        self._size = size
        self._after = after
        self._stop = threading.Event()
        self._transport: Any = None
        self._device = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._unplugged = False

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(10)

    def unplug_at(self, block: int) -> None:
        """The cable comes off while this block of data is on its way."""
        self.flash.fail_at = self.flash.blocks + block

        def fail() -> None:
            self._unplugged = True
            raise OSError("unplugged")

        self.flash.fail = fail

    def _run(self) -> None:
        _here.mac = tuple(bytes.fromhex(self.mac))
        self._listen()
        while not self._stop.is_set():
            before = self.flash.blocks
            self._serve()
            gone = self._transport
            if self.flash.blocks > before and self._after and not self._stop.is_set():
                _close(gone)
                self._point_at(self._after(bytes(self.flash.data)))
                return
            if self._unplugged:
                self._unplugged = False
                self._listen()  # before the hang-up: whoever sees it finds the port again at once
                _close(gone)
            elif gone._slave_released:  # the same port: a client may have it open again already
                self._transport = _again(gone, self._device)
        _close(self._transport)

    def _listen(self) -> None:
        self._transport = server.PtyMasterTransport.create(track_disconnect=True)
        self._device = self._transport.client_path
        self._point_at(self._device)
        self._ready.set()

    def _serve(self) -> None:
        with _lock:  # the identity of the flash is the module's
            protocol.MOCK_FLASH_ID = 0x4020 | _SIZES[self._size] << 16
        connection = server.BootloaderConnection(pty=self._transport)
        with contextlib.suppress(OSError):
            server.handle_client(
                connection, self._stop, self.chip, exit_on_disconnect=True, flash=self.flash
            )

    def _point_at(self, device: str) -> None:
        fresh = self.port.with_suffix(".new")
        fresh.symlink_to(device)
        fresh.replace(self.port)  # at once: a client may look for it meanwhile


def _again(transport: Any, device: str) -> Any:
    """The same line, once more waiting for a client."""
    slave = os.open(device, os.O_RDWR | os.O_NOCTTY)
    return server.PtyMasterTransport(transport._master, slave, track_disconnect=True)


def _close(transport: Any) -> None:
    """Its own `close` would close the client's end twice, which may be another file by now."""
    os.close(transport._master)
    if not transport._slave_released:
        os.close(transport._slave)
