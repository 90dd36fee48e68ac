"""The pages in a browser, over the real server and a program that is living."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as StillOutside

from tests.support.database import fresh_database

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage")
FLASH = "#campaigns >> text=Flash"
ANY_DECISION = "#decisions a[id^=decision-]"
PAGES = {
    "program": (),
    "tiered campaign": (FLASH,),
    "draft": ("#campaigns >> text=Winter warm-up",),
    "occurrence": (FLASH, "#occurrences tr:last-child a"),
    "achievements": ("nav >> text=Achievements",),
    "achievement": ("nav >> text=Achievements", "#achievements >> text=Seven in a row"),
    "campaigns": ("nav >> text=Campaigns",),
    "campaign": ("nav >> text=Campaigns", "#campaigns >> text=Season prize"),
    "decisions": ("nav >> text=Decisions",),
    "grant": ("nav >> text=Campaigns", "#campaigns >> text=Welcome", "nav >> text=granted", ANY_DECISION),
    "refusal": ("nav >> text=Campaigns", "#campaigns >> text=Golden towel", "nav >> text=refused", ANY_DECISION),
    "members": ("nav >> text=Members",),
    "member": (FLASH, "#occurrences tr:last-child a", "#standings a"),
    "progress": ("nav >> text=Members", "td >> text=M-001", "#achievements >> text=Seven in a row"),
}
"""What a visitor clicks to come to each page."""

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true", reason="there is no chromium to look at the pages with"
)


@pytest.fixture(scope="module")
def link(server: str) -> Iterator[str]:
    """The link that signs in to a program of the module's own."""
    with fresh_database(server) as database:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.backoffice.serving", database],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__, "../../..").resolve(),
        )
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.communicate(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A signed-in page, with everything that went wrong on it."""

    def __init__(self, browser: Browser, link: str, **options: Any) -> None:
        self.base = link.partition("/sign-in")[0]
        self.faults: list[str] = []
        self.context: BrowserContext = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("response", lambda answer: self._answered(answer.status, answer.url))
        self.page.goto(link)
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Tiered campaigns")

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.base}/", "data:")):
            self.faults.append(f"outside: {url}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.faults.append(f"{status}: {url}")

    def open(self, name: str) -> None:
        """One of the pages, found as a visitor finds it."""
        self.page.goto(f"{self.base}/")
        for link in PAGES[name]:
            before = self.page.url
            self.page.locator(link).first.click()
            expect(self.page).not_to_have_url(before)


@pytest.fixture
def visit(browser: Browser, link: str) -> Iterator[Visit]:
    visit = Visit(browser, link)
    yield visit
    visit.context.close()
    assert visit.faults == []


def number(page: Page, selector: str) -> float:
    return float(page.locator(selector).first.inner_text().replace(",", ""))


def test_figures_move_by_themselves_and_keep_the_focus(visit: Visit) -> None:
    page = visit.page
    before = number(page, "#facts")
    focused = page.get_by_role("link", name="Flash")
    focused.focus()
    page.wait_for_function(
        "before => +document.getElementById('facts').textContent.replace(/,/g, '') > before", arg=before
    )
    expect(focused).to_be_focused()
    page.get_by_role("link", name="Flash").click()
    runs = page.locator("#runs")
    first = runs.inner_text()
    page.wait_for_function("first => document.getElementById('runs').innerText !== first", arg=first)
    expect(page.locator("#runs progress").first).to_be_visible()
    assert page.evaluate("Chart.getChart('chart').data.datasets[0].data.some((points) => points > 0)")


OUTSIDE = """() => [...document.querySelectorAll("main *")].filter((element) => {
    const box = element.getBoundingClientRect();
    const around = (element.parentElement.closest(".card") || document.body).getBoundingClientRect();
    return box.width > 1 && (box.right > around.right + 1 || box.left < around.left - 1);
}).map((element) => element.outerHTML.slice(0, 100))"""
DARK = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).every((part) => part < 64)"


@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_any_window_and_follows_the_scheme(visit: Visit, name: str) -> None:
    page = visit.page
    visit.open(name)
    for width in (360, 600, 800, 1000, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width, timeout=5_000)
        # A chart follows its card when the browser has laid the page out, a moment after the window.
        with suppress(StillOutside):
            page.wait_for_function(f"({OUTSIDE})().length === 0", timeout=5_000)
        assert page.evaluate(OUTSIDE) == [], width
    schemes: tuple[Literal["light", "dark"], ...] = ("dark", "light")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        assert page.evaluate(DARK) == (scheme == "dark")


LOSING_FOCUS = """() => document.querySelector("[data-live]").getAttribute("hx-select-oob").split(",")
    .flatMap((region) => [...document.querySelectorAll(`${region} a:not([id])`)]).map((link) => link.outerHTML)"""


@pytest.mark.parametrize("name", ["tiered campaign", "campaigns", "decisions", "grant", "member"])
def test_everything_is_reached_with_the_keyboard(visit: Visit, name: str) -> None:
    page = visit.page
    visit.open(name)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    links = page.evaluate("[...document.querySelectorAll('main a[id]')].map((link) => link.id)")
    assert page.evaluate(LOSING_FOCUS) == []
    reached = set()
    for _ in range(250):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const at = document.activeElement, style = getComputedStyle(at);
                const shown = style.outlineStyle !== "none" || (at.form && style.boxShadow !== "none");
                return at === document.body ? null : [at.id, at.textContent.trim(), Boolean(shown)]; }"""
        )
        if focused is None:
            break
        assert focused[2], focused
        reached.add(focused[0])
    assert set(links) <= reached


def test_signing_out_and_in_again_leads_back(visit: Visit, link: str) -> None:
    page = visit.page
    visit.open("occurrence")
    address = page.url
    page.get_by_role("button", name="Sign out").click()
    page.goto(address)
    expect(page).to_have_title("Sign in · Laurel")
    page.get_by_label("API key").fill("a wrong key")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no such key")
    page.get_by_label("API key").fill(link.partition("#")[2])
    page.keyboard.press("Enter")
    expect(page).to_have_url(address)
    visit.faults = [fault for fault in visit.faults if "403" not in fault]


def test_a_link_that_signs_in_leaves_no_key_behind(visit: Visit, link: str) -> None:
    key = link.partition("#")[2]
    assert key not in visit.page.url
    assert visit.page.evaluate("document.cookie") == ""
    visit.page.go_back()
    assert key not in visit.page.url


def test_a_page_says_when_it_has_lost_its_server(visit: Visit) -> None:
    page = visit.page
    away = page.locator("#away")
    expect(away).to_be_hidden()
    visit.context.set_offline(True)
    expect(away).to_be_visible(timeout=10_000)
    visit.context.set_offline(False)
    expect(away).to_be_hidden(timeout=10_000)
    visit.faults.clear()


def test_pages_read_without_scripts(browser: Browser, link: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(link)
    page.get_by_label("API key").fill(link.partition("#")[2])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Flash").click()
    expect(page.locator("#occurrences tbody tr").first).to_be_visible()
    context.close()


def test_a_flash_is_previewed_and_paid_within_minutes(visit: Visit) -> None:
    visit.open("tiered campaign")
    page = visit.page
    assert page.locator("#previews tbody tr").count() >= 1
    paid = [row for row in page.locator("#occurrences tbody tr").all() if "completed" in row.inner_text()]
    assert paid
    assert any(float(row.get_attribute("data-awarded") or 0) > 0 for row in paid)
