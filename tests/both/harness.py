# SPDX-License-Identifier: MIT
"""What the tests here need in both worlds: under CPython pytest collects them, under MicroPython
`run` does. A test is a function called `test_*` that asserts; it may `skip`.
"""

import sys


class SkippedError(Exception):
    """A test cannot run here, and says why."""


def skip(why):
    """End the test: what it needs is absent."""
    if sys.implementation.name != "cpython":
        raise SkippedError(why)
    pytest = __import__("pytest")
    pytest.skip(why)


def refuses(function, *arguments):
    """Whether `function` raises ValueError; anything else that it raises goes on."""
    try:
        function(*arguments)
    except ValueError:
        return True
    return False


def shared(path):
    """The bytes of a file of the shared data, which lie beside the checkout; skips without."""
    here = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
    try:
        with open(here + "/../../../shared/data/" + path, "rb") as file:
            return file.read()
    except OSError:
        skip("no shared data here: " + path)


def run(*names):
    """Run every test of these modules and print a line for each; return how many failed."""
    if sys.platform == "webassembly":
        __import__("plain_viper").stand_in()
    failed = 0
    for name in names:
        module = __import__(name)
        for test in sorted(dir(module)):
            if test.startswith("test_"):
                failed += not _passes(name, test, getattr(module, test))
    return failed


def _passes(module, name, test):
    try:
        test()
    except SkippedError as why:
        print("skipped", module, name, why)
        return True
    except Exception as error:  # noqa: BLE001 - a failing test may raise anything
        print("FAILED", module, name)
        sys.print_exception(error)
        return False
    print("passed", module, name)
    return True
