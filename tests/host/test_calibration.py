# SPDX-License-Identifier: MIT
"""Calibrations worked out, refused, recorded; drift taken out of a river's series."""

import csv
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from tirta.calibrate.coefficients import NERNST_UV_PER_K, Point, must_be_possible, solve, straight
from tirta.calibrate.settling import Look
from tirta.calibrate.visit import temperature
from tirta.cli import main
from tirta.errors import TirtaError
from tirta.water.drift import Drift, corrected
from tirta_format import calibration, meta

DATA = Path(__file__).parents[3] / "shared" / "data"
PH = {
    "sensor": "ph", "scale": 100, "zero_uv": 1_500_000, "gain_milli": 3000, "offset_uv": 0,
    "slope": 10000,
}  # fmt: skip
LINE = {"sensor": "voltage", "scale": 100, "uv0": 0, "value0": 0, "uv1": 2_000_000, "value1": 1000}


def electrode(ph: float, slope: float, offset_uv: float, celsius: float) -> Point:
    e_uv = offset_uv + slope * (7 - ph) * NERNST_UV_PER_K * (273.15 + celsius)
    return Point(1_500_000 + 3 * e_uv, ph, celsius)


@pytest.mark.parametrize("celsius", [5.0, 25.0, 35.0])
def test_ph_of_two_and_three_buffers(celsius: float) -> None:
    points = [electrode(ph, 0.95, 12_000, celsius) for ph in (4.01, 7.0, 9.18)]
    for method, used in (("3-point", points), ("2-point", points[::2])):
        assert solve(PH, method, used) == {"offset_uv": 12_000, "slope": 9500}
    assert solve({**PH, "slope": 9500}, "1-point", points[:1])["offset_uv"] == 12_000


def test_ph_that_is_not_plausible_is_refused() -> None:
    for slope, offset, why in ((0.84, 0, "slope"), (1.06, 0, "slope"), (1, 61_000, "mV at pH 7")):
        with pytest.raises(TirtaError, match=why):
            solve(PH, "2-point", [electrode(ph, slope, offset, 25) for ph in (4.01, 9.18)])
    bent = [electrode(4.01, 1.05, 0, 25), electrode(7, 1, 0, 25), electrode(10, 0.78, 0, 25)]
    with pytest.raises(TirtaError, match="differ too much"):
        solve(PH, "3-point", bent)


def test_points_that_others_found() -> None:
    path = DATA / "ph_calibration" / "ph_calibration.json"
    if not path.exists():
        pytest.skip("no shared data here")
    sets = json.loads(path.read_text())["real_points"]
    with pytest.raises(TirtaError, match="differ too much"):
        straight([Point(*pair) for pair in sets[0]["points"]])
    volts = sets[2]["points"]
    plain = {**PH, "zero_uv": 0, "gain_milli": 1000}
    made = solve(plain, "2-point", [Point(v * 1e6, ph) for v, ph in volts])
    assert made["slope"] == pytest.approx(8555, abs=5)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--method 1-point --reference 4 --reference 7", "1-point takes 1 reference, not 2."),
        ("--reference 4 --reading 9", "2-point takes 2 references, not 1."),
        ("--reference 4 --reference 7 --reading 9", "Each --reading needs its --reference."),
        ("--reference 4 --reference 4", "Two of the references are the same."),
        ("--patience 20", "20 s are too short: a probe is judged by its last 30 s."),
    ],
)
def test_references_that_do_not_fit_are_refused_before_a_port_is_opened(
    words: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "/dev/no-port", "ph", *words.split()]) == 1
    assert capsys.readouterr().err.splitlines()[0] == f"tirta: {why}"


def test_a_reference_must_be_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", "/dev/no-port", "ph", "--reference", "nan"])
    assert ended.value.code == 2
    assert "is not a finite number" in capsys.readouterr().err


