"""Charts in a real browser: the value under the pointer, by the arrow keys, and a table where no script runs."""

from urllib.parse import urlsplit

import pytest
from support.browser import VIEWPORTS, check_page, new_page
from support.factories import make_petition, make_signature, sign_in

from petition.core.db import db
from petition.signatures.confirm import confirm_signature

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser]
FIGURES = "/p/jardin/figures?lang=en"


@pytest.fixture
def open_page(client, chromium):
    """Return a function that opens a page of this process, as a member of the team."""
    petition = make_petition()
    for number in range(3):
        confirm_signature(make_signature(petition, email=f"s{number}@example.org"))
    db.session.commit()
    sign_in(client, "admin")
    contexts = []

    def answer(route):
        address = urlsplit(route.request.url)
        response = client.get(f"{address.path}?{address.query}")
        route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.data)

    def open_(path, **options):
        page = new_page(chromium, **options)
        contexts.append(page.context)
        page.route("**/*", answer)
        page.goto(f"http://localhost{path}")
        return page

    yield open_
    for context in contexts:
        context.close()


def point_at_the_last_column(page, chart):
    """Move the pointer over the picture's last column."""
    chart.scroll_into_view_if_needed()
    image = chart.locator("img").bounding_box()
    page.mouse.move(image["x"] + image["width"] * 0.965, image["y"] + image["height"] / 2)


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("path", [FIGURES, "/desk/petitions/jardin/campaign?lang=en"])
def test_a_column_is_read_by_pointer_and_by_keys(open_page, path, size):
    page = open_page(path, viewport=VIEWPORTS[size])
    chart = page.locator("[data-columns]").first
    reading = chart.locator(".reading")
    point_at_the_last_column(page, chart)
    assert "Confirmed 3" in reading.inner_text()
    chart.focus()
    page.keyboard.press("ArrowLeft")
    assert "Confirmed 0" in reading.inner_text()
    assert chart.get_attribute("aria-valuetext") == reading.text_content()
    assert chart.get_attribute("role") == "slider"
    page.keyboard.press("End")
    assert "Confirmed 3" in reading.inner_text()
    page.set_viewport_size(VIEWPORTS["desktop"])
    check_page(page)
    assert page.console_errors == []


def test_charts_of_the_mail_are_read_too(open_page):
    for path in ("/ops/?lang=en", "/ops/history/?lang=en"):
        page = open_page(path)
        chart = page.locator("[data-columns]").first
        point_at_the_last_column(page, chart)
        assert "confirmations 0" in chart.locator(".reading").inner_text()
        assert page.console_errors == []


def test_without_scripts_there_is_a_picture_and_a_table(open_page):
    page = open_page(FIGURES, java_script_enabled=False)
    assert page.locator("[data-columns] img").first.is_visible()
    assert page.locator("[role=slider]").count() == 0
    page.get_by_text("The numbers").first.click()
    assert page.locator("details[open] td").first.inner_text() == "3"
