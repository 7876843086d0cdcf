# SPDX-License-Identifier: MIT
"""The archive's tables: Parquet that any engine reads, made from the evidence beside it.

The *evidence* is the pages as they came (tirta.archive.evidence); a table is derived from it, can
be made again at any time, and is never edited. `landing` brings the tables up to date after a pull
and rewrites only what changed. `layout` has every folder, file and column; ARCHIVE.md, which is
written into each archive, says what they mean.

Words: *facts* are what the archive remembers of a page without opening it again; a *stretch* is
records of one boot whose numbers and slots go up by one; a *month* is the UTC month of a record's
time, or `unset`.
"""
