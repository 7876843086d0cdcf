# SPDX-License-Identifier: MIT
"""AES as the node's `cryptolib` has it, made of the `cryptography` package."""

from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_CBC = 2


class aes:  # noqa: N801 - its name is cryptolib's
    """`aes(key, 1)` is ECB, `aes(key, 2, iv)` CBC; whole blocks of 16 bytes, no padding."""

    def __init__(self, key: bytes, mode: int, iv: bytes = b"") -> None:
        chosen = modes.CBC(bytes(iv)) if mode == _CBC else modes.ECB()  # noqa: S305 - one block a time
        self._cipher: Cipher[Any] = Cipher(algorithms.AES(bytes(key)), chosen)

    def encrypt(self, data: bytes, out: memoryview | None = None) -> bytes:
        """Return the ciphertext, and put it into `out` if that is given."""
        return self._put(self._cipher.encryptor().update(data), out)

    def decrypt(self, data: bytes, out: memoryview | None = None) -> bytes:
        """Return the plain text, and put it into `out` if that is given."""
        return self._put(self._cipher.decryptor().update(data), out)

    @staticmethod
    def _put(made: bytes, out: memoryview | None) -> bytes:
        if out is not None:
            out[:] = made
        return made
