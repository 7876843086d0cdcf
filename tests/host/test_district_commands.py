# SPDX-License-Identifier: MIT
"""`tirta district` and `tirta report` over an archive: figures, what they stand on, bad input."""

import json
import re
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from district_archive import Channel, inlet_channels, write_district, write_node
from district_truth import DAY, PULSE_L, START_S, district

from tirta.cli import main
from tirta.district import kinds

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive of three zones, its district file and citizens' requests."""
    folder = tmp_path_factory.mktemp("town")
    write_district(folder / "archive", 3)
    return folder


def run(capsys: Captured, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    told = capsys.readouterr()
    return code, told.out, told.err


def refused(capsys: Captured, *words: object) -> str:
    """The one message of a command that did nothing."""
    code, out, err = run(capsys, *words)
    assert (code, out) == (1, "")
    assert err.count("tirta: ") == 1
    return err


def flow_node(root: Path, minutes: int, **more: object) -> None:
    flow = Channel("flow", "flow", "pulses", np.full(minutes, 12.0), ml=10_000)
    write_node(root, "n1", [flow], **more)  # type: ignore[arg-type]


def test_figures_of_a_district(town: Path, capsys: Captured) -> None:
    words = ("district", town / "archive", "--district", town / "district.toml", "--json")
    code, out, _ = run(capsys, *words)
    assert code == 0
    told = {f["id"]: f for f in json.loads(out)["figures"]}
    made = district(40)  # zone 1, with a burst
    assert told["z1/inflow"]["value"] == pytest.approx(made.pulses.sum() * PULSE_L / 1000)
    burst = told["z1/burst/1"]
    assert burst["value"] == pytest.approx(made.truth.burst_lps, rel=0.2)
    assert burst["low"] < made.truth.burst_lps < burst["high"]
    assert told["z1/leakage"]["low"] <= made.truth.leak_lps <= told["z1/leakage"]["high"]
    below = told["z1/inflow"]["value"] + told["z2/inflow"]["value"]
    assert 0 < told["z0/balance"]["value"] < told["z0/inflow"]["value"] - below + 5000
    assert told["02fb6be30001/turbidity/compliance"]["value"] < 1


def test_a_figure_names_its_records(town: Path, capsys: Captured) -> None:
    words = ("district", town / "archive", "--district", town / "district.toml", "--json")
    code, out, _ = run(capsys, *words, "--explain", "z1/night-flow")
    assert code == 0
    told = json.loads(out)
    made = district(40)
    hours = [made.pulses[r["first"] : r["last"] + 1] for r in told["records"]]
    assert [len(h) for h in hours] == [60] * len(hours)
    assert 4 <= len(hours) <= 7
    nights = [h.sum() * PULSE_L / 3600 for h in hours]  # computed anew from the records it names
    assert told["value"] == pytest.approx(np.percentile(nights, 20))
    assert {r["node"] for r in told["records"]} == {"02fb6be30001"}
    assert "There is no figure" in refused(capsys, *words, "--explain", "z1/nothing")


def test_every_figure_has_a_name_and_a_formula(town: Path, capsys: Captured) -> None:
    words = ("district", town / "archive", "--district", town / "district.toml")
    _, out, _ = run(capsys, *words, "--json", "--all")
    ids = [f["id"] for f in json.loads(out)["figures"]]
    assert [name for name in ids if not kinds.split(name)[1]] == []
    _, shown, _ = run(capsys, *words, "--all")
    assert sum(line.startswith("  ") for line in shown.splitlines()) == len(ids)
    for name in ids:
        assert f"  {name}" in shown


def test_a_figure_is_told_in_names_dates_and_litres(town: Path, capsys: Captured) -> None:
    words = ("district", town / "archive", "--district", town / "district.toml")
    _, shown, _ = run(capsys, *words)
    assert "Kota Contoh, 3 March 2025 to 1 April 2025, times of Asia/Jakarta" in shown
    assert re.search(r"^Zona Cempaka 1 \(zone z1\)$", shown, re.MULTILINE)
    assert re.search(r"^  Suspected leak from \d+ Mar \d\d:\d\d +0\.\d+ L/s ", shown, re.MULTILINE)
    assert "e+" not in shown
    _, told, _ = run(capsys, *words, "--explain", "z1/night-flow")
    assert "Night flow, Zona Cempaka 1 (zone z1)" in told
    assert "Formula: 20th percentile of the flow of the nights that count, of seven" in told
    hours = re.findall(
        r"^02fb6be30001 +flow +(\S+ \S+) +(\S+ \S+) +\d+ to \d+ +60 ", told, re.MULTILINE
    )
    assert 4 <= len(hours) <= 7
    for start, end in hours:  # the records' own hours, in local time, within the night
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
        assert (last - first).total_seconds() == 3600
        assert last.hour <= 5
    for place in told.partition("They lie in\n")[2].split():
        assert Path(place).exists()


def test_the_page_is_one_file_with_both_languages_and_nothing_from_outside(
    town: Path, capsys: Captured
) -> None:
    out = town / "page.html"
    code, told, _ = run(
        capsys, "report", town / "archive", "--district", town / "district.toml",
        "--requests", town / "requests.json", "--out", out, "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(told) == {"files": [str(out)]}
    text = out.read_text()
    assert len(text) < 2_000_000
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)", text)
    assert "default-src &#39;none&#39;" in text
    assert 'lang="id"' in text
    assert "Kualitas air" in text
    assert "Water quality" in text
    assert "Permission is hereby granted" in text  # uPlot's licence travels with it
    for secret in ("Budi", "0812", "Jl. Melati", "budi@"):
        assert secret not in text


def test_names_of_nodes_are_text_and_nothing_else(tmp_path: Path, capsys: Captured) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    made = district(40)
    events = ((START_S + DAY, "loss", evil), (START_S + DAY, "alarm", evil, {"name": evil}))
    write_node(tmp_path / "a", "n1", inlet_channels(made, 1), name=evil, events=events)
    code, _, _ = run(capsys, "report", tmp_path / "a")
    assert code == 0
    text = (tmp_path / "a/report.html").read_text()
    assert "<img" not in text
    assert text.count("</script>") == 4
    assert "&lt;img" in text


def test_what_happened_to_a_node_is_told_in_both_languages(
    tmp_path: Path, capsys: Captured
) -> None:
    lost: dict[str, object] = {"reason": 5, "at_most": 7, "number": 90, "duration_ms": 0}
    raised: dict[str, object] = {"name": "burst", "raised": 1, "alarm": 0, "value": 12}
    high: dict[str, object] = {"name": "high", "raised": 1, "alarm": 0, "value": 812}
    events: list[tuple[object, ...]] = [(START_S + DAY * 60, "loss", "Lost.", lost)]
    at = {"channel": "ph", "value": 8.12, "unit": "pH"}
    events += [(START_S + 60, "alarm", "Alarm.", high, at)]
    events += [(START_S + 60 * i, "alarm", "Alarm.", raised) for i in range(2, 7)]
    flow_node(tmp_path / "a", 2 * DAY, events=tuple(events))
    run(capsys, "report", tmp_path / "a")
    text = (tmp_path / "a/report.html").read_text()
    assert "At most 7 records were lost: overwritten before it was pulled." in text
    assert "Maksimal 7 catatan hilang: tertimpa sebelum diambil." in text
    assert text.count("Alarm burst menyala.") == 3
    assert "Alarm high was raised: ph at 8.12." in text
    assert "Alarm high menyala: ph pada 8,12." in text
    assert "dan 2 peristiwa lain" in text
    assert "Lost." not in text


def test_records_of_the_future_are_used_and_told(tmp_path: Path, capsys: Captured) -> None:
    begin_s = (time.time() // 60 - 90) * 60
    flow_node(tmp_path / "a", 120, start_s=begin_s)  # the last half hour has not come yet
    assert run(capsys, "report", tmp_path / "a")[0] == 0
    text = (tmp_path / "a/report.html").read_text()
    (count,) = set(re.findall(r"(\d+) values are dated in the future: this node", text))
    assert 15 <= int(count) <= 30  # it may be minutes later by now; ten minutes are nothing to tell
    assert f"{count} nilai bertanggal di masa depan" in text
    flow_node(tmp_path / "b", 120, start_s=begin_s - 7200)
    run(capsys, "report", tmp_path / "b")
    assert "dated in the future" not in (tmp_path / "b/report.html").read_text()


def test_imported_requests_are_on_the_page(town: Path, capsys: Captured) -> None:
    archive = town / "archive"
    code, _, _ = run(capsys, "feedback", "import", town / "requests.json", "--archive", archive)
    assert code == 0
    run(capsys, "report", archive, "--district", town / "district.toml")
    assert "reported brown water" in (archive / "report.html").read_text()


def test_one_record_makes_a_page(tmp_path: Path, capsys: Captured) -> None:
    flow_node(tmp_path / "a", 1)
    code, _, _ = run(capsys, "report", tmp_path / "a")
    assert code == 0
    code, out, _ = run(capsys, "district", tmp_path / "a", "--json")
    told = {f["id"]: f for f in json.loads(out)["figures"]}
    assert told["n1/inflow"]["value"] == pytest.approx(0.12)
    assert told["n1/leakage"]["value"] is None
    assert told["n1/night-flow"]["why"] == "too few nights count"


def test_nothing_is_said_of_leaks_before_enough_nights(tmp_path: Path, capsys: Captured) -> None:
    for nights, told, silent in ((7, "Not known", "None new"), (9, "None new", "Not enough")):
        archive = tmp_path / str(nights)
        flow_node(archive, nights * DAY)  # from midnight: as many nights as days
        run(capsys, "report", archive)
        text = (archive / "report.html").read_text()
        card = re.search(r"Leaks</h2>(.*?)</article>", text, re.DOTALL)
        assert card
        assert told in card[1]
        assert silent not in card[1]
        pipes = re.search(r">Pipes</th>(.*?)</tr>", text, re.DOTALL)
        cells = re.findall(r'class="(\w+)" title', pipes[1]) if pipes else []
        assert cells == (["none"] * 7 + ["good"] * (nights - 7) if nights > 7 else [])


def test_no_archive_and_an_empty_month(tmp_path: Path, capsys: Captured) -> None:
    assert "is not an archive" in refused(capsys, "district", tmp_path)
    assert "is not an archive" in refused(capsys, "report", tmp_path / "nowhere")
    flow_node(tmp_path / "a", 60)
    told = refused(capsys, "report", tmp_path / "a", "--month", "2024-02")
    assert "no dated record from 2024-02-01 to 2024-02-29" in told
    assert "is no month" in refused(capsys, "report", tmp_path / "a", "--month", "2024-13")
    assert not (tmp_path / "a/report.html").exists()


def test_clocks_that_were_never_set(tmp_path: Path, capsys: Captured) -> None:
    flow_node(tmp_path / "a", 60, quality="unset")
    assert "clocks of its nodes were never set" in refused(capsys, "report", tmp_path / "a")
    flow_node(tmp_path / "b", 60, start_s=0.0)
    assert "never set" in refused(capsys, "report", tmp_path / "b")


@pytest.mark.parametrize("table", ["records", "channels"])
@pytest.mark.parametrize("where", ["end", "data"])
def test_a_damaged_table(tmp_path: Path, capsys: Captured, table: str, where: str) -> None:
    flow_node(tmp_path / "a", 60)
    (path,) = (tmp_path / "a" / table).rglob("*.parquet")
    data = path.read_bytes()
    path.write_bytes(data[:-20] if where == "end" else data[:4] + bytes(60) + data[64:])
    told = refused(capsys, "report", tmp_path / "a")
    assert "is damaged" in told
    assert "--rebuild" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[zone]]\nid="a"\nparent="b"\nin=["n1/flow"]\n[[zone]]\nid="b"\nparent="a"\nin=["n1/flow"]',
         "go in a circle: a <- b <- a"),
        ('[[zone]]\nid="a"\nparent="x"\nin=["n1/flow"]', "unknown parent x"),
        ('[[zone]]\nid="a"\nin=["nowhere/flow"]', "not in"),
        ('[[zone]]\nid="a"\nin=["flow"]', "'flow' names no meter: write NODE/CHANNEL"),
        ('[[zone]]\nid="a"\nin=["n1/fluss"]', "has no channel fluss"),
        ('[[zone]]\nid="a"\nin=["n1/flow"]\n[[zone]]\nid="a"\nin=["n1/flow"]', "there twice"),
        ('[[zone]]\nid="a"\nin=["n1/flow"]\n[[zone]]\nid="b"\nin=["n1/flow"]',
         "meter n1/flow is 'in' of zone a and again of zone b: its water would count twice"),
        ('[[zone]]\nid="a"\nin=["n1/flow", "n1/flow"]', "is 'in' of zone a and again of zone a"),
        ('[[zone]]\nid="a"\nin=["n1/flow"]\nout=["n1/flow"]', "is 'in' and 'out' of zone a"),
        ('time_zone = "Asia/Atlantis"', "is no time zone"),
        ("colour = 1", "colour: there is no such key."),
        ('[[node]]\nid="n1"\nlatitude=-7.8',
         "node.1.latitude: there is no such key, but lat is one."),
        ('[[zone]]\nin=["n1/flow"]', "zone.1.id: it is missing."),
        ("version =", "not valid TOML"),
        ("[night]\nfrom_h = 3\nto_h = 3", "an hour or longer"),
    ],
)  # fmt: skip
def test_wrong_district_files(tmp_path: Path, capsys: Captured, text: str, told: str) -> None:
    flow_node(tmp_path / "a", 60)
    path = tmp_path / "district.toml"
    path.write_text(text)
    assert told in refused(capsys, "report", tmp_path / "a", "--district", path)


