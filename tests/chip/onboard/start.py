# SPDX-License-Identifier: MIT
"""Runs a file of tests at the prompt of a node."""

import gc
import sys


def main(name):
    """Run the tests of a module; tell how many failed, and how much heap is left."""
    gc.threshold(4096)  # what lasts shall lie close
    sys.path.insert(0, "/app")
    gc.collect()
    harness = __import__("harness")
    gc.collect()
    print("harness:", harness.run(name), gc.mem_free())
