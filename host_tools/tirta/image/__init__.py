# SPDX-License-Identifier: MIT
"""What goes onto a flash: built, laid out, bundled and signed, without a board."""
