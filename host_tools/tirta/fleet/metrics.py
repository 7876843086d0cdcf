# SPDX-License-Identifier: MIT
"""Figures of all cities for Prometheus, and so for Grafana: gauges, as of the moment they are
asked for.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from tirta.fleet.gathering import Gathering
from tirta.fleet.questions import Question, by_city, firmware

_GAUGES = (  # of Tally: what it is called there, and what it is
    ("nodes", "Nodes that a city has"),
    ("silent", "Nodes not heard for 26 hours, or never"),
    ("behind", "Nodes that told of pages or records that are not here"),
    ("alarms", "Nodes with an alarm raised"),
    ("battery", "Nodes with a low battery"),
    ("clock", "Nodes whose clock is unset or less sure than a second"),
    ("lost", "Nodes of which records are lost for good"),
    ("records", "Records that are here"),
    ("missing", "Records that did not come yet, and may"),
    ("records_lost", "Records that are lost for good"),
)
_OF_RECORDS = {"records": "", "missing": "_missing", "records_lost": "_lost"}


class _Fleet:
    """A collector: it asks when somebody scrapes."""

    def __init__(self, fleet: Gathering, wanted: Question, now: float) -> None:
        self._fleet, self._wanted, self._now = fleet, wanted, now

    def collect(self) -> Iterable[Metric]:
        """Yield a family for each figure, a sample for each city."""
        found = by_city(self._fleet, self._wanted, self._now)
        for name, told in _GAUGES:
            called = f"tirta_nodes_{name}".replace("_nodes_nodes", "_nodes")
            if name in _OF_RECORDS:
                called = f"tirta_records{_OF_RECORDS[name]}"
            family = GaugeMetricFamily(called, f"{told}.", labels=["city"])
            for one in found:
                family.add_metric([one.city], getattr(one, name))
            yield family
        family = GaugeMetricFamily(
            "tirta_last_heard_timestamp_seconds", "When any node was heard last.", labels=["city"]
        )
        for one in found:
            family.add_metric([one.city], one.heard)
        yield family
        family = GaugeMetricFamily(
            "tirta_firmware_nodes", "Nodes by firmware.", labels=["city", "firmware"]
        )
        for city, version, count in firmware(self._fleet, self._wanted, self._now):
            family.add_metric([city, version or "unknown"], count)
        yield family


def metrics(fleet: Gathering, wanted: Question, now: float) -> bytes:
    """Write them in the text format 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_Fleet(fleet, wanted, now))
    return generate_latest(registry)
