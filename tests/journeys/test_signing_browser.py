"""Signing in a real browser, at the widths of a phone and a desktop, with accessibility checks of every page."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from support.browser import VIEWPORTS, check_page, click_and_wait, new_page
from support.waiting import wait_for

from petition.core.languages.languages import LANGUAGES

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("stack")]
LETTER = "/p/internet-en-prison"


@pytest.fixture(params=VIEWPORTS)
def page(request, chromium):
    number = list(VIEWPORTS).index(request.param)
    context = chromium.new_context(
        viewport=VIEWPORTS[request.param],
        locale="fr-FR",
        java_script_enabled=True,
        extra_http_headers={"X-Forwarded-For": f"198.18.{240 + number}.1"},
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.external_requests = []
    page.on(
        "request", lambda r: page.external_requests.append(r.url) if not r.url.startswith("http://127.0.0.1:") else None
    )
    page.console_errors = []
    page.on("console", lambda message: page.console_errors.append(message.text) if message.type == "error" else None)
    yield page
    context.close()


def check(page) -> None:
    """Fail on accessibility violations, horizontal scrolling, requests to other hosts, and CSP violations."""
    assert page.external_requests == []
    assert [fault for fault in page.console_errors if "Content Security Policy" in fault] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), (
        f"{page.url} scrolls sideways"
    )
    violations = Axe().run(page).response["violations"]
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in violations] == [], page.url


def test_a_person_signs_confirms_and_withdraws(stack, page):
    address = f"browser.{time.time_ns()}@example.org"
    before = stack.count()["confirmed"]
    page.goto(stack.url + LETTER)
    check(page)
    page.locator("#field-name").fill("Noémie Lefèvre")
    page.locator("#field-email").fill("noemie@gmial.com")
    click_and_wait(page.locator("form.sign button[type=submit]").last)
    check(page)
    assert page.locator("[role=alert]").inner_text().count("noemie@gmail.com") == 1
    assert page.locator(".suggestion button").all_inner_texts() == [
        "Signer avec noemie@gmail.com", "Garder noemie@gmial.com"
    ]  # fmt: skip
    assert page.locator("#field-name").input_value() == "Noémie Lefèvre"
    page.locator("#field-email").fill(address)
    page.locator("form.sign .act button").click()
    page.wait_for_url("**/check-your-email*")
    check(page)
    shown = page.locator(".facts bdi.address").inner_text()
    assert re.fullmatch(r"br•+\d@example\.org", shown), shown
    link = stack.link_to(address)
    page.goto(stack.url + link)
    check(page)
    assert stack.count()["confirmed"] == before
    page.locator(f"form[action$='{link}'] button").click()
    page.wait_for_url("**/thank-you*")
    check(page)
    page.goto(stack.url + link)
    check(page)
    page.locator(f"form[action$='{link}'] button").click()
    page.wait_for_url("**/me/**")
    check(page)
    assert stack.count()["confirmed"] == before + 1
    page.locator("details", has=page.locator("form[action$='/withdraw']")).locator("summary").click()
    page.locator("form[action$='/withdraw'] button").click()
    wait_for(lambda: stack.count()["confirmed"] == before, what="the count going down")
    check(page)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_public_page_is_clean(stack, page, language):
    for path in (
        "/",
        LETTER,
        f"{LETTER}/signatories",
        f"{LETTER}/signatories?letter=m",
        f"{LETTER}/check-your-email",
        f"{LETTER}/thank-you",
        f"{LETTER}/embed",
        f"{LETTER}/embed/check-your-email",
        f"{LETTER}/log",
        f"{LETTER}/updates",
        f"{LETTER}/figures",
        f"{LETTER}/legal",
        "/legal",
        "/my-signatures",
        "/nothing",
        "/c/mangled",
        "/api/v1/docs",
    ):
        page.goto(f"{stack.url}{path}{'&' if '?' in path else '?'}lang={language}")
        check(page)


def test_signing_needs_no_javascript(stack, chromium):
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    address = f"plain.{time.time_ns()}@example.org"
    page.goto(stack.url + LETTER)
    page.locator("#field-name").fill("Plain Person")
    page.locator("#field-email").fill(address)
    page.locator("form.sign .act button").click()
    page.wait_for_url("**/check-your-email*")
    page.goto(stack.url + stack.link_to(address))
    page.locator("form[action*='/c/'] button").first.click()
    page.wait_for_url("**/thank-you*")
    context.close()


def test_the_button_to_sign_is_visible_in_a_low_window_and_nothing_scrolls_by_itself(stack, chromium):
    page = new_page(chromium, viewport={"width": 1366, "height": 625}, locale="fr-FR")
    for language in LANGUAGES:
        page.goto(f"{stack.url}{LETTER}?lang={language}")
        button = page.locator("form.sign .act button").bounding_box()
        assert button["y"] + button["height"] <= 625, language
        scrollers = "[...document.querySelectorAll('body *')].filter(e => e.scrollHeight > e.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(e).overflowY)).length"  # noqa: E501
        assert page.evaluate(scrollers) == 0, language
        tabs = [box.bounding_box()["width"] for box in page.locator(".party .choices label").all()]
        assert max(tabs) - min(tabs) < 1, language
    page.context.close()


def test_a_letter_is_passed_on_by_the_device_and_copied(stack, chromium):
    page = new_page(chromium, permissions=["clipboard-read", "clipboard-write"])
    page.add_init_script("navigator.share = async (data) => { window.shared = data; };")
    page.clock.install()
    page.goto(f"{stack.url}{LETTER}/thank-you?lang=en")
    check_page(page)
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))  # "Copied" is shown for four seconds
    page.get_by_role("button", name="Share with an app of this device").click()
    shared = page.evaluate("window.shared")
    assert shared["url"] == f"{stack.url}{LETTER}?via=device"
    assert shared["title"]
    assert shared["text"]
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == f"{stack.url}{LETTER}?via=link"
    page.goto(f"{stack.url}{LETTER}?via=device")
    assert page.locator("input[name=via]").input_value() == "device"
    page.context.close()


def test_by_keyboard_enter_signs_with_what_is_typed_and_optional_fields_unfold(stack, chromium):
    page = new_page(chromium, locale="fr-FR", extra_http_headers={"X-Forwarded-For": "198.18.245.1"})
    page.goto(stack.url + LETTER)
    page.locator("#field-name").focus()
    page.keyboard.type("Noémie Clavier")
    page.keyboard.press("Tab")
    page.keyboard.type("noemie@gmial.com")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # on the summary of the optional fields
    assert page.locator("#field-profession").is_visible()
    page.keyboard.press("Tab")
    page.keyboard.type("Avocate")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("[role=alert]").is_visible()
    assert page.locator("#field-profession").input_value() == "Avocate"
    address = f"clavier.{time.time_ns()}@example.org"
    page.locator("#field-email").fill(address)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "/check-your-email" in page.url
    assert stack.link_to(address)
    page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_can_be_read_at_four_times_their_size(stack, chromium, language):
    """400 % of a window of 1280 pixels is one of 320 (WCAG 1.4.10)."""
    page = new_page(chromium, viewport={"width": 320, "height": 256})
    pages = ("signatories", "thank-you", "updates", "figures", "legal")
    for path in ("/", LETTER, *(f"{LETTER}/{page_name}" for page_name in pages), "/my-signatures", "/c/mangled"):
        page.goto(f"{stack.url}{path}?lang={language}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), path
    page.context.close()
