# SPDX-License-Identifier: MIT
"""What stands on the monitor's screen."""

import re
from html import unescape

from tirta.monitor.app import Monitor


def words(monitor: Monitor) -> str:
    """The text of a screenshot."""
    drawn = re.sub(r"<style>.*?</style>", "", monitor.export_screenshot(), flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", drawn)).replace("\xa0", " ")
