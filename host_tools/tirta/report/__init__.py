# SPDX-License-Identifier: MIT
"""The page of a district: one HTML file that opens anywhere, without a network.

`downsample` and `charts` make what the charts draw, `view` makes what the text says in one language
(`language`), `build` puts both into the template. All that a page needs is in `assets`.
"""
