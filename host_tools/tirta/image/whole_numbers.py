# SPDX-License-Identifier: MIT
"""The whole numbers that a constant's definition gives, as far as that is known without running."""

import ast
from collections.abc import Mapping

_OPERATORS = {
    ast.Add: int.__add__,
    ast.Sub: int.__sub__,
    ast.Mult: int.__mul__,
    ast.LShift: int.__lshift__,
    ast.BitOr: int.__or__,
}


def elements(node: ast.expr) -> list[ast.expr]:
    """Return what a tuple or `range(n)` consists of, or the expression alone."""
    if isinstance(node, ast.Tuple):
        return node.elts
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range" and len(node.args) == 1:
        count = whole_number(node.args[0], {})
        return [ast.Constant(number) for number in range(count or 0)]
    return [node]


def whole_number(node: ast.expr, known: Mapping[str, int]) -> int | None:
    """Return the value of a whole number, of `const` of one, and of sums and shifts of such."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "const":
        return whole_number(node.args[0], known)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = whole_number(node.operand, known)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and (operator := _OPERATORS.get(type(node.op))):
        left, right = whole_number(node.left, known), whole_number(node.right, known)
        return None if left is None or right is None else operator(left, right)
    return None