def test_more_left_than_entered_is_told(tmp_path: Path, capsys: Captured) -> None:
    for node, pulses in (("n1", 12.0), ("n2", 14.0)):
        flow = Channel("flow", "flow", "pulses", np.full(180, pulses), ml=10_000)
        write_node(tmp_path / "a", node, [flow])
    path = tmp_path / "district.toml"
    zones = '[[zone]]\nid="a"\nin=["n1/flow"]\n[[zone]]\nid="b"\nparent="a"\nin=["n2/flow"]'
    path.write_text(zones)
    _, out, _ = run(capsys, "district", tmp_path / "a", "--district", path)
    (above,) = [line for line in out.splitlines() if "a/balance" in line]
    (below,) = [line for line in out.splitlines() if "b/balance" in line]
    assert "check the meters" in above
    assert "check the meters" not in below


def test_before_the_first_record_nothing_is_missing(tmp_path: Path, capsys: Captured) -> None:
    keep = np.r_[600:900, 960:2000]  # began at 10:00, an hour's hole, ended on the next day
    flow_node(tmp_path / "a", 2880, keep=keep)
    _, out, _ = run(capsys, "district", tmp_path / "a", "--json", "--all")
    told = {f["id"]: f for f in json.loads(out)["figures"]}
    assert told["n1/completeness"]["value"] == pytest.approx((780 / 840 + 1) / 2)
    assert told["n1/inflow/2025-03-04"]["why"] == "not all of the day is there"
    assert told["n1/inflow"]["value"] == pytest.approx(1340 * 0.12)
