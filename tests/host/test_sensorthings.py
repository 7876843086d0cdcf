# SPDX-License-Identifier: MIT
"""SensorThings 1.1 over HTTP: requests written from OGC 18-088 (sections named), a client that
shares no code with us (frost_sta_client), and what was written as the judge of each Observation.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fleets
import numpy as np
import pytest
from district_archive import Channel, write_node
from district_truth import START_S

pytest.importorskip("uvicorn", reason="tirta[serve] is not installed")
pytest.importorskip("deltalake", reason="tirta[lake] is not installed")

from lake_sources import finish
from served import Served

from tirta.fleet.sensorthings import CONFORMANCE, ROOT
from tirta.fleet.sta_filter import FUNCTIONS, parse
from tirta.tables import lake, layout

SETS = ["Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors",
        "ObservedProperties", "Observations", "FeaturesOfInterest"]  # fmt: skip
# Table 9.x of section 8.2: what an entity of each set must have, and what it leads to.
MUST = {
    "Things": ("name description", "Locations HistoricalLocations Datastreams"),
    "Locations": ("name description encodingType location", "Things HistoricalLocations"),
    "Datastreams": ("name description observationType unitOfMeasurement",
                    "Thing Sensor ObservedProperty Observations"),
    "Sensors": ("name description encodingType metadata", "Datastreams"),
    "ObservedProperties": ("name definition description", "Datastreams"),
    "Observations": ("phenomenonTime result resultTime", "Datastream FeatureOfInterest"),
    "FeaturesOfInterest": ("name description encodingType feature", "Observations"),
}  # fmt: skip
IN_LAKE = "0200cc000001"  # of Cimahi, whose archive has no tables
ONE, TWO, OTHER = "0200aa000001", "0200aa000002", "0200bb000001"
DAYS = 3
COUNT = DAYS * 1440


def flow() -> Any:
    values = 5 + np.sin(np.arange(COUNT) / 200)
    values[10:20] = np.nan  # missing
    return values


@pytest.fixture(scope="module", name="source")
def source_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nodes of Bandung, one of Ambon, and one that only a lake beside them has."""
    source = tmp_path_factory.mktemp("country")
    ramp = np.arange(COUNT, dtype=float)
    for city, nodes in {"bandung": (ONE, TWO), "ambon": (OTHER,)}.items():
        for node in nodes:
            channels = [Channel("inflow", "flow", "L/s", flow()),
                        Channel("level", "level", "m", ramp)]  # fmt: skip
            write_node(source / city, node, channels, name=f"Chamber {node[-1]}",
                       start_s=_START_S)  # fmt: skip
        fleets.write_city(source / city, 2, 1, int(time.time()))
    cimahi = source / "cimahi"
    channels = [Channel("inflow", "flow", "L/s", flow()), Channel("level", "level", "m", ramp)]
    write_node(cimahi, IN_LAKE, channels, name="Chamber 9", start_s=_START_S)
    for name in (layout.RECORDS, layout.CHANNELS):
        for path in sorted((cimahi / name).rglob("*.parquet")):
            finish(path, name)
    lake.commit({"cimahi": cimahi}, source.parent / f"{source.name}-lake")
    shutil.rmtree(cimahi)
    fleets.write_city(cimahi, 2, 1, int(time.time()))
    (source / "bandung/sites.csv").write_text(
        f"node,name,latitude,longitude\n{ONE},Pump's house,-6.9,107.6\n"
    )
    return source


_START_S = START_S - START_S % 86_400 - 3 * 86_400  # two days before a month ends


@pytest.fixture(scope="module", name="served")
def served_fixture(source: Path) -> Iterator[Served]:
    served = Served(source, "--lake", f"{source}-lake")
    yield served
    served.end()


def got(served: Served, path: str, **options: str) -> Any:
    asked = "&".join(f"${name}={quote(value)}" for name, value in options.items())
    return served.json(f"{ROOT}/{path}{'?' if asked else ''}{asked}")


def follow(served: Served, url: str) -> Any:
    assert url.startswith(served.url)
    return served.json(url.removeprefix(served.url.rstrip("/")))


def test_the_root_names_every_set_and_what_is_claimed(served: Served) -> None:
    """Section 9.2.1, and 7.4: serverSettings."""
    root = got(served, "")
    assert [one["name"] for one in root["value"]] == SETS
    for one in root["value"]:
        assert set(follow(served, one["url"])) >= {"value"}
    claimed = root["serverSettings"]["conformance"]
    assert claimed == CONFORMANCE
    assert not [one for one in claimed if "create" in one or "built-in-query-functions" in one]


