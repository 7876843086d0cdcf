# SPDX-License-Identifier: MIT
"""An update over a real broker, whose link and power are cut a thousand times."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import brokers
import new_firmware
import pytest
import uplinks
from locked import FLEET
from nodes import Nodes
from update_drops import Target, run_all, told

from tirta import config

pytest.importorskip("paho.mqtt.client", reason="tirta[receive] is not installed")
CUTS = int(os.environ.get("TIRTA_UPDATE_CUTS", "1000"))
NODES = 8  # most of the time each waits for its next try to connect
NEW = "9.0.0"


@pytest.mark.campaign  # half an hour
@pytest.mark.skipif(not brokers.MOSQUITTO, reason="Mosquitto is not installed")
def test_never_a_mix_of_two_versions(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    monkeypatch.setenv("TIRTA_PASSPHRASE", "of this test")
    uplinks.office_has_the_key()
    new = new_firmware.firmware(tmp_path, monkeypatch, NEW)
    with brokers.broker(tmp_path) as port:
        path = uplinks.config_file(tmp_path, port)
        text, hidden = config.load(path)[0], config.secrets(path)
        targets = []
        for i in range(NODES):
            name = f"02fb6be3ee{i:02x}"
            up = partial(
                nodes.up, name, app=True, config=text, secrets=hidden, network=True, fleet=FLEET,
                chip_id=name,
            )  # fmt: skip
            url = f"mqtt://127.0.0.1:{port}/{name}"
            targets.append(Target(name, url, up, new, -(-CUTS // NODES)))
        run_all(targets, tmp_path / "cuts.json")
    found = told(targets)
    assert found["wrong"] == []
    assert found["cuts"].total() >= CUTS
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(found["cuts"].items()))
    many = f"{found['cuts'].total()} cuts of {found['updates']} updates ({kinds}), no mix"
    record_property("measured", many)
