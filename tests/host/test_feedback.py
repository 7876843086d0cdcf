# SPDX-License-Identifier: MIT
"""What citizens report is kept without who they are, and a wrong file is refused."""

import json
from pathlib import Path

import pytest

from tirta.district import feedback
from tirta.errors import TirtaError

ONE = {
    "service_request_id": "638344", "status": "closed", "service_code": "006",
    "service_name": "Kualitas air", "requested_datetime": "2026-03-05T08:15:30+07:00",
    "description": "Air keruh, saya Budi di 0812-3456-7890", "address": "Jl. Melati 12",
    "address_id": "545483", "zipcode": "40111", "lat": -6.91744, "long": 107.61913,
    "media_url": "http://example.org/budi.jpg", "email": "budi@example.org",
    "first_name": "Budi", "last_name": "Santoso", "phone": "08123456", "account_id": "77",
    "device_id": "d-9", "agency_responsible": "PDAM", "service_notice": "ring Budi",
}  # fmt: skip
XML = """<?xml version="1.0" encoding="utf-8"?>
<service_requests><request><service_request_id>1</service_request_id><status>open</status>
<service_name>Leak</service_name><description>Pipa bocor besar</description>
<requested_datetime>2026-03-05T01:15:30Z</requested_datetime><lat>-6.9</lat><long>107.6</long>
</request></service_requests>"""


def written(path: Path, text: object) -> Path:
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def test_nothing_personal_survives(tmp_path: Path) -> None:
    found = feedback.read(written(tmp_path / "in.json", [ONE]))
    (request,) = found.requests
    assert request.category == feedback.BROWN_WATER
    assert request.closed
    assert request.time_s % 3600 == 0
    assert (request.lat, request.lon) == (-6.9175, 107.6175)
    kept = feedback.store(tmp_path, found).read_text().lower()
    for word in (
        "budi",
        "santoso",
        "0812",
        "melati",
        "638344",
        "example",
        "545483",
        "d-9",
        "40111",
    ):
        assert word not in kept
    assert feedback.stored(tmp_path) == found.requests


def test_xml_is_the_same_thing(tmp_path: Path) -> None:
    found = feedback.read(written(tmp_path / "in.xml", XML))
    assert [(r.category, r.closed) for r in found.requests] == [(feedback.LEAK, False)]


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Brown water from the tap", "brown_water"), ("air mati sejak pagi", "no_water"),
        ("Tekanan air kecil", "low_pressure"), ("Air berbau kaporit", "smell"),
        ("lampu jalan", "other"),
    ],
)  # fmt: skip
def test_the_category_is_read_from_words(tmp_path: Path, text: str, category: str) -> None:
    one = {**ONE, "service_name": "", "description": text}
    assert feedback.read(written(tmp_path / "in.json", [one])).requests[0].category == category


def test_requests_without_a_usable_time_are_counted(tmp_path: Path) -> None:
    times = ["", "2026-03-05T08:15:30", "1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]
    rows = [ONE, *({**ONE, "requested_datetime": t} for t in times)]
    found = feedback.read(written(tmp_path / "in.json", rows))
    assert (len(found.requests), found.skipped) == (1, 4)
    with pytest.raises(TirtaError, match="None of the 4"):
        feedback.read(written(tmp_path / "in.json", rows[1:]))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not json", "neither JSON nor XML"), ("[]", "no service requests"),
        ("[" * 5000, "neither JSON nor XML"), ("<a><b></a>", "not valid XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares entities"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TirtaError, match=told):
        feedback.read(written(tmp_path / "in", text))


def test_a_damaged_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "feedback").mkdir()
    (tmp_path / "feedback/requests.json").write_text('{"requests": [{"time')
    with pytest.raises(TirtaError, match="is damaged"):
        feedback.stored(tmp_path)
