# SPDX-License-Identifier: MIT
"""The least role that each request needs on a locked node. What is not listed is refused there."""

from tirta_format import frame, staging
from tirta_format.access import (
    ADMINISTRATOR,
    ANYONE,
    CHALLENGE,
    DIGEST,
    FLOOR,
    KEY,
    LOGIN,
    MODE,
    TECHNICIAN,
    UNLOCK,
)
from tirta_format.seals import SEALED

LEAST = {
    frame.HELLO: ANYONE,
    frame.STATUS: ANYONE,  # its public part; all of it for a technician
    frame.COMMIT: TECHNICIAN,
    frame.INDEX: TECHNICIAN,
    frame.READ: TECHNICIAN,
    frame.CONFIG_GET: TECHNICIAN,
    frame.CONFIG_PUT: TECHNICIAN,
    frame.CONFIG_APPLY: TECHNICIAN,
    frame.CLOCK_SET: TECHNICIAN,  # forwards and before the expiry; else the administrator
    frame.RESTART: TECHNICIAN,  # the application; the REPL is UNLOCK's
    frame.VALUES: TECHNICIAN,
    frame.PULLED: TECHNICIAN,
    frame.TIMING: TECHNICIAN,
    frame.RATE: TECHNICIAN,
    staging.STAGE: TECHNICIAN,
    staging.CONFIRM: TECHNICIAN,
    staging.TRIAL: TECHNICIAN,
    staging.WHO: TECHNICIAN,
    staging.WHO_PUT: TECHNICIAN,
    staging.SECRETS_PUT: TECHNICIAN,
    CHALLENGE: ANYONE,
    LOGIN: ANYONE,
    SEALED: ANYONE,  # what is inside counts
    DIGEST: TECHNICIAN,
    KEY: ADMINISTRATOR,
    MODE: ADMINISTRATOR,
    UNLOCK: ADMINISTRATOR,
    FLOOR: ADMINISTRATOR,
}
LEAST[0x28] = TECHNICIAN  # which slots there are
for _values in range(0x21, 0x24):
    LEAST[_values] = TECHNICIAN  # calibrations
for _update in range(0x29, 0x2F):
    LEAST[_update] = ADMINISTRATOR  # all that changes them

NOBODY = 255


def table():
    """The least role of each request, by its type; NOBODY for what is not listed.

    A node keeps these 128 bytes and forgets this module.
    """
    return bytes([LEAST.get(kind, NOBODY) for kind in range(128)])
