# SPDX-License-Identifier: MIT
"""A node that answers: its requests, where it hangs, its latest records."""

from tirta.node.requests import Node

__all__ = ["Node"]
