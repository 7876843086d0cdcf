# SPDX-License-Identifier: MIT
"""The district: from the records of its nodes to the figures that find a leak.

`definitions` says what each figure means and where the definition is from; `night`, `burst`,
`leakage`, `balance`, `quality` and `supply` compute them from arrays; `figures` puts them together,
each with the records that it stands on.
"""
