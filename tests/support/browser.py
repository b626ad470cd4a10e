"""Debian's Chromium, or a skip where there is none; with REQUIRE_BROWSER=1 a failure instead."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

PICTURES_FOLDER = os.environ.get("PICTURES")  # to keep pictures in, to be looked at
VIEWPORTS = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if not path:
        message = "needs a browser: apt-get install chromium"
        pytest.fail(message) if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


def new_page(chromium, **options):
    """Return a page with timeouts for a busy machine, which collects its console's errors."""
    page = chromium.new_context(**{"viewport": VIEWPORTS["desktop"], "locale": "en-GB", **options}).new_page()
    page.set_default_timeout(90_000)
    page.console_errors = []
    page.on("console", lambda message: page.console_errors.append(message.text) if message.type == "error" else None)
    return page


def create_first_account(stack, page, password):
    """Follow the link that an empty stack prints, which signs in the first member of the team."""
    link = next(word for word in stack.output.read_text().split() if "/account/welcome/" in word)
    page.goto(link)
    check_page(page)
    page.fill("#address", "alix@example.org")
    page.fill("#name", "Alix")
    page.fill("#password", password)
    page.fill("#again", password)
    click_and_wait(page.locator("main button"))
    assert urlsplit(page.url).path == "/desk/"


def click_and_wait(locator):
    """Click, and wait for the page that it leads to."""
    with locator.page.expect_navigation():
        locator.click()


# Links that a narrow column breaks between their letters: six lines or more, none as wide as two.
FIND_SQUEEZED = """() => [...document.querySelectorAll("main a")].filter((one) => {
  const size = parseFloat(getComputedStyle(one).fontSize), box = one.getBoundingClientRect();
  return one.textContent.trim().length > 6 && box.width > 1 && box.width < 2 * size && box.height > 6 * size;
}).map((one) => one.textContent.trim())"""


def check_and_picture(page, name):
    """Check a page, and keep pictures of it where they are asked for."""
    check_page(page)
    for scheme in ("light", "dark") if PICTURES_FOLDER else ():
        page.emulate_media(color_scheme=scheme)
        for width, size in VIEWPORTS.items():
            page.set_viewport_size(size)
            page.wait_for_timeout(400)
            page.screenshot(path=str(Path(PICTURES_FOLDER) / f"{name}-{width}-{scheme}.png"), full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(VIEWPORTS["desktop"])


def check_page(page):
    """Fail on accessibility violations, horizontal scrolling and squeezed words, at both widths, and CSP violations."""
    for size in VIEWPORTS.values():
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), f"{page.url} {size}"
        assert page.evaluate(FIND_SQUEEZED) == [], f"{page.url} {size}"
        violations = Axe().run(page).response["violations"]
        found = [(v["id"], [n["html"] for n in v["nodes"]]) for v in violations]
        assert found == [], f"{page.url} {found}"
    page.set_viewport_size(VIEWPORTS["desktop"])
    assert [fault for fault in page.console_errors if "Content Security Policy" in fault] == []
