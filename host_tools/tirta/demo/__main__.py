# SPDX-License-Identifier: MIT
"""`make demo`: both acts, one after the other."""

import os
import shutil
import sys
import time

from tirta import virtual
from tirta.cli import say
from tirta.demo import cable_act, network_act
from tirta.demo.cable_act import FOLDER, step
from tirta.errors import TirtaError


def main() -> int:
    """Run the demo; 1 and what differs when anything does."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    # A place of its own: the demo's node is never mistaken for one of the user's.
    os.environ["TIRTA_VIRTUAL_DIR"] = str((FOLDER / "virtual").resolve())
    began = time.monotonic()
    try:
        differs, line = cable_act.run()
        _take_down()
        differs += network_act.run(FOLDER, step)
    except TirtaError as error:
        say.error(error.what, error.hint)
        return 1
    except KeyboardInterrupt:
        say.error("Interrupted.", f"The node is taken down; {FOLDER} holds what was written.")
        return 1
    finally:
        _take_down()
    step(f"{time.monotonic() - began:.0f} s in all")
    for what in differs:
        say.error(f"demo: {what}")
    if differs:
        return 1
    say.out(line)
    return 0


def _take_down() -> None:
    for node in virtual.list_nodes():
        virtual.down(node["name"])


if __name__ == "__main__":
    sys.exit(main())
