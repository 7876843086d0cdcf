# SPDX-License-Identifier: MIT
"""`tirta serve`: what it answers, whom it lets in, and its page in a real browser.

FLEET_SHOTS=FOLDER keeps a picture of each view, language and size, to be looked at.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browsers
import fleets
import pytest
from district_archive import write_district
from patience import wait_for
from served import Served

pytest.importorskip("uvicorn", reason="tirta[serve] is not installed")

from prometheus_client.parser import text_string_to_metric_families

from tirta.archive import standings
from tirta.archive.standings import Standing
from tirta.cli import main
from tirta.fleet import questions
from tirta.fleet.gathering import Gathering
from tirta.fleet.questions import Question

KEYS = {"of-all": ["*"], "of-ambon": ["ambon"]}


@pytest.fixture(scope="module", name="source")
def source_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("country")
    now = int(time.time())
    fleets.write_city(source / "ambon", 120, 1, now)
    fleets.write_city(source / "cimahi", 250, 2, now)
    bandung = source / "bandung"
    district = write_district(bandung, 3)
    (bandung / "districts").mkdir()
    district.rename(bandung / "districts" / "dago.toml")
    fleets.write_city(bandung, 20, 3, now, "dago")
    return source


@pytest.fixture(scope="module", name="served")
def served_fixture(source: Path) -> Iterator[Served]:
    served = Served(source)
    yield served
    served.end()


def test_answers_are_those_of_the_command(served: Served, source: Path) -> None:
    fleet = Gathering(source)
    told = served.json("/api/fleet?city=ambon")
    sums = questions.by_city(fleet, Question(), told["now"])
    assert told["cities"] == [one.as_json() for one in sums]
    assert told["total"]["nodes"] == 390
    assert told["shown"]["nodes"] == 120
    assert len(told["districts"]) == 10
    told = served.json("/api/nodes?city=ambon&wrong=battery&sort=battery&count=7&first=2&q=zone1")
    wanted = Question("ambon", None, "battery", "zone1", "battery", count=7, first=2)
    assert (told["count"], told["nodes"]) == questions.nodes(fleet, wanted, told["now"])


@pytest.mark.parametrize(
    "path", ["/api/nodes?count=x", "/api/nodes?count=1001", "/api/nodes?first=-1",
             "/api/nodes?sort=words", "/api/fleet?wrong=never"],
)  # fmt: skip
def test_a_question_without_sense_is_refused(served: Served, path: str) -> None:
    assert served.get(path)[0] == 400


def test_it_only_reads_and_only_under_its_own_name(served: Served) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert served.get("/api/fleet", method)[0] == 405
    assert served.get("/", Host="evil.example")[0] == 421
    assert served.get("/", Host="localhost:1")[0] == 200
    for path in ("/report/../etc", "/report/ambon/..%2F..%2Fx", "/report/jakarta/dago",
                 "/report/ambon/dago", "/page.html", "/assets/page.js"):  # fmt: skip
        assert served.get(path)[0] == 404, path
    _, _, headers = served.get("/")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_prometheus_reads_the_same_figures(served: Served) -> None:
    told = served.json("/api/fleet")
    text = served.get("/metrics")[1].decode()
    found = {
        (sample.name, sample.labels["city"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "firmware" not in sample.labels
    }
    for one in told["cities"]:
        city = one["city"]
        assert found["tirta_nodes", city] == one["nodes"]
        for name in ("silent", "behind", "alarms", "battery", "clock", "lost"):
            assert found[f"tirta_nodes_{name}", city] == one[name]
        assert found["tirta_records_missing", city] == one["missing"]
        assert found["tirta_records_lost", city] == one["records_lost"]
    by_firmware = sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "tirta_firmware_nodes"
    )
    assert by_firmware == told["total"]["nodes"]


def test_a_districts_report_is_made_when_asked_for(served: Served, source: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (source / "bandung").rglob("*")}
    status, body, headers = served.get("/report/bandung/dago")
    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    assert b"</html>" in body
    assert served.get("/report/bandung/dago")[1] == body
    assert {path: path.stat().st_mtime_ns for path in (source / "bandung").rglob("*")} == before


def test_a_key_opens_its_own_city_and_no_other(source: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text("".join(
        f'[[key]]\nsha256 = "{hashlib.sha256(key.encode()).hexdigest()}"\n'
        f"cities = {json.dumps(cities)}\n" for key, cities in KEYS.items()
    ))  # fmt: skip
    served = Served(source, "--host", "0.0.0.0", "--keys", str(keys))
    served.url = served.url.replace("0.0.0.0", "127.0.0.1")
    try:
        basic = base64.b64encode(b"anybody:of-ambon").decode()
        of_ambon = {"Authorization": f"Basic {basic}"}
        of_all = {"Authorization": "Bearer of-all"}
        for path in ("/", "/page.js", "/api/fleet", "/api/nodes", "/events", "/metrics",
                     "/report/bandung/dago"):  # fmt: skip
            assert served.get(path)[0] == 401, path
            for wrong in ("Bearer of-al", "Bearer ", "Basic !", "Basic YQ==", "Digest of-all"):
                assert served.get(path, Authorization=wrong)[0] == 401, path
        assert [c["city"] for c in served.json("/api/fleet", **of_ambon)["cities"]] == ["ambon"]
        assert served.json("/api/fleet", **of_ambon)["total"]["nodes"] == 120
        assert served.json("/api/fleet?city=bandung", **of_ambon)["districts"] == []
        assert served.json("/api/nodes?q=dago", **of_ambon)["count"] == 0
        assert served.json("/api/nodes?city=cimahi", **of_ambon)["count"] == 0
        assert b"cimahi" not in served.get("/metrics", **of_ambon)[1]
        assert served.get("/report/bandung/dago", **of_ambon)[0] == 404
        assert served.json("/api/fleet", **of_all)["total"]["nodes"] == 390
    finally:
        served.end()


def test_nobody_serves_a_network_without_keys(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", str(source), "--host", "0.0.0.0"]) == 1
    assert "--keys" in capsys.readouterr().err
    keys = tmp_path / "keys.toml"
    for text in ("", "[[key]]", '[[key]]\nsha256 = "x"\ncities = ["a"]', "key = 7", "["):
        keys.write_text(text)
        assert main(["serve", str(source), "--keys", str(keys)]) == 1
        assert "is no file of keys" in capsys.readouterr().err
    assert main(["serve", str(source), "--port", "1", "--host", "192.0.2.1", "--keys", "x"]) == 1


@pytest.fixture(scope="module", name="browser")
def browser_fixture() -> Iterator[Any]:
    with browsers.chromium() as found:
        yield found


class Visit:
    """The page, open; `said` is what a console or an error told."""

    def __init__(self, browser: Any, url: str, wide: int = 1280, lang: str = "en") -> None:
        self.context = browser.new_context(
            viewport={"width": wide, "height": 900}, locale="id-ID" if lang == "id" else "en-GB"
        )
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(url)
        self.page.locator("#nodes tbody tr").first.wait_for()

    def rows(self) -> list[str]:
        """The texts of the rows of nodes."""
        found: list[str] = self.page.locator("#nodes tbody tr").all_inner_texts()
        return found

    def until(self, script: str) -> None:
        """Wait until something is so on the page, whose policy lets no script in that waits."""
        wait_for(lambda: self.page.evaluate(script))

    def shot(self, name: str) -> None:
        """Keep a picture, where somebody wants to look."""
        if folder := os.environ.get("FLEET_SHOTS"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    def close(self) -> None:
        """Close it; nothing was wrong."""
        self.context.close()
        assert self.said == []


TITLE = "document.querySelector('#count').textContent"


def test_from_all_cities_to_a_report_in_two_clicks(browser: Any, served: Served) -> None:
    visit = Visit(browser, served.url)
    page = visit.page
    assert page.locator("#live").inner_text().endswith("live")
    visit.shot("cities")
    page.locator("#places a", has_text="bandung").click()
    visit.until(f"{TITLE}.includes('20')")
    visit.shot("districts")
    with visit.context.expect_page() as opened:
        page.locator("#places a.report").click()
    opened.value.wait_for_load_state()
    assert opened.value.locator("body").inner_text()
    page.locator("#places a", has_text="dago").click()
    visit.until("location.hash.includes('district=dago')")
    page.locator("#way a.report").wait_for()
    page.go_back()
    page.go_back()
    visit.until(f"{TITLE}.includes('390')")
    visit.close()


def test_rows_are_filtered_searched_and_sorted(browser: Any, served: Served) -> None:
    visit = Visit(browser, served.url)
    page = visit.page
    page.locator(".tile.battery").click()
    count = served.json("/api/nodes?wrong=battery&count=0")["count"]
    visit.until(f"{TITLE}.endsWith(' {count}')")
    assert all("11.4 V" in row for row in visit.rows())
    page.locator("#search").fill("Chamber 7 ambon")
    count = served.json("/api/nodes?wrong=battery&count=0&q=Chamber%207%20ambon")["count"]
    visit.until(f"{TITLE}.endsWith(' {count}')")
    page.locator("#search").fill("")
    page.locator(".tile.battery").click()
    page.locator("#nodes th button", has_text="Missing").click()
    visit.until("document.querySelector('#nodes [aria-sort=descending]')")
    visit.until("document.querySelector('#nodes tbody td:nth-child(7)').textContent === '40'")
    assert page.locator("#before").is_disabled()
    page.locator("#after").click()
    visit.until(f"{TITLE}.startsWith('rows 101')")
    page.locator("#search").fill("there is no such node")
    page.get_by_text("No node is so.").wait_for()
    visit.close()


def test_the_page_is_live(browser: Any, served: Served, source: Path) -> None:
    """What a centre writes is on the page without a reload."""
    visit = Visit(browser, f"{served.url}#city=cimahi")
    new = Standing("02ffffffffff", int(time.time()) - 7 * 86_400, firmware="9.9.9")
    visit.page.evaluate("window.same = true")
    standings.save(source / "cimahi", [new])
    visit.until(f"{TITLE}.endsWith(' 251')")
    visit.page.locator("#search").fill("9.9.9")
    visit.until(f"{TITLE}.endsWith(' 1')")
    (row,) = visit.rows()
    assert "Silent" in row
    assert "7 days ago" in row
    standings.save(
        source / "cimahi", [Standing("02ffffffffff", int(time.time()), firmware="9.9.9")]
    )
    visit.until("document.querySelector('#nodes tbody').textContent.includes('just now')")
    standings.forget(source / "cimahi", ["02ffffffffff"])
    visit.page.get_by_text("No node is so.").wait_for()
    assert visit.page.evaluate("window.same")
    visit.close()


def test_the_page_says_when_nobody_answers(browser: Any, source: Path) -> None:
    served = Served(source)
    visit = Visit(browser, served.url)
    served.end()
    visit.page.locator("#live.off").wait_for()
    visit.said.clear()  # of connections that were refused
    visit.context.close()


@pytest.mark.parametrize("wide", [1280, 390])
@pytest.mark.parametrize("lang", ["en", "id"])
def test_both_languages_fit_both_sizes_and_can_be_read(
    browser: Any, served: Served, lang: str, wide: int
) -> None:
    visit = Visit(browser, served.url, wide, lang)
    page = visit.page
    assert page.evaluate("document.documentElement.lang") == lang
    assert ("Diam" in page.locator("#tiles").inner_text()) == (lang == "id")
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0
    for holder in ("#places .places", "#nodes"):
        aside = f"(x => x.scrollWidth - x.clientWidth)(document.querySelector('{holder}'))"
        assert page.evaluate(aside) <= 0, f"{holder} scrolls sideways"
    sort = page.locator("#nodes th button", has_text="Missing" if lang == "en" else "Belum tiba")
    sort.click()
    visit.until("document.querySelector('#nodes [aria-sort=descending]')")
    assert page.get_by_role("columnheader").count() > 20
    assert page.get_by_role("row").count() > 100
    visit.shot(f"{lang}-{wide}")
    page.emulate_media(color_scheme="dark")
    visit.shot(f"{lang}-{wide}-dark")
    visit.close()


def test_the_keyboard_reaches_everything(browser: Any, served: Served) -> None:
    visit = Visit(browser, served.url)
    page = visit.page
    seen = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.add(page.evaluate(
            "document.activeElement.id || document.activeElement.className"
            " || document.activeElement.tagName"
        ))  # fmt: skip
    assert {"search", "tile silent", "wide places", "after", "BUTTON", "A"} <= seen
    page.locator(".tile.silent").focus()
    page.keyboard.press("Enter")
    visit.until("location.hash.includes('wrong=silent')")
    visit.close()
