# SPDX-License-Identifier: MIT
"""The accounts of statistics as sampling/accounts.py lays them out, every kind for each cell."""

MISSING = 9


def of(kernels, cells):
    """The words behind the cells: an account for each cell, then eight columns of each account.
    `kernels` is statistics_viper, for its constants.
    """
    found = [cells, 8 * cells]
    for cell in range(cells):
        room = [0] * (kernels._ACCOUNT - 5)
        found += [cell, 0, 0, MISSING] + room + [2 * kernels._SPREADS - 1]
    for what in range(8):
        value, flag, do = (
            (kernels._LATEST, kernels._LATEST_FLAG, 0), (kernels._SUM, kernels._SUM_FLAG, 0),
            (kernels._LATEST, kernels._WORST, kernels._IS_MEAN),
            (kernels._LEAST, kernels._WORST, 0), (kernels._GREATEST, kernels._WORST, 0),
            (kernels._LAST, kernels._WORST, 0), (kernels._N, kernels._WORST, kernels._IS_COUNT),
            (kernels._LATEST, kernels._WORST, kernels._IS_STD),
        )[what]  # fmt: skip
        for cell in range(cells):
            at = 2 + cell * kernels._ACCOUNT
            found += [what * cells + cell, at + value, at + flag, at, do]
    return found