def test_the_temperature_of_a_reference() -> None:
    seen = Look(1.0, None, 0.0, 0.0, 0.0)
    ph = {"name": "ph", "water": "well"}
    assert temperature({"name": "level"}, seen, None) == 25.0
    assert temperature(ph, replace(seen, celsius=14.5), None) == 14.5
    assert temperature(ph, seen, 20.0) == 20.0
    with pytest.raises(TirtaError, match="well of ph reads nothing"):
        temperature(ph, seen, None)


@pytest.mark.parametrize(
    ("channel", "method", "why"),
    [
        ({"sensor": "pulse"}, "2-point", "A pulse is not calibrated"),
        ({"sensor": "modbus"}, "zero", "A modbus is not calibrated"),
        ({"sensor": "oxygen"}, "3-point", "has no calibration 3-point"),
        ({"sensor": "oxygen"}, "offset", "has no calibration offset"),
    ],
)
def test_what_cannot_be_calibrated_is_refused_before_anybody_holds_a_probe(
    channel: dict[str, object], method: str, why: str
) -> None:
    with pytest.raises(TirtaError, match=why):
        must_be_possible(channel, method)
    must_be_possible({"sensor": "oxygen"}, "zero")


def test_lines_and_curves() -> None:
    two = [Point(100_000, 1.0), Point(1_100_000, 5.5)]
    assert solve(LINE, "2-point", two) == {"uv0": 0, "value0": 55, "uv1": 2_000_000, "value1": 955}
    assert solve(LINE, "zero", [Point(20_000, 0)])["value0"] == -10
    with pytest.raises(TirtaError, match="quarter"):
        solve(LINE, "offset", [Point(1_000_000, 9)])
    with pytest.raises(TirtaError, match="sensitivity"):
        solve(LINE, "2-point", [Point(0, 0), Point(400_000, 9)])
    loop = {"sensor": "current", "scale": 10, "shunt_mohm": 100_000, "low": 0, "high": 100}
    moved = solve(loop, "2-point", [Point(800_000, 2.6), Point(1_600_000, 7.6)])
    assert moved == {"low": 1, "high": 101}
    salt = {"sensor": "conductivity", "scale": 1, "alpha": 200, "points": [0, 0, 2_000_000, 2000]}
    factor = solve(salt, "1-point", [Point(1_000_000, 1000, 30.0)])  # 1100 uS/cm at 30 degC
    assert factor["points"] == [0, 0, 2_000_000, 2200]


def test_a_slope_of_exactly_85_percent_is_usable() -> None:
    points = [electrode(ph, 0.85, 0, 25) for ph in (4.01, 9.18)]
    assert solve(PH, "2-point", points)["slope"] == calibration.LEAST_SLOPE
    high = [electrode(ph, 1.05, 0, 25) for ph in (4.01, 9.18)]
    assert solve(PH, "2-point", high)["slope"] == calibration.MOST_SLOPE


SALT = {"sensor": "conductivity", "scale": 1, "alpha": 0, "points": [400_000, 0, 2_000_000, 1000]}
TURBID = {"sensor": "turbidity", "scale": 1, "points": [500_000, 1000, 2_400_000, 0]}
OXYGEN = {"sensor": "oxygen", "scale": 100, "zero_uv": 0, "cal_uv": 1_000_000, "cal_centi": 2500}


