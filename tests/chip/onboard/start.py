# SPDX-License-Identifier: MIT
"""Runs a file of tests at the prompt of a node: what the node does without is lent to it."""

import gc
import sys

# Plain twins of kernels, which a node with viper has no use for.
LENT = (("tirta_format", "codec"), ("tirta_node", "codec_shim"))


def lend():
    """Let modules that are mounted beside this one count as the node's own."""
    for package, name in LENT:
        module = __import__(name)
        sys.modules[package + "." + name] = module
        setattr(__import__(package), name, module)


def main(name, lends):
    """Run the tests of a module; tell how many failed, and how much heap is left."""
    gc.threshold(4096)  # what lasts shall lie close
    sys.path.insert(0, "/app")
    gc.collect()
    if lends:
        lend()
    harness = __import__("harness")
    gc.collect()
    print("harness:", harness.run(name), gc.mem_free())
