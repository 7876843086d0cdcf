# SPDX-License-Identifier: MIT
"""The whole job once, without hardware: a node from bare flash to the page of its district, then
three nodes that send over a network.
"""
