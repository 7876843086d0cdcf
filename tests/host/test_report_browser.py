# SPDX-License-Identifier: MIT
"""The page in a real browser without a network: drawn, silent, readable, reachable by keyboard.

REPORT_SHOTS=FOLDER keeps a picture of each language, view and size, to be looked at.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browsers
import pytest
from district_archive import write_district
from support import CHECKOUT

from tirta.report import large
from tirta.report.build import Options, report

SIZES = {"desktop": (1280, 900), "phone": (390, 844), "paper": (718, 1000)}  # A4 within margins
CHECKS = CHECKOUT / "tests/support/page_checks.js"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of three zones with a hole, bursts and citizens' requests."""
    folder = tmp_path_factory.mktemp("page")
    district = write_district(folder / "archive", 3)
    options = Options(district=district, requests=folder / "requests.json")
    return report(folder / "archive", folder / "page.html", options)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsers.chromium() as found:
        yield found


class Visit:
    """A page that is open, and all that it said or asked for."""

    def __init__(self, browser: Any, path: Path, size: str, address: str) -> None:
        wide, high = SIZES[size]
        self.context = browser.new_context(viewport={"width": wide, "height": high}, offline=True)
        self.context.add_init_script(path=CHECKS)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{path.as_uri()}#{address}")

    def draw_all(self) -> int:
        """Scroll to every chart of the view, so that it is drawn; how many there are."""
        charts = self.page.locator(".page.on .view.on .chart:visible")
        for i in range(charts.count()):
            charts.nth(i).scroll_into_view_if_needed()
            charts.nth(i).locator("canvas").wait_for()
        return int(charts.count())


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("lang", ["en", "id"])
@pytest.mark.parametrize("view", ["office", "citizen", "engineer"])
def test_the_page_is_drawn_and_asks_nobody(
    browser: Any, page_file: Path, size: str, lang: str, view: str
) -> None:
    visit = Visit(browser, page_file, size, f"{lang}/{view}")
    page = visit.page
    assert visit.draw_all() >= {"office": 0, "citizen": 1, "engineer": 9}[view]
    assert page.evaluate("checks.emptyCharts()") == 0
    assert visit.said == []
    assert [url for url in visit.asked if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("document.documentElement.lang") == lang
    heading = page.locator(".page.on .view.on h2:visible").first.inner_text()
    words = {
        "office": ("In all", "Seluruhnya"),
        "citizen": ("Water quality", "Kualitas air"),
        "engineer": ("Zones", "Zona"),
    }
    assert heading.strip() == words[view][lang == "id"]
    # Nothing hangs over the edge of a phone.
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.evaluate("checks.contrast()") == []
    if folder := os.environ.get("REPORT_SHOTS"):
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=f"{folder}/{size}-{lang}-{view}.png", full_page=True)
    visit.context.close()


def test_everything_is_reached_by_keyboard(browser: Any, page_file: Path) -> None:
    visit = Visit(browser, page_file, "desktop", "en/engineer")
    page = visit.page
    visit.draw_all()
    chart = page.locator(".page.on .view.on .plot:visible").first
    chart.focus()
    readout = page.locator(".page.on .view.on .readout:visible").first
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    shown = readout.inner_text()
    assert "1 Apr" in shown
    assert "L/s" in shown
    page.keyboard.press("Escape")
    assert readout.inner_text().strip() == ""
    button = page.locator(".page.on [data-set-lang=id]")
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.lang") == "id"
    assert page.evaluate("document.activeElement.dataset.setLang") == "id"
    page.locator(".page.on summary:visible").first.focus()
    assert visit.said == []
    visit.context.close()


def test_every_picture_has_a_text(browser: Any, page_file: Path) -> None:
    visit = Visit(browser, page_file, "desktop", "en/engineer")
    assert visit.page.evaluate("checks.nameless()") == []
    assert visit.page.evaluate("checks.doubledIds()") == []
    visit.context.close()


@pytest.mark.parametrize("view", ["office", "citizen", "engineer"])
def test_it_prints_whole(browser: Any, page_file: Path, view: str) -> None:
    """On A4 everything is open, nothing is cut off or behind the edge, and all is legible."""
    visit = Visit(browser, page_file, "paper", f"id/{view}")
    page = visit.page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".page.on .view.on details:not([open])").count() == 0
    assert page.locator(".page.on .switch:visible, .page.on .skip:visible").count() == 0
    assert page.locator(".print-title:visible").count() == 1
    assert page.evaluate("checks.cutOff()") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["paper"][0]
    assert page.evaluate("checks.contrast()") == []
    assert page.evaluate("checks.emptyCharts()") == 0
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", print_background=True))
    expected = {"office": range(1, 3), "citizen": range(2, 7), "engineer": range(4, 16)}
    assert len(pages) in expected[view]
    visit.context.close()


