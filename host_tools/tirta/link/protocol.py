# SPDX-License-Identifier: MIT
"""Every request of the link in one table: type, name, least role, payload, and who answers it.

FORMAT.md sections 10, 10.3 and 13 say what each means; the node's table of roles, the modules that
it loads for them and FORMAT.md's tables are held against this one (tests/host/test_protocol.py,
tests/system/test_request_lengths.py).
"""

from dataclasses import dataclass

from tirta_format import frame, seals, staging, updates
from tirta_format.access import (
    ADMINISTRATOR,
    ANYONE,
    CHALLENGE,
    DIGEST,
    FLOOR,
    KEY,
    KEY_SIZE,
    LOGIN,
    MODE,
    NONCE_SIZE,
    TECHNICIAN,
    UNLOCK,
)
from tirta_format.calibration import CALIBRATE, CALIBRATIONS, PROBE

# Of one request, sealed or not.
MAX_PAYLOAD = frame.MAX_FROM_LAPTOP - frame.OVERHEAD - seals.OVERHEAD
_MAX_SEALED = MAX_PAYLOAD + seals.OVERHEAD
_NEW_KEY = 16 + KEY_SIZE  # behind its IV
_KEYS = "requests.keys_and_modes"


@dataclass(frozen=True)
class Request:
    """`payload`: least and most bytes of it; `answered_by` is a module of `tirta_node`."""

    kind: int
    name: str
    least_role: int
    payload: tuple[int, int]
    answered_by: str


REQUESTS = {
    request.kind: request
    for request in (
        Request(frame.HELLO, "hello", ANYONE, (2, MAX_PAYLOAD), "requests.dispatch"),
        Request(frame.STATUS, "status", ANYONE, (0, 0), "requests.dispatch"),
        Request(frame.COMMIT, "commit", TECHNICIAN, (0, 0), "requests.dispatch"),
        Request(frame.INDEX, "index", TECHNICIAN, (4, 4), "requests.pages"),
        Request(frame.READ, "read", TECHNICIAN, (14, 2 + 12 * frame.MAX_RANGES), "requests.pages"),
        Request(frame.CONFIG_GET, "config get", TECHNICIAN, (2, 2), "requests.settings"),
        Request(frame.CONFIG_PUT, "config put", TECHNICIAN, (4, MAX_PAYLOAD), "requests.settings"),
        Request(frame.CONFIG_APPLY, "config apply", TECHNICIAN, (4, 4), "requests.stage"),
        Request(frame.CLOCK_SET, "clock set", TECHNICIAN, (12, 12), "requests.settings"),
        Request(frame.RESTART, "restart", TECHNICIAN, (1, 1), "requests.settings"),
        Request(frame.VALUES, "values", TECHNICIAN, (0, 0), "requests.dispatch"),
        Request(frame.PULLED, "pulled", TECHNICIAN, (8, 8), "requests.pages"),
        Request(frame.RATE, "rate", TECHNICIAN, (4, 4), "line.baud"),
        Request(CHALLENGE, "challenge", ANYONE, (0, 1), "access.gate"),
        Request(LOGIN, "login", ANYONE, (2 * NONCE_SIZE, MAX_PAYLOAD), "access.gate"),
        Request(seals.SEALED, "sealed", ANYONE, (seals.OVERHEAD, _MAX_SEALED), "access.gate"),
        Request(DIGEST, "digest", TECHNICIAN, (12, 12), _KEYS),
        Request(KEY, "key", ADMINISTRATOR, (_NEW_KEY, _NEW_KEY), _KEYS),
        Request(MODE, "mode", ADMINISTRATOR, (1, 1 + KEY_SIZE), _KEYS),
        Request(UNLOCK, "unlock", ADMINISTRATOR, (0, 0), _KEYS),
        Request(FLOOR, "floor", ADMINISTRATOR, (4, 4), _KEYS),
        Request(frame.TIMING, "timing", TECHNICIAN, (0, 1), "requests.timing"),
        Request(CALIBRATE, "calibrate", TECHNICIAN, (2, MAX_PAYLOAD), "requests.timing"),
        Request(CALIBRATIONS, "calibrations", TECHNICIAN, (0, 0), "requests.timing"),
        Request(PROBE, "probe", TECHNICIAN, (1, MAX_PAYLOAD), "requests.timing"),
        Request(updates.SLOTS, "slots", TECHNICIAN, (0, 0), "updates.update"),
        Request(updates.BEGIN, "begin", ADMINISTRATOR, (0, 0), "updates.update"),
        Request(updates.HASHES, "hashes", ADMINISTRATOR, (3, 3), "updates.update"),
        Request(updates.ERASE, "erase", ADMINISTRATOR, (2, 2), "updates.update"),
        Request(updates.WRITE, "write", ADMINISTRATOR, (5, MAX_PAYLOAD), "updates.update"),
        Request(updates.TRY, "try", ADMINISTRATOR, (33, 33), "updates.update"),
        Request(updates.BACK, "back", ADMINISTRATOR, (1, 1), "updates.update"),
        Request(staging.STAGE, "stage", TECHNICIAN, (6, 6), "requests.stage"),
        Request(staging.CONFIRM, "confirm", TECHNICIAN, (4, 4), "requests.config_requests"),
        Request(staging.TRIAL, "trial", TECHNICIAN, (0, 0), "requests.config_requests"),
        Request(staging.WHO, "who", TECHNICIAN, (0, 0), "requests.config_requests"),
        Request(
            staging.WHO_PUT, "be", TECHNICIAN, (2, staging.IDENTITY_BYTES),
            "requests.config_requests",
        ),
        Request(
            staging.SECRETS_PUT, "secrets", TECHNICIAN, (32, 16 + staging.SECRETS_BYTES),
            "requests.config_requests",
        ),
    )
}  # fmt: skip


def least_role(kind: int) -> int:
    """Return what a request needs on a locked node; the highest for one that is not known."""
    return REQUESTS[kind].least_role if kind in REQUESTS else ADMINISTRATOR
