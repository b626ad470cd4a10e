"""An operator's day in a real browser: the first link, a code, the queue, a pause, a group sent again."""

import time

import psycopg
import pytest
from passlib.totp import TOTP
from support.browser import check_page, click_and_wait, create_first_account
from support.local_stack import LocalStack
from support.ports import free_port
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("operator")]
PASSWORD = "four words are enough"
FAIL_SQL = """
    UPDATE deliveries SET state = 'failed', cause = '550 5.7.1', domain = 'example.org',
        reason = '550 5.7.1 not wanted here', tried_at = now(), settled_at = now()
    WHERE state = 'sent' AND kind = 'confirm_signature'
"""
TEAM_PAGES = ("/ops/", "/ops/failures", "/ops/signatures", "/account/", "/account/people", "/account/audit")


@pytest.fixture
def stack(tmp_path):
    stack = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    yield stack
    stack.stop()


def database(stack):
    url = stack.settings()["DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
    return psycopg.connect(url, autocommit=True)


def test_an_operator_signs_in_reads_pauses_and_sends_a_group_again(stack, page):
    create_first_account(stack, page, PASSWORD)
    click_and_wait(page.get_by_role("link", name="Set up two-factor authentication"))
    click_and_wait(page.get_by_role("row", name="Authenticator app").get_by_role("link"))
    check_page(page)
    page.get_by_role("button", name="Set up an authenticator app").click()
    app = TOTP(key=page.locator("#authenticator-key").inner_text().replace("-", ""))
    check_page(page)
    page.fill("#code", app.generate().token)
    page.get_by_role("button", name="Turn on").click()
    page.wait_for_url("**/account/recovery-codes")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.goto(stack.url + "/ops/")
    check_page(page)
    page.fill("#email", "alix@example.org")
    page.fill("#password", PASSWORD)
    click_and_wait(page.get_by_role("button", name="Sign in", exact=True))
    check_page(page)
    page.fill("#code", app.generate(time.time() + 30).token)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/ops/")
    for path in TEAM_PAGES:
        page.goto(stack.url + path)
        check_page(page)

    page.goto(stack.url + "/ops/")
    page.get_by_text("Pause confirmations…").click()
    check_page(page)
    page.fill("#reason-confirmations", "the provider asked")
    page.locator("#pause-confirmations").get_by_role("button", name="Pause now").click()
    page.get_by_text("The queue confirmations is paused: the provider asked").wait_for()
    address = "zoe@example.org"
    stack.request("POST", "/p/internet-en-prison/sign", form={"name": "Zoé", "email": address})
    # The page refreshes itself: no reload here.
    page.locator("#queues tr", has_text="confirmations").locator("td").first.get_by_text("1").wait_for(timeout=90_000)
    assert stack.mail_to(address) == []
    page.get_by_role("button", name="Resume confirmations").click()
    stack.link_to(address)

    with database(stack) as connection:
        # The mailbox has the email a moment before the worker has recorded it.
        failed = wait_for(lambda: connection.execute(FAIL_SQL).rowcount, what="the recorded email")
    assert failed == 1
    page.goto(stack.url + "/ops/")
    click_and_wait(page.locator("#failures a").first)
    check_page(page)
    everything = page.get_by_role("group", name="All emails that match")
    everything.get_by_role("button", name="Send again…").click()
    page.get_by_text("1 email").first.wait_for()
    check_page(page)
    page.get_by_role("button", name="Send again: 1 email").click()
    page.locator("dd", has_text="done").wait_for(timeout=90_000)
    check_page(page)
    wait_for(lambda: len(stack.mail_to(address)) == 2, what="the second email")
    page.goto(stack.url + "/account/audit")
    for action in ("signed.in", "queue.paused", "queue.resumed", "deliveries.retry"):
        assert page.get_by_text(action, exact=True).count(), action
    page.goto(stack.url + "/ops/signatures")
    page.fill("#query", address)
    page.get_by_role("button", name="Find").click()
    click_and_wait(page.get_by_role("link", name="Zoé"))
    check_page(page)
    assert page.locator(".timeline li").count() >= 4


def test_a_passkey_signs_in(stack, page):
    # A passkey belongs to a host name, and 127.0.0.1 is none.
    base = stack.url.replace("127.0.0.1", "localhost")
    create_first_account(stack, page, PASSWORD)
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    page.goto(base + "/account/sign-in")
    page.fill("#email", "alix@example.org")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Set up an authenticator app").click()
    app = TOTP(key=page.locator("#authenticator-key").inner_text().replace("-", ""))
    page.fill("#code", app.generate().token)
    page.get_by_role("button", name="Turn on").click()
    page.wait_for_url("**/account/recovery-codes")
    page.goto(base + "/account/passkeys")
    check_page(page)
    page.fill("#name", "this machine")
    page.locator("input[name=usage][value=first]").check()
    page.locator("#wan-register-form [type=submit], form[name=wan_register_form] [type=submit]").first.click()
    page.wait_for_url("**/account/")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/account/sign-in**")
    click_and_wait(page.get_by_role("button", name="Sign in with a passkey"))
    check_page(page)
    page.locator("main [type=submit]").first.click()
    page.wait_for_url("**/desk/")
    assert page.get_by_role("heading", name="Alix").count()
