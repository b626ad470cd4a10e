"""What signers do reaches a receiver that fails at first: signed, in order for each signature, at least once."""

from urllib.parse import urlsplit

import pytest
from standardwebhooks.webhooks import Webhook
from support.factories import make_petition
from support.waiting import wait_for
from support.webhook_receiver import WebhookReceiver

from petition.core.db import db
from petition.integrations.models import EVENT_TYPES
from petition.integrations.webhooks import endpoints

pytestmark = [pytest.mark.slow, pytest.mark.journey]
FAILURES = {1: 503, 2: "close"}  # by number of the request


@pytest.fixture
def receiver():
    with WebhookReceiver(lambda n: FAILURES.get(n, 204)) as receiver:
        yield receiver


@pytest.fixture
def secret(app, receiver, monkeypatch):
    make_petition(passes_on_to="Les voisins solidaires")
    monkeypatch.setitem(app.config, "PETITION_WEBHOOK_LOCAL", True)
    endpoint = endpoints.create(receiver.url, EVENT_TYPES, None, "alix@example.org")
    db.session.commit()
    return endpoint.secret


def test_what_signers_do_reaches_a_receiver_that_fails_at_first(app_processes, mail_server, receiver, secret):
    app_processes.environ["PETITION_WEBHOOK_LOCAL"] = "1"
    app_processes.web()
    app_processes.worker()
    app_processes.beat()
    site, pages = app_processes.site, {}
    boxes = {box["field"]: box["wording"] for box in site.get("/api/v1/petitions/jardin/consents").json}
    for n, name in enumerate(("anna", "boris")):
        form = {"name": name, "email": f"{name}@example.org", "updates": "1"}
        if name == "anna":
            form |= {"passed_on": "1", "passing_on_wording": boxes["passed_on"]}
        assert site.request("POST", "/p/jardin/sign", form=form, network=n).status == 303
    for name in ("anna", "boris"):
        wait_for(lambda name=name: f"{name}@example.org" in mail_server.addresses, 30, "the link")
        confirmed = site.confirm(mail_server.link_to(f"{name}@example.org"))
        pages[name] = urlsplit(confirmed.headers["Location"]).path
    for page in pages.values():
        assert site.request("POST", f"{page}/updates").status == 303  # the box is not ticked any more
        assert site.request("POST", f"{page}/withdraw").status == 303

    def list_accepted():
        """Return the messages that were answered 204, each verified as the receiver would."""
        found = [(headers, body) for n, (headers, body, _) in enumerate(receiver.messages, 1) if n not in FAILURES]
        return [(headers["webhook-id"], Webhook(secret).verify(body, headers)) for headers, body in found]

    expected = ["signature.confirmed", "updates.opted_out", "signature.withdrawn"]
    wait_for(
        lambda: sum(event["type"] == expected[-1] for _, event in list_accepted()) == len(pages), 120, "the last event"
    )
    accepted = list_accepted()
    by_signature = {}
    for _, event in accepted:
        by_signature.setdefault(event["data"]["signature"], []).append(event)
    assert len(by_signature) == len(pages)
    for events in by_signature.values():
        types = [event["type"] for event in events]
        assert [type_ for type_ in types if type_ in expected] == expected
    assert sum(event["type"] == "passing_on.opted_out" for _, event in accepted) == 1
    failed = {receiver.messages[n - 1][0]["webhook-id"] for n in FAILURES}
    assert failed <= {message_id for message_id, _ in accepted}, "what failed came again, under its own id"
    # By when a message is made, who withdrew may be gone: nothing of them is said then, and of Boris never.
    assert "boris" not in str(accepted)
