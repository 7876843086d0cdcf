# SPDX-License-Identifier: MIT
"""The archive's records in the formats of others; `tirta.exports.export` chooses one.

Words: a *selection* is which records are wanted; an *export* is a file or a folder that is there
whole or not at all. What a format cannot hold (a record without a time, where each needs one) is
counted as left out, and told.
"""