@pytest.mark.parametrize("name", MUST)
def test_entities_have_what_the_data_model_asks_for(served: Served, name: str) -> None:
    """Section 8.2, and 9.2.2: common control information."""
    properties, ties = (part.split() for part in MUST[name])
    found = got(served, name, top="5")["value"]
    assert found
    for one in found:
        assert follow(served, one["@iot.selfLink"]) == one
        assert got(served, f"{name}('{one['@iot.id']}')") == one
        assert set(properties) <= one.keys()
        links = {key for key in one if key.endswith("@iot.navigationLink")}
        assert links == {f"{tie}@iot.navigationLink" for tie in ties}
        for tie in ties:
            if (name, tie) != ("FeaturesOfInterest", "Observations"):
                told = follow(served, one[f"{tie}@iot.navigationLink"])
                assert ("value" in told) == tie.endswith("s")
    if name in {"Locations", "FeaturesOfInterest"}:
        assert {one["encodingType"] for one in found} == {"application/geo+json"}


def test_every_observation_is_a_record_and_every_record_one(served: Served) -> None:
    """Pages of a set, section 9.3.3.7, to its end; missing values are none."""
    path = f"Datastreams('tirta:{ONE}:inflow')/Observations"
    page = got(served, path, top="1000", count="true")
    seen = list(page["value"])
    assert page["@iot.count"] == COUNT - 10
    while "@iot.nextLink" in page:
        page = follow(served, page["@iot.nextLink"])
        seen += page["value"]
    truth = {i + 1: value for i, value in enumerate(flow()) if not np.isnan(value)}
    assert len(seen) == len(truth)
    times = [one["phenomenonTime"] for one in seen]
    assert times == sorted(times)
    held = [one["result"] for one in seen]
    assert held == [truth[i] for i in sorted(truth)]
    assert len({one["@iot.id"] for one in seen}) == len(seen)
    newest = got(served, path, orderby="phenomenonTime desc", top="1")["value"]
    assert newest == seen[-1:]
    assert got(served, path, orderby="phenomenonTime desc", top="2", skip="1")["value"] == [
        seen[-2], seen[-3],
    ]  # fmt: skip


def test_nodes_of_a_lake_are_served_alike(served: Served) -> None:
    """As those of an archive: all but the identifiers, city and name of their Observations."""
    for channel in ("inflow", "level"):
        for asked in (
            {"top": "1000"}, {"orderby": "phenomenonTime desc", "top": "3", "skip": "7"},
            {"filter": "result gt 5 and phenomenonTime gt 2025-02-28T22:00:00Z", "count": "true"},
        ):  # fmt: skip
            told = [
                got(served, f"Datastreams('tirta:{node}:{channel}')/Observations", **asked)
                for node in (ONE, IN_LAKE)
            ]
            assert json.dumps(told[0]).replace(ONE, IN_LAKE) == json.dumps(told[1])
            assert told[0]["value"]
    (thing,) = got(served, "Things", filter="properties/city eq 'cimahi'")["value"]
    assert (thing["@iot.id"], thing["name"]) == (f"tirta:{IN_LAKE}", "Chamber 9")
    (first,) = got(served, f"Datastreams('tirta:{IN_LAKE}:level')/Observations", top="1")["value"]
    assert follow(served, first["@iot.selfLink"]) == first


def test_filters_choose_what_they_say(served: Served) -> None:
    """Section 9.3.3.5: operators, grouping, paths to what is tied."""
    path = f"Datastreams('tirta:{ONE}:level')/Observations"
    every = []
    for skip in range(0, COUNT, 1000):
        every += got(served, path, top="1000", skip=str(skip))["value"]
    middle = every[2000]["phenomenonTime"]
    for text, truth in {
        "result gt 4000 and result le 4010": lambda o: 4000 < o["result"] <= 4010,
        f"phenomenonTime ge {middle} and result lt 2010":
            lambda o: o["phenomenonTime"] >= middle and o["result"] < 2010,
        f"phenomenonTime lt {every[7]['phenomenonTime']}":
            lambda o: o["phenomenonTime"] < every[7]["phenomenonTime"],
        "not (result ge 5) or result eq 4319": lambda o: o["result"] < 5 or o["result"] == 4319,
        "result mod 1000 eq 7 and (result add 1) div 2 gt 600 mul 1":
            lambda o: o["result"] % 1000 == 7 and (o["result"] + 1) / 2 > 600,
        "result sub 10 eq -3": lambda o: o["result"] == 7,
        "parameters/number eq 12 and resultQuality eq 'good'":
            lambda o: o["parameters"]["number"] == 12,
        "hour(phenomenonTime) eq 3 and minute(phenomenonTime) eq 5":
            lambda o: o["phenomenonTime"][11:16] == "03:05",
        "Datastream/name eq 'inflow'": lambda _: False,
    }.items():  # fmt: skip
        told = got(served, path, filter=text, top="1000", count="true")
        wanted = [one for one in every if truth(one)]  # type: ignore[no-untyped-call]
        assert told["value"] == wanted, text
        assert told["@iot.count"] == len(wanted)
    for text, names in {
        "name eq 'Pump''s house'": [ONE],
        "startswith(name,'Chamber') and properties/city eq 'bandung'": [TWO],
        "substringof('pump',tolower(name))": [ONE],
        "properties/board ne null and properties/nothing eq null": [OTHER, ONE, TWO, IN_LAKE],
    }.items():
        told = got(served, "Things", filter=text)["value"]
        assert [one["properties"]["node"] for one in told] == names, text
    told = got(served, "Datastreams", filter=f"Thing/@iot.id eq 'tirta:{TWO}'", orderby="name desc")
    assert [one["name"] for one in told["value"]] == ["level", "inflow"]


