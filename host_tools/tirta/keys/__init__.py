# SPDX-License-Identifier: MIT
"""Keys of locked nodes on this computer, and what is derived from them (FORMAT.md section 13).

A *fleet key* belongs into the office: from it follow the keys of all nodes. A *credential* opens
one node as technician or administrator until it expires; a technician's computer has no others.
All of them lie in one encrypted file, the *vault*.
"""
