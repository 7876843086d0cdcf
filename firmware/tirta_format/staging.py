# SPDX-License-Identifier: MIT
"""A config on trial, the self-test and who a node is: requests and fields of the state partition
(FORMAT.md sections 7 and 10.2).

Not in frame.py and state.py: a node needs them rarely, and names that it has once read stay in RAM.
"""

# Tags of the state partition.
STAGED = 16  # u8 boots that tried it, u16 seconds to confirm it, config text
REASON = 17  # text: why the last config was not kept; on trial JSON: what its sensors read
FAILED = 18  # u32 hash of a config, firmware version, 00, text: why they failed
IDENTITY = 19  # JSON: district, position
SECRETS = 22  # JSON: passwords of an uplink, `wifi` and `broker`
TRIED_SECRETS = 23  # the same, of a config on trial
HEAD = "<BH"  # of STAGED
NEW, TESTED = 0, 2  # boots of a config that waits for its test, and of one that waits for its trial
HEAD_SIZE = 3

# Requests.

STAGE = 0x30
CONFIRM = 0x31
TRIAL = 0x32
WHO = 0x34
WHO_PUT = 0x35
SECRETS_PUT = 0x36

TRIAL_S = (10, 3600)  # least and most seconds that a laptop has to confirm a config
IDENTITY_BYTES = 200
SECRETS_BYTES = 192  # whole blocks of AES
TEST_MS = 2500  # every sensor has given a value by then