def test_select_expand_and_addresses_of_parts(served: Served) -> None:
    """Sections 9.3.2 and 9.2.4 to 9.2.8."""
    told = got(served, f"Things('tirta:{ONE}')", select="name", expand=(
        "Datastreams($select=name;$orderby=name desc;$top=1;$count=true;"
        "$expand=ObservedProperty($select=name),Observations($top=1;$orderby=phenomenonTime desc)),"
        "Locations"
    ))  # fmt: skip
    assert set(told) == {"name", "Datastreams", "Datastreams@iot.count",
                         "Datastreams@iot.nextLink", "Locations"}  # fmt: skip
    assert told["Datastreams@iot.count"] == 2
    (stream,) = told["Datastreams"]
    assert (stream["name"], stream["ObservedProperty"]) == ("level", {"name": "level"})
    assert [one["result"] for one in stream["Observations"]] == [COUNT - 1]
    (rest,) = follow(served, told["Datastreams@iot.nextLink"])["value"]
    assert rest["name"] in {"level", "inflow"}
    point = told["Locations"][0]["location"]
    assert point == {"type": "Point", "coordinates": [107.6, -6.9]}
    told = got(served, f"Datastreams('tirta:{ONE}:level')", expand="Thing/Locations")
    assert told["Thing"]["Locations"][0]["location"] == point
    assert got(served, f"Things('tirta:{ONE}')/name") == {"name": "Pump's house"}
    status, body, headers = served.get(f"{ROOT}/Things('tirta:{ONE}')/name/$value")
    assert (status, body, headers["Content-Type"][:10]) == (200, b"Pump's house", "text/plain")
    refs = got(served, f"Things('tirta:{ONE}')/Datastreams/$ref")["value"]
    assert [set(one) for one in refs] == [{"@iot.selfLink"}] * 2
    assert follow(served, refs[0]["@iot.selfLink"])["name"] == "inflow"
    thing = got(served, f"Datastreams('tirta:{ONE}:level')/Thing")
    assert thing == got(served, f"Things('tirta:{ONE}')")
    deep = f"Things('tirta:{ONE}')/Datastreams('tirta:{ONE}:level')/Observations"
    (first,) = got(served, deep, top="1")["value"]
    assert got(served, f"{deep}('{first['@iot.id']}')/FeatureOfInterest")["feature"] == point


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("Nothing", 404), ("Things('tirta:no')", 404), ("Things('x')/name", 404),
        (f"Things('tirta:{ONE}')/nothing", 404), ("Things/Datastreams", 404),
        (f"Things('tirta:{ONE}')/name/more", 404), ("Things('tirta:..')", 404),
        (f"Things('tirta:{TWO}')/Datastreams('tirta:{ONE}:level')", 404),
        (f"Observations('tirta:{ONE}:level:1:1')", 404), ("Things/$value", 404),
        ("Things?$top=-1", 400), ("Things?$top=x", 400), ("Things?$skip=1.5", 400),
        ("Things?$count=1", 400), ("Things?$nothing=1", 400), ("Things?top=1", 400),
        ("Things?$top=1&$top=2", 400), ("Things?$orderby=nothing", 400),
        ("Things?$orderby=name%20up", 400), ("Things?$select=nothing", 400),
        ("Things?$expand=Thing", 400), ("Things?$expand=Datastreams(", 400),
        ("Things?$filter=name", 200), ("Things?$filter=name%20eq", 400),
        ("Things?$filter=nothing%20eq%201", 400), ("Things?$filter=(name%20eq%201", 400),
        ("Things?$filter=%22a%22", 400), ("Things?$filter=length(name,1)%20eq%201", 400),
        ("Things?$filter=geo.distance(name,name)%20eq%201", 501),
        ("Things?$filter=" + "(" * 500, 400),
        ("Observations?$filter=phenomenonTime%20gt%202026-13-01T00:00:00Z", 400),
        ("Datastreams?$expand=" + "Thing/Datastreams/" * 9, 400),
    ],
)  # fmt: skip
def test_errors_have_the_codes_of_the_standard(served: Served, path: str, code: int) -> None:
    """Section 9.3.1: status codes; each tells why, as JSON."""
    status, body, _ = served.get(f"{ROOT}/{path}")
    assert status == code, body
    if code != 200:
        assert json.loads(body)["message"]
    assert served.get(f"{ROOT}/{path}", "POST")[0] == 405


