"""The proof of work in a real browser: by itself, by keyboard, framed, without scripts, when it fails."""

import threading

import pytest
from support.browser import check_page, click_and_wait, new_page
from support.factories import make_petition
from support.signing import process_requests
from werkzeug.serving import make_server

from petition.core.db import db
from petition.signatures.models import Signature
from petition.signatures.request_models import UsedChallenge

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def site(app):
    """The application behind a real port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    make_petition(challenge="on")
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


def fill(page, address):
    page.fill("#field-name", "Zoé Martin")
    page.fill("#field-email", address)


def list_addresses():
    process_requests()
    db.session.rollback()
    return sorted(signature.email for signature in db.session.query(Signature))


@pytest.mark.parametrize("path", ["/p/jardin?lang=en", "/p/jardin/embed?lang=en"])
def test_the_browser_solves_it_while_the_form_is_filled_in(site, chromium, path):
    page = new_page(chromium)
    requests = []
    page.on("request", lambda request: requests.append(request.url.removeprefix(site)))
    page.goto(site + path)
    assert not [url for url in requests if "challenge" in url], "nothing is calculated for those who read"
    check_page(page)
    fill(page, "zoe@example.org")
    page.get_by_text("Checked: no robot is signing.").wait_for()
    check_page(page)
    page.focus("#field-email")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.split("?")[0].endswith("/check-your-email")
    assert page.console_errors == []
    assert list_addresses() == ["zoe@example.org"]
    assert db.session.query(UsedChallenge).count() == 1
    page.context.close()


def test_a_form_that_is_sent_at_once_waits_for_it(site, chromium):
    page = new_page(chromium)
    page.goto(f"{site}/p/jardin?lang=en")
    with page.expect_navigation():
        page.evaluate("""() => {
            document.querySelector("#field-name").value = "Zoé Martin";
            document.querySelector("#field-email").value = "zoe@example.org";
            document.querySelector("form.sign .act button").click();
        }""")
    assert page.url.split("?")[0].endswith("/check-your-email")
    page.context.close()


def test_after_a_mistake_it_is_solved_again(site, chromium):
    page = new_page(chromium)
    page.goto(f"{site}/p/jardin?lang=en")
    fill(page, "zoe")
    click_and_wait(page.locator("form.sign .act button"))
    check_page(page)
    fill(page, "zoe@example.org")
    click_and_wait(page.locator("form.sign .act button"))
    assert page.url.split("?")[0].endswith("/check-your-email")
    page.context.close()


def test_without_scripts_the_form_goes_without(site, chromium):
    page = new_page(chromium, java_script_enabled=False)
    page.goto(f"{site}/p/jardin?lang=en")
    assert page.get_by_text("Without scripts your browser cannot do the calculation").is_visible()
    fill(page, "zoe@example.org")
    click_and_wait(page.locator("form.sign .act button"))
    assert page.url.split("?")[0].endswith("/check-your-email")
    assert page.locator("input[name=code]").is_visible()
    assert list_addresses() == ["zoe@example.org"]
    page.context.close()


def test_where_it_fails_the_form_goes_without(site, chromium):
    page = new_page(chromium)
    page.route("**/altcha-pbkdf2.js*", lambda route: route.abort())
    page.goto(f"{site}/p/jardin?lang=en")
    assert not page.get_by_text("Without scripts your browser cannot do the calculation").is_visible()
    fill(page, "zoe@example.org")
    click_and_wait(page.locator("form.sign .act button"))
    assert page.url.split("?")[0].endswith("/check-your-email")
    assert db.session.query(UsedChallenge).count() == 0
    page.context.close()
