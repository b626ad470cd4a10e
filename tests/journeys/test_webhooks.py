"""Webhooks with real processes: from the desk to a receiver that fails, hangs, redirects, and answers 410."""

import json
import re

import pytest
from standardwebhooks.webhooks import Webhook
from support.browser import click_and_wait, create_first_account, new_page
from support.local_stack import LocalStack
from support.ports import free_port
from support.waiting import wait_for
from support.webhook_receiver import WebhookReceiver

pytestmark = [pytest.mark.journey, pytest.mark.browser]
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = LocalStack(tmp_path_factory.mktemp("webhooks") / "data", free_port())
    try:
        yield stack.wait_until_started()
    finally:
        stack.stop()


def send_test(page):
    click_and_wait(page.locator("button", has_text="Send a test message"))


def last_result(page):
    page.reload()
    return page.locator("tbody tr").first.inner_text()


@pytest.mark.slow
def test_the_life_of_a_webhook(stack, chromium):
    page = new_page(chromium)
    create_first_account(stack, page, PASSWORD)
    with WebhookReceiver() as receiver, WebhookReceiver() as elsewhere:
        page.goto(f"{stack.url}/desk/webhooks/new?lang=en")
        page.fill("#url", receiver.url)
        page.check("#event-1")
        click_and_wait(page.locator("main form button").last)
        secret = page.input_value("#secret")
        click_and_wait(page.locator("main a.btn"))
        send_test(page)
        wait_for(lambda: receiver.messages, 30, "the test message")
        headers, body, _ = receiver.messages[0]
        assert Webhook(secret).verify(body, headers)["type"] == "webhook.test"
        wait_for(lambda: "delivered" in last_result(page), 30, "its result")

        receiver.behave = (302, {"Location": elsewhere.url})
        send_test(page)
        wait_for(lambda: "302" in last_result(page), 30, "the answer of a redirect")
        assert elsewhere.messages == []

        receiver.behave = lambda n: 200  # it is tried again
        wait_for(lambda: "delivered" in last_result(page), 60, "the second attempt")
        ids = [headers["webhook-id"] for headers, _, _ in receiver.messages]
        assert ids[-1] == ids[-2]

        receiver.behave = "huge"
        send_test(page)
        wait_for(lambda: "delivered" in last_result(page), 30, "the result of a huge answer")

        receiver.behave = "hang"
        send_test(page)
        wait_for(lambda: "no answer in time" in last_result(page), 60, "the end of the wait")
        receiver.stopped.set()

        receiver.behave = 410
        send_test(page)
        wait_for(lambda: "410" in page.reload().text(), 60, "that it is off")
        assert "Resume" in page.content()
    types = [json.loads(body)["type"] for _, body, _ in receiver.messages]
    assert set(types) == {"webhook.test"}
    assert not re.search("whsec_", page.content())
