"""Webhooks at the desk, from their making to their end; what was given up, at /ops/."""

import re

import pytest
from support.factories import make_petition, post_form, sign_in

from petition.core import clock
from petition.core.db import db
from petition.integrations.models import EventState, WebhookEndpoint, WebhookEvent
from petition.integrations.webhooks import endpoints
from petition.team.models import AuditEvent, TeamRole

URL = "https://hooks.example.org/secret-path"


@pytest.fixture
def endpoint(app):
    made = endpoints.create(URL, ["signature.confirmed"], None, "alix@example.org")
    db.session.commit()
    return made


def get_endpoint():
    db.session.expire_all()
    return db.session.query(WebhookEndpoint).one_or_none()


def test_an_endpoint_from_its_making_to_its_end(client):
    make_petition()
    sign_in(client, TeamRole.CAMPAIGNER)
    fields = {"url": URL, "event": ["signature.confirmed", "petition.milestone"], "petition": "jardin"}
    assert client.get("/desk/webhooks/new").status_code == 200
    page = post_form(client, "/desk/webhooks/", **fields)
    endpoint = get_endpoint()
    path = f"/desk/webhooks/{endpoint.id}"
    assert f'value="{endpoint.secret}"'.replace("+", "&#43;") in page.text.replace("+", "&#43;")
    assert page.headers["Cache-Control"] == "no-store"
    assert URL in client.get("/desk/webhooks/").text
    assert endpoint.secret not in client.get(path).text
    assert post_form(client, f"{path}/test").status_code == 303
    assert "webhook.test" in client.get(path).text
    assert post_form(client, f"{path}/pause").status_code == 303
    assert get_endpoint().state == "paused"
    assert post_form(client, f"{path}/pause").status_code == 409
    assert post_form(client, f"{path}/test").status_code == 409
    assert post_form(client, f"{path}/resume").status_code == 303
    before = get_endpoint().secret
    assert before not in post_form(client, f"{path}/rotate").text
    assert get_endpoint().old_secret == before
    assert post_form(client, path, url=URL, event=["mailing.finished"]).status_code == 303
    assert get_endpoint().events == ["mailing.finished"]
    assert post_form(client, f"{path}/delete").status_code == 303
    assert get_endpoint() is None
    trail = list(db.session.query(AuditEvent).order_by(AuditEvent.id))
    assert [event.action for event in trail] == [
        "webhook.created", "webhook.tested", "webhook.paused", "webhook.resumed", "webhook.rotated", "webhook.changed",
        "webhook.deleted",
    ]  # fmt: skip
    assert "secret-path" not in str([(event.before, event.after) for event in trail])


@pytest.mark.parametrize(
    "wrong",
    [{"url": "http://hooks.example.org/"}, {"url": "https://127.0.0.1/"}, {"url": "https://[::1]/"}, {"url": ""},
     {"url": "https://169.254.169.254/latest"}, {"event": []}, {"event": ["all"]}, {"petition": "none"}],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(client, wrong):
    sign_in(client, TeamRole.CAMPAIGNER)
    fields = {"url": URL, "event": ["signature.confirmed"], "petition": "", **wrong}
    page = post_form(client, "/desk/webhooks/", **fields)
    assert page.status_code == 422
    assert "invalid-feedback" in page.text
    assert f'value="{fields["url"]}"' in page.text
    assert get_endpoint() is None


def test_what_was_given_up_is_shown_to_operators_and_sent_again(client, endpoint):
    for _ in range(3):
        db.session.add(
            WebhookEvent(
                endpoint_id=endpoint.id,
                type="webhook.test",
                data={},
                occurred_at=clock.now(),
                state=EventState.FAILED,
                settled_at=clock.now(),
                attempts=12,
                answer="timeout",
            )
        )
    db.session.commit()
    sign_in(client, TeamRole.OPERATOR)
    assert "/ops/webhooks/" in client.get("/ops/").text
    page = client.get("/ops/webhooks/").text
    [first, *_] = re.findall(r"/ops/webhooks/(\d+)/replay", page)
    assert client.get(f"/ops/webhooks/{first}/replay").status_code == 405
    assert post_form(client, f"/ops/webhooks/{first}/replay").status_code == 303
    assert post_form(client, f"/ops/webhooks/{first}/replay").status_code == 404
    states = [event.state for event in db.session.query(WebhookEvent)]
    assert sorted(states) == ["due", "failed", "failed"]
    assert post_form(client, "/ops/webhooks/replay").status_code == 303
    assert db.session.query(WebhookEvent).filter_by(state="due").count() == 3
    db.session.query(WebhookEvent).update({"state": "failed"})
    db.session.commit()
    assert post_form(client, "/ops/webhooks/discard").status_code == 303
    assert db.session.query(WebhookEvent).filter_by(state="discarded").count() == 3
    assert (
        db.session.query(AuditEvent).filter(AuditEvent.action.in_(["webhook.replayed", "webhook.discarded"])).count()
        == 3
    )