@pytest.mark.parametrize(
    ("channel", "method", "points", "why"),
    [
        (SALT, "2-point", [(400_000, 1000), (2_000_000, 0)], "sensitivity"),  # swapped
        (SALT, "2-point", [(400_000, 0), (2_000_000, 2100)], "sensitivity"),
        (SALT, "3-point", [(400_000, 0), (600_000, 200), (2_000_000, 660)], "differ too much"),
        (SALT, "3-point", [(400_000, 0), (600_000, 800), (2_000_000, 1500)], "sensitivity"),
        (SALT, "2-point", [(2_500_000, 0), (3_000_000, 300)], "more than its range"),
        (TURBID, "2-point", [(2_400_000, 1000), (500_000, 0)], "sensitivity"),  # swapped
        (OXYGEN, "zero", [(20_000, 8)], "no zero"),
        (OXYGEN, "1-point", [(900_000, 2)], "24% of what water"),
        (OXYGEN, "1-point", [(900_000, 14)], "of what water"),
        (OXYGEN, "2-point", [(900_000, 0), (20_000, 100)], "sensitivity"),  # swapped
    ],
)
def test_references_that_no_probe_can_have_read_are_refused(
    channel: dict[str, object], method: str, points: list[tuple[float, float]], why: str
) -> None:
    with pytest.raises(TirtaError, match=why):
        solve(channel, method, [Point(*point) for point in points])


def test_curves_may_change_a_little() -> None:
    bent = [Point(400_000, 0), Point(1_200_000, 450), Point(2_000_000, 1050)]
    made = solve(SALT, "3-point", bent)
    assert made["points"] == [400_000, 0, 1_200_000, 450, 2_000_000, 1050]
    assert solve(TURBID, "2-point", [Point(2_390_000, 0), Point(1_000_000, 800)])["points"]


def test_oxygen_takes_its_reference() -> None:
    full = 8.263  # mg/L at 25 degC, Standard Methods 4500-O
    keys = {"zero_uv": 0, "cal_centi": 2500}
    assert solve(OXYGEN, "1-point", [Point(900_000, 100)]) == {**keys, "cal_uv": 900_000}
    for reference, cal_uv in ((full, 900_000), (full * 0.9, 1_000_000)):
        made = solve(OXYGEN, "1-point", [Point(900_000, reference)])
        assert made["cal_uv"] == pytest.approx(cal_uv, rel=1e-3)
    two = solve(OXYGEN, "2-point", [Point(20_000, 0), Point(920_000, 100, 20.0)])
    assert two == {"zero_uv": 20_000, "cal_uv": 920_000, "cal_centi": 2000}


def test_the_record_golden() -> None:
    texts = ["zero", "A", "{}", '{"low":1}', "[]"]
    payload = calibration.record(65536, "ph", 300, texts)
    assert payload == b'\x07\x80\x80\x04\x02ph\xac\x02\x04zero\x01A\x02{}\x09{"low":1}\x02[]'
    kind, _, fields = meta.parse(payload)
    assert (kind, fields["unix"], fields["new"]) == (calibration.RECORD, 300, '{"low":1}')


def test_a_newer_config_ends_a_calibration() -> None:
    found = {"sensor": "voltage", "scale": 100, "base": {"uv0": 0}, "keys": {"uv0": 7}}
    text = json.dumps({"x": found}).encode()
    for uv0, wanted in ((0, 7), (1, 1)):
        config = {"channels": [{**LINE, "name": "x", "uv0": uv0}, {**PH, "name": "ph"}]}
        calibration.overlay(config, {calibration.TAG: text})
        assert config["channels"][0]["uv0"] == wanted
        assert config["channels"][1]["uncalibrated"]


def test_drift_of_a_river_goes() -> None:
    folder = DATA / "lro_calib_ms2018"
    if not folder.exists():
        pytest.skip("no shared data here")
    with (folder / "MS2018.csv").open() as file:
        rows = list(csv.DictReader(file))
    times = np.array([_ms(row["datetime"]) for row in rows])
    values = np.array([float(row["ph"]) for row in rows])
    start, end = _ms("2018-10-08 15:15"), _ms("2018-12-12 13:45")  # gap -0.21 in the visits' table
    made = corrected(times, values, [Drift(start, end, -0.21)])
    i = int(np.searchsorted(times, end))
    assert values[i] - values[i + 1] == pytest.approx(0.21, abs=0.005)
    assert abs(made[i] - made[i + 1]) < 0.03
    assert np.array_equal(made[times < start], values[times < start], equal_nan=True)


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1000)