def test_it_begins_with_what_to_do(browser: Any, page_file: Path) -> None:
    visit = Visit(browser, page_file, "desktop", "en")
    page = visit.page
    assert page.locator(".page.on .view.on").get_attribute("data-view") == "office"
    first = page.locator(".page.on .ranks li").first
    zone = first.locator("a").inner_text()
    first.locator("a").click()
    page.locator(".page.on .zone.chosen").filter(has_text=zone).wait_for()
    assert page.locator(".page.on .view.on").get_attribute("data-view") == "engineer"
    assert page.locator(".page.on .zone:visible").count() == 1
    visit.context.close()


def test_the_table_is_sorted_searched_and_grouped(browser: Any, page_file: Path) -> None:
    visit = Visit(browser, page_file, "desktop", "en/engineer")
    page = visit.page
    rows = page.locator(".page.on table.sortable tbody tr:visible")
    names = page.locator(".page.on table.sortable tbody tr:visible th")
    as_written = names.all_inner_texts()
    assert len(as_written) == 3

    def column(at: int) -> list[float]:
        cells = page.locator(f".page.on table.sortable tbody tr td:nth-of-type({at})")
        return [float(v) for v in cells.evaluate_all("all => all.map(c => c.dataset.value)")]

    page.get_by_role("button", name="Leakage", exact=True).click()
    assert column(4) == sorted(column(4), reverse=True)
    page.get_by_role("button", name="Leakage", exact=True).click()
    assert column(4) == sorted(column(4))
    page.get_by_role("button", name="Zone", exact=True).click()
    assert names.all_inner_texts() == sorted(as_written)
    page.get_by_role("searchbox").locator("visible=true").fill("melati")
    assert rows.count() == 1
    assert page.locator(".page.on [data-found]").inner_text() == "1 of 3 zones"
    page.get_by_role("searchbox").locator("visible=true").fill("")
    page.get_by_role("button", name="Group by main zone").click()
    assert names.all_inner_texts() == as_written
    total = page.locator(".page.on table.sortable tfoot td").first.inner_text()
    assert total == rows.first.locator("td").first.locator(".value").inner_text()
    assert visit.said == []
    visit.context.close()


def test_a_zone_prints_on_one_page_from_a_wide_window(browser: Any, page_file: Path) -> None:
    visit = Visit(browser, page_file, "desktop", "en/engineer")
    page = visit.page
    visit.draw_all()
    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="Print this zone").locator("visible=true").click()
    assert page.evaluate("window.printed")
    page.set_viewport_size({"width": SIZES["paper"][0], "height": SIZES["paper"][1]})
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    wide = page.locator(".page.on .zone.chosen .chart canvas").evaluate_all(
        "all => all.map(c => c.getBoundingClientRect().right)"
    )
    assert max(wide) <= SIZES["paper"][0]
    assert page.evaluate("checks.cutOff()") == []
    pdf = page.pdf(format="A4", print_background=True)
    if folder := os.environ.get("REPORT_SHOTS"):
        (Path(folder) / "one-zone.pdf").write_bytes(pdf)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.locator(".page.on header.top:visible").count() == 1
    visit.context.close()


@pytest.fixture(scope="module")
def packed_file(page_file: Path) -> Path:
    """The same district, written as a large one is."""
    folder = page_file.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "PLAIN_NODES", 2)
        options = Options(district=folder / "district.toml", requests=folder / "requests.json")
        return report(folder / "archive", folder / "packed.html", options)


@pytest.mark.parametrize("lang", ["en", "id"])
def test_a_large_page_says_and_draws_the_same(
    browser: Any, page_file: Path, packed_file: Path, lang: str
) -> None:
    texts = []
    for file in (page_file, packed_file):
        visit = Visit(browser, file, "desktop", f"{lang}/engineer")
        page = visit.page
        page.locator("html.ready").wait_for()
        for row in page.locator(".page.on table.sortable tbody tr a").all()[1:]:
            row.click()
            title = row.inner_text()
            page.locator(".page.on .zone.chosen:visible").filter(has_text=title).wait_for()
            assert visit.draw_all() >= 9
            texts.append(page.locator(".page.on .zone.chosen").inner_text())
        assert visit.said == []
        assert page.evaluate("checks.emptyCharts()") == 0
        visit.context.close()
    half = len(texts) // 2
    assert half == 2
    for plain, packed in zip(texts[:half], texts[half:], strict=True):
        assert steps_aside(packed) == steps_aside(plain)


def steps_aside(text: str) -> str:
    """A section without the sentence that says how wide the columns of its chart are."""
    return "\n".join(line for line in text.splitlines() if ":" not in line)


def test_many_columns_are_announced_on_a_phone(browser: Any, page_file: Path) -> None:
    visit = Visit(browser, page_file, "phone", "id/engineer")
    page = visit.page
    box = page.locator(".page.on .view.on .scroll:has(table.sortable)")
    page.locator(".page.on .scroll.more-right:has(table.sortable)").wait_for()
    box.evaluate("e => { e.scrollLeft = e.scrollWidth; }")
    page.locator(".page.on .scroll:not(.more-right):has(table.sortable)").wait_for()
    visit.context.close()
