# SPDX-License-Identifier: MIT
"""A login at a locked node: it proves both sides to each other, and seals frames (FORMAT.md 13)."""

import secrets

from tirta.errors import TirtaError
from tirta.keys import memory
from tirta.keys.credential import Credential
from tirta_format import access, frame, hmac, seals

_STREAM = {frame.DATA, frame.END}  # not sealed: pages are compared by their digests


class Session:
    """What both sides know after a login. `seal` and `open_` for each frame."""

    def __init__(self, credential: Credential, node_nonce: bytes) -> None:
        if len(node_nonce) != access.NONCE_SIZE:
            raise TirtaError(
                "What answers does not keep to Tirta's protocol: its challenge is too short.",
                "Look at the board and its cable, then run the command again.",
            )
        self.credential = credential
        self._nonces = node_nonce + secrets.token_bytes(access.NONCE_SIZE)
        keys = access.session_keys(credential.key, credential.node, self._nonces)
        self._to_node, self._to_laptop, self._secret = map(bytes, keys)
        self.ended = False  # the node, or who spoke in its place, knows nothing of it any more
        self._proven = False  # an answer came with its seal
        self._counter = 0
        self._waiting: dict[int, set[int]] = {}  # sequence of a request: counters of its frames

    @property
    def secret(self) -> bytes:
        """The key for secrets."""
        return self._secret

    @property
    def role(self) -> int:
        """What was logged in as."""
        return self.credential.role

    def login(self) -> bytes:
        """Make the payload of the login request."""
        made = self.credential
        proof = access.laptop_proof(made.key, made.node, self._nonces, made.claims)
        return self._nonces[access.NONCE_SIZE :] + made.claims + bytes(proof)

    def check(self, answer: bytes) -> None:
        """Raise TirtaError unless the node proved that it has its key."""
        made = self.credential
        if not hmac.equal(
            answer, access.node_proof(made.key, made.node, self._nonces, made.claims)
        ):
            raise TirtaError(
                "What answers is not the node that it says it is.",
                "Do not trust it: look at the board, and tell whoever keeps the keys.",
            )
        memory.remember(made.node, memory.LOCKED, "login")

    def seal(self, kind: int, sequence: int, payload: bytes) -> bytes:
        """Make the payload of a sealed frame that carries this request, for the first time or
        again.
        """
        self._counter += 1
        self._waiting.setdefault(sequence, set()).add(self._counter)
        sealed = seals.seal(self._to_node, seals.SEALED, sequence, self._counter, kind, payload)
        return bytes(sealed)

    def begin(self, sequence: int) -> None:
        """Take note that another request gets this sequence; unless it is sealed, its answer is not
        either.
        """
        self._waiting.pop(sequence, None)

    def open_(self, kind: int, sequence: int, payload: bytes) -> tuple[int, bytes] | None:
        """Unseal (type, payload) of an answer, or None: not of this node, or not to that
        request.
        """
        counters = self._waiting.get(sequence)
        if counters is None or kind in _STREAM:
            return kind, payload
        if kind == frame.REFUSAL and payload[:1] == _NOT_ALLOWED and self._proven:
            # Nobody signed it: it may end this session, once, and says nothing else. The next one
            # must have been of use before such a refusal counts again.
            self.ended = True
            return kind, payload
        if kind != seals.SEALED + frame.ANSWER:
            return None
        opened = seals.unseal(self._to_laptop, kind, sequence, payload)
        if opened is None or opened[1] not in counters:
            return None
        self._proven = True
        return opened[0], bytes(opened[2])

    def encrypt(self, secret: bytes) -> bytes:
        """Encrypt a secret of whole blocks of 16 bytes, for this node alone; the frame has a
        tag.
        """
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        iv = secrets.token_bytes(16)
        cipher = Cipher(algorithms.AES(self._secret), modes.CBC(iv)).encryptor()
        return iv + cipher.update(secret) + cipher.finalize()


_NOT_ALLOWED = bytes((access.NOT_ALLOWED,))
