"""`/ops/` in a real browser: an open tab does not go on saying that mail flows, in the dark and on a phone too."""

import pytest
from sqlalchemy import func, text, update
from support.browser import VIEWPORTS, check_page, new_page
from support.factories import make_petition, make_signature, sign_in
from support.heartbeats import record_lasting_heartbeat

from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.delivery.models import Delivery

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


# What is cut at the edge of its box, though the page itself does not scroll sideways.
FIND_CUT_TABLES = """() => [...document.querySelectorAll(".table-responsive")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.ariaLabel || box.id)"""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", VIEWPORTS)
def test_no_table_of_a_broken_queue_is_cut(open_page, language, width):
    later = text("now() + interval '1 hour'")
    reason = "451 4.3.0 try again later"
    changes = {"state": "deferred", "attempt": 2, "cause": "451 4.3.0", "domain": "example.org", "reason": reason}
    db.session.execute(update(Delivery).values(**changes, tried_at=func.now(), next_attempt_at=later))
    db.session.commit()
    for path in ("/ops/", "/ops/failures", "/ops/bounces/", "/ops/history/"):
        page = open_page(f"{path}?lang={language}", viewport=VIEWPORTS[width])
        assert page.evaluate(FIND_CUT_TABLES) == [], path
