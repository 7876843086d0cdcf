# SPDX-License-Identifier: MIT
"""The page in a real browser without a network: drawn, silent, readable, reachable by keyboard.

REPORT_SHOTS=FOLDER keeps a picture of each language, view and size, to be looked at.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from district_archive import write_district

from tirta.report.build import Options, report

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
SIZES = {"desktop": (1280, 900), "phone": (390, 844), "paper": (718, 1000)}  # A4 within margins
CHECKS = Path(__file__).with_name("page_checks.js")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of three zones with a hole, bursts and citizens' requests."""
    folder = tmp_path_factory.mktemp("page")
    district = write_district(folder / "archive", 3)
    options = Options(district=district, requests=folder / "requests.json")
    return report(folder / "archive", folder / "page.html", options)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as driver:
        # Chromium refuses to run as root with its sandbox; the page is our own.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


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
@pytest.mark.parametrize("view", ["citizen", "engineer"])
def test_the_page_is_drawn_and_asks_nobody(
    browser: Any, page_file: Path, size: str, lang: str, view: str
) -> None:
    visit = Visit(browser, page_file, size, f"{lang}/{view}")
    page = visit.page
    assert visit.draw_all() >= (1 if view == "citizen" else 9)
    assert page.evaluate("checks.emptyCharts()") == 0
    assert visit.said == []
    assert [url for url in visit.asked if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("document.documentElement.lang") == lang
    heading = page.locator(".page.on .view.on h2:visible").first.inner_text()
    words = {"citizen": ("Water quality", "Kualitas air"), "engineer": ("Zones", "Zona")}
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
    page.locator(".page.on summary:visible").nth(2).focus()
    assert visit.said == []
    visit.context.close()


def test_every_picture_has_a_text(browser: Any, page_file: Path) -> None:
    visit = Visit(browser, page_file, "desktop", "en/engineer")
    assert visit.page.evaluate("checks.nameless()") == []
    assert visit.page.evaluate("checks.doubledIds()") == []
    visit.context.close()


@pytest.mark.parametrize("view", ["citizen", "engineer"])
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
    assert len(pages) in {"citizen": range(2, 7), "engineer": range(4, 16)}[view]
    visit.context.close()
