# SPDX-License-Identifier: MIT
"""Encrypted files: AES-256-GCM under a key of the operating system's keyring, or a passphrase's.

File: `TKey`, u8 version, u8 kind (1 keyring, 2 passphrase), 16 bytes of salt, 12 of nonce, then the
encrypted JSON with its tag; what stands before it is authenticated with it. A passphrase becomes a
key by scrypt (RFC 7914) with n = 2^15, r = 8, p = 1: a third of a second and 32 MB for each guess.
"""

import json
import secrets
from typing import Any

from tirta.errors import TirtaError

KEYRING, PASSPHRASE = 1, 2
KEY_BYTES = 32
_MAGIC = b"TKey\x01"
_SALT_BYTES, _NONCE_BYTES = 16, 12
_HEAD_BYTES = len(_MAGIC) + 1 + _SALT_BYTES + _NONCE_BYTES


def kind(data: bytes) -> int:
    """Return KEYRING or PASSPHRASE. Raises TirtaError when this is no file of ours."""
    if data[: len(_MAGIC)] != _MAGIC or len(data) <= _HEAD_BYTES:
        raise TirtaError(
            "This file holds no keys of Tirta.", "Give a file that `tirta keys` has written."
        )
    return data[len(_MAGIC)]


def close(content: dict[str, Any], key: bytes | str) -> bytes:
    """Encrypt under a key of 32 bytes, or under a passphrase."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    which = bytes((PASSPHRASE if isinstance(key, str) else KEYRING,))
    head = _MAGIC + which + salt + nonce
    plain = json.dumps(content, sort_keys=True).encode()
    return head + AESGCM(_key(key, salt)).encrypt(nonce, plain, head)


def open_(data: bytes, key: bytes | str, name: str = "this file") -> dict[str, Any]:
    """Decrypt what `close` was given; `name` says which file it is. Raises TirtaError when the key
    is another one, or a bit flipped.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    kind(data)
    head, nonce = data[:_HEAD_BYTES], data[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES]
    salt = data[len(_MAGIC) + 1 : len(_MAGIC) + 1 + _SALT_BYTES]
    try:
        plain = AESGCM(_key(key, salt)).decrypt(nonce, data[_HEAD_BYTES:], head)
    except InvalidTag as error:
        what = "passphrase is" if isinstance(key, str) else "key in this computer's keyring is"
        raise TirtaError(
            f"The {what} not the one of {name}, or the file is damaged.",
            "Try again; a damaged file can only be had anew from whoever issued it.",
        ) from error
    try:
        content = json.loads(plain)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise TirtaError(
            "What is in the file are no keys of Tirta.", "Ask whoever made it for another one."
        )
    return content


def _key(key: bytes | str, salt: bytes) -> bytes:
    if isinstance(key, bytes):
        return key
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=KEY_BYTES, n=2**15, r=8, p=1).derive(key.encode())
