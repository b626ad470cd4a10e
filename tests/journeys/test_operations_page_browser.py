"""`/ops/` in a real browser: an open tab does not go on saying that mail flows, in the dark and on a phone too."""

import pytest
from support.browser import VIEWPORTS, check_page, new_page
from support.factories import make_petition, make_signature, sign_in
from support.heartbeats import record_lasting_heartbeat

from petition.core.db import db

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("faults")]
QUEUES = ("confirmations", "notifications", "mailings", "maintenance", "webhooks")


@pytest.fixture
def open_page(app_processes, client, chromium):
    """Return a function that opens a page of a running site as an operator; nothing but the web processes runs."""
    make_signature(make_petition())
    sign_in(client, "operator")
    cookie = {"name": "team", "value": client.get_cookie("team").value, "url": app_processes.site.url}
    app_processes.web()
    contexts = []

    def open_(path, **options):
        page = new_page(chromium, **options)
        contexts.append(page.context)
        page.context.add_cookies([cookie])
        page.goto(app_processes.site.url + path)
        return page

    yield open_
    for context in contexts:
        context.close()


def test_tab_turns_grey_when_its_updates_fail_and_back(open_page):
    for part, queues in (("worker", QUEUES), ("beat", ())):
        record_lasting_heartbeat(part, part, queues)
    db.session.commit()
    page = open_page("/ops/")
    page.route("**/ops/", lambda route: route.abort())
    page.evaluate("refresh()")
    page.wait_for_selector(".health.not-known")
    assert page.title().startswith("? Not known since")
    assert "Mail flows" not in page.inner_text("main")
    page.unroute("**/ops/")
    page.evaluate("refresh()")
    page.wait_for_selector(".health:not(.not-known)")
    assert "Not known" not in page.title()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_a_broken_queue_are_accessible_and_fit_a_phone(open_page, scheme):
    for path in ("/ops/", "/ops/failures?state=due&queue=confirmations"):
        page = open_page(path, color_scheme=scheme, viewport=VIEWPORTS["phone"])
        assert page.evaluate("document.documentElement.dataset.bsTheme") == scheme
        check_page(page)
