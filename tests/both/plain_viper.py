# SPDX-License-Identifier: MIT
"""Runs the node's viper kernels (tirta_node/*/*_viper.py) as plain Python: where nothing compiles
viper (CPython, the webassembly port), and beside the machine code, to judge it.

The source is the kernels' own. What differs: pointers are arrays of uctypes, whose words have a
sign and wrap when they are stored, and integers do not wrap; no kernel needs that. On CPython
tests/support has a uctypes, which knows where a buffer ends.
"""

import sys

import uctypes

ROOMS = {
    "codec_viper": "storage", "tick_viper": "sampling", "rates_viper": "sampling",
    "statistics_viper": "sampling", "quality_viper": "sampling",
}  # fmt: skip
_FAR = 1 << 20  # no buffer is longer
_loaded = {}


def has_viper():
    """Whether this Python compiles viper."""
    if sys.implementation.name != "micropython":
        return False
    try:
        exec("@micropython.viper\ndef nothing(): pass", {})
    except SyntaxError:
        return False
    return True


def _pointer(layout):
    def pointer(to):
        """To an address, or to what a buffer holds."""
        if not isinstance(to, int):
            to = uctypes.addressof(to)
        try:
            return uctypes.struct(to, layout, uctypes.NATIVE)
        except MemoryError:  # a test has locked the heap: of a kernel it is a register
            micropython = __import__("micropython")
            micropython.heap_unlock()
            try:
                return uctypes.struct(to, layout, uctypes.NATIVE)
            finally:
                micropython.heap_lock()

    return pointer


ptr8 = _pointer((uctypes.ARRAY, _FAR | uctypes.UINT8))
ptr16 = _pointer((uctypes.ARRAY, _FAR | uctypes.UINT16))
ptr32 = _pointer((uctypes.ARRAY, _FAR | uctypes.INT32))


def word(of):
    """What viper's `int` makes of it: of a pointer its address."""
    return of if isinstance(of, int) else uctypes.addressof(of)


def plain(source):
    """The source of kernels as that of a plain module.

    A decorator is no name there: a compiler without viper refuses it. Parameters become what viper
    makes of them, constants stay to be looked up, and words have their sign already.
    """
    out = ["from plain_viper import ptr8, ptr16, ptr32, word as int"]
    for line in source.split("\n"):
        if line in ("@micropython.viper", "from micropython import const"):
            continue
        out.append(line.replace(" = const(", " = (").replace(" sign <<= 2", " sign = 0"))
        if line.startswith("def "):
            for parameter in line[line.index("(") + 1 : line.rindex(")")].split(", "):
                name, _, kind = parameter.partition(": ")
                if kind.startswith("ptr"):
                    out.append("    %s = %s(%s)" % (name, kind, name))
    return "\n".join(out)


class _Module:
    """Of which the names of a source are attributes."""


def kernels(name):
    """The plain module of a file of kernels: "codec_viper". On a chip it was made before."""
    if name not in _loaded:
        try:
            _loaded[name] = __import__("plain_" + name)
        except ImportError:
            _loaded[name] = _from_source(name)
    return _loaded[name]


def _from_source(name):
    home = __import__("tirta_node").__file__.rsplit("/", 1)[0]
    path = "%s/%s/%s.py" % (home, ROOMS[name], name)
    with open(path) as file:
        source = plain(file.read())
    space = {"__name__": name}
    exec(compile(source, path, "exec"), space)
    made = _Module()
    for key, value in space.items():
        setattr(made, key, value)
    return made


def stand_in():
    """Let the plain kernels be the node's own, where nothing compiles viper."""
    if has_viper():
        return
    for name, room in ROOMS.items():
        package = "tirta_node." + room
        sys.modules[package + "." + name] = kernels(name)
        setattr(__import__(package, None, None, (room,)), name, kernels(name))