def test_a_key_opens_the_things_of_its_city(source: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[[key]]\nsha256 = "{hashlib.sha256(b"k").hexdigest()}"\ncities = ["ambon"]\n')
    served = Served(source, "--host", "0.0.0.0", "--keys", str(keys), "--lake", f"{source}-lake")
    served.url = served.url.replace("0.0.0.0", "127.0.0.1")
    try:
        assert served.get(f"{ROOT}/Things")[0] == 401
        key = {"Authorization": "Bearer k"}
        told = served.json(f"{ROOT}/Things", **key)["value"]
        assert [one["properties"]["node"] for one in told] == [OTHER]
        for name in SETS:
            told = served.json(f"{ROOT}/{name}?$top=1000", **key)["value"]
            assert not [
                one for one in told for node in (ONE, TWO, IN_LAKE) if node in json.dumps(one)
            ]
        for path in (f"Things('tirta:{ONE}')", f"Datastreams('tirta:{ONE}:level')/Observations",
                     f"Sensors('tirta:{ONE}:level:sensor')", f"Things('tirta:{IN_LAKE}')",
                     f"Datastreams('tirta:{IN_LAKE}:level')/Observations"):  # fmt: skip
            assert served.get(f"{ROOT}/{path}", **key)[0] == 404, path
    finally:
        served.end()


def test_a_foreign_client_reads_it(served: Served) -> None:
    """frost_sta_client, of Fraunhofer IOSB, which knows of the standard what its server does."""
    client = pytest.importorskip("frost_sta_client")
    service = client.SensorThingsService(f"{served.url.rstrip('/')}{ROOT}")
    things = service.things().query().filter("properties/city eq 'bandung'").list()
    assert {one.name for one in things} == {"Pump's house", "Chamber 2"}
    stream = service.datastreams().find(f"tirta:{ONE}:level")
    assert stream.unit_of_measurement.symbol == "m"
    observations = stream.get_observations().query().filter("result ge 1000").top(500).list()
    results = [one.result for one in observations]  # it follows every nextLink
    assert results == list(range(1000, COUNT))
    near = service.locations().query().expand("Things").list().entities[0]
    assert near.location["coordinates"] == [107.6, -6.9]
    assert near.things.entities[0].id == f"tirta:{ONE}"


def test_each_function_of_a_filter_does_what_the_standard_says() -> None:
    """Table 23 of section 9.3.3.5.2, as far as there are functions."""
    text = {"t": " Air ", "n": 2.6}
    for expression in (
        "substringof('ir',t)", "startswith(trim(t),'A')", "endswith(trim(t),'r')", "length(t) eq 5",
        "indexof(t,'i') eq 2", "substring('Air',1) eq 'ir'", "tolower('A') eq 'a'",
        "toupper('a') eq 'A'", "concat('a','b') eq 'ab'", "year(2026-03-01T00:00:00Z) eq 2026",
        "month(2026-03-01T00:30:00+01:00) eq 2", "day(2026-03-01T00:00:00Z) eq 1",
        "hour(2026-03-01T07:00:00Z) eq 7", "minute(2026-03-01T07:08:00Z) eq 8",
        "second(2026-03-01T07:08:09Z) eq 9", "date(2026-03-01T07:08:09Z) eq '2026-03-01'",
        "round(n) eq 3", "round(2.5) eq 3", "floor(n) eq 2", "ceiling(n) eq 3",
    ):  # fmt: skip
        assert parse(expression, lambda e, path: e[path]).accepts(text), expression
        assert not parse(f"not {expression}", lambda e, path: e[path]).accepts(text), expression
    assert len(FUNCTIONS) == 20, "one is not tried here"
