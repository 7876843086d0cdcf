# SPDX-License-Identifier: MIT
"""Who made a bundle: an Ed25519 signature over its manifest, and the keys that this laptop trusts.

The signature covers a fixed prefix and the manifest's bytes, and the manifest has the SHA-256 of
every file. *Trusted keys* are lines of `public key in hex, name` in `trusted_keys.txt` of the
user's folder (`paths.user_dir`), which
TIRTA_TRUSTED_KEYS replaces. A *signing key* is a PEM file (PKCS 8) that its owner keeps.
"""

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.files.paths import user_dir
from tirta.image import bundle as bundles
from tirta.image.build import MANIFEST
from tirta.image.bundle import Bundle

_PREFIX = b"tirta bundle 1\0"
_LINE = re.compile(r"([0-9a-f]{64})\s+(\S.{0,60})")


@dataclass(frozen=True)
class Key:
    """A public key that somebody decided to trust, and what they call it."""

    public: str
    name: str


def trusted_path() -> Path:
    """Return the file of trusted keys."""
    if named := os.environ.get("TIRTA_TRUSTED_KEYS"):
        return Path(named)
    return user_dir() / "trusted_keys.txt"


def trusted() -> list[Key]:
    """Read the keys of that file; empty lines and lines that begin with # mean nothing."""
    path = trusted_path()
    if not path.exists():
        return []
    keys = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise TirtaError(
                f"Line {number} of {path} is no key.",
                "A line is 64 hexadecimal digits, a space, and a name.",
            )
        keys.append(Key(match[1], match[2]))
    return keys


def trust(public: str, name: str) -> Path:
    """Trust one more key; return the file."""
    path = trusted_path()
    if _LINE.fullmatch(f"{public} {name}") is None:
        raise TirtaError("That is no public key with a name.", "A key has 64 hexadecimal digits.")
    if all(key.public != public for key in trusted()):
        before = path.read_bytes() if path.exists() else b""
        atomic.write(path, before + f"{public} {name}\n".encode())
    return path


def new_key(path: Path) -> str:
    """Draw a signing key into a file that only its owner can read; return its public key."""
    if path.exists():
        raise TirtaError(f"{path} is there already.", "Name a file that does not exist.")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    atomic.write_secret(path, pem)
    return key.public_key().public_bytes_raw().hex()


def sign(bundle: Bundle, key_file: Path) -> Bundle:
    """Sign a bundle with the key in `key_file`."""
    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except OSError as error:
        raise TirtaError(f"Cannot read {key_file}: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise TirtaError(f"{key_file} holds no signing key: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise TirtaError(f"{key_file} holds no Ed25519 key.", "Make one: `tirta bundle key FILE`.")
    document = {
        "key": key.public_key().public_bytes_raw().hex(),
        "signature": key.sign(_PREFIX + bundle.app[MANIFEST]).hex(),
    }
    text = json.dumps(document, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    return replace(bundle, signature=text)


def read(path: Path, *, allow_unsigned: bool) -> Bundle:
    """Read a bundle whose signature `verify` takes, or whatever it has. Raises TirtaError."""
    found = bundles.read(path)
    if not allow_unsigned:
        verify(found)
    return found


def verify(bundle: Bundle) -> Key:
    """Verify a bundle, and return the trusted key that signed it. Raises TirtaError where
    none did.
    """
    if not bundle.signature:
        raise TirtaError(
            "The bundle has no signature.",
            "Ask who gave it to you. `tirta update PORT BUNDLE --allow-unsigned` takes it all the"
            " same.",
        )
    try:
        document = json.loads(bundle.signature)
        public, signature = str(document["key"]), bytes.fromhex(document["signature"])
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
            signature, _PREFIX + bundle.app[MANIFEST]
        )
    except (InvalidSignature, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TirtaError(
            "The bundle's signature is wrong: it was changed after it was signed.",
            "Nothing was changed. Get it again from where it was published.",
        ) from error
    for key in trusted():
        if key.public == public:
            return key
    raise TirtaError(
        f"The bundle is signed by a key that this laptop does not trust: {public}.",
        f"If it is the right one: `tirta bundle trust {public} NAME`.",
    )
