"""One search box finds a signature, an email, a mailing and a request by what an operator has at hand."""

import re

import pytest
from sqlalchemy import update
from structlog.testing import CapturingLogger
from support.factories import make_mailing, make_petition, make_signature, post_form, sign_in
from support.signing import process_requests

from petition.core.db import db
from petition.delivery import batch
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.signatures.models import Signature
from petition.team.models import AuditEvent


@pytest.fixture
def operator(client):
    return sign_in(client, "operator")


def search(client, query):
    return post_form(client, "/ops/signatures?lang=en", query=query)


def test_box_is_on_the_dashboard_and_searches_by_post(client, operator):
    page = client.get("/ops/?lang=en").text
    form = re.search(r'<form[^>]*role="search".*?</form>', page, re.DOTALL)[0]
    assert 'method="post"' in form
    assert 'action="/ops/signatures"' in form


def test_number_finds_a_signature_an_email_and_a_mailing(client, operator):
    signature = make_signature(make_petition(), name="Zoé Martin", email="zoe@example.org")
    email = db.session.query(Delivery).one()
    page = search(client, str(signature.id)).text
    assert f'href="/ops/signatures/{signature.id}"' in page
    if email.id == signature.id:
        assert f'href="/ops/emails/{email.id}"' in page
    mailing = make_mailing(signature.petition, name="Nouvelles de mars")
    page = search(client, f"#{mailing.id}").text
    assert "Nouvelles de mars" in page
    assert f'href="/desk/mailings/{mailing.id}"' in page


def test_request_id_of_a_log_line_finds_the_email_and_its_timeline(client, operator, sent_emails, monkeypatch):
    petition, client.processes_requests = make_petition(), False
    form = {"name": "Zoé Martin", "email": "zoe@gmail.com", "profession": "Libraire"}
    answer = client.post(f"/api/v1/petitions/{petition.slug}/signatures", json=form)
    request_id = answer.headers["X-Request-ID"]
    assert answer.status_code == 202
    assert "no worker has made a signature of it yet" in search(client, request_id).text
    log = CapturingLogger()
    monkeypatch.setattr(batch, "log", log)
    process_requests()
    run_queue("confirmations")
    assert [call.kwargs["request_id"] for call in log.calls if call.args == ("email",)] == [request_id]
    db.session.expire_all()
    email, signature = db.session.query(Delivery).one(), db.session.query(Signature).one()
    found = search(client, f" {request_id.upper()} ")
    assert found.headers["Location"] == f"/ops/emails/{email.id}"
    page = client.get(found.headers["Location"] + "?lang=en").text
    assert request_id in page
    assert f'href="/ops/signatures/{signature.id}"' in page
    assert ": sent." in page
    assert f"request {request_id}" in client.get(f"/ops/signatures/{signature.id}?lang=en").text


def test_request_id_finds_what_the_team_did(client, operator):
    answer = post_form(client, "/ops/lanes/mailings/pause", reason="why")
    page = search(client, answer.headers["X-Request-ID"]).text
    assert "queue.paused" in page
    trail = [event.after for event in db.session.query(AuditEvent).filter_by(action="signature.searched")]
    assert trail == [{"by": "request", "found": 1}]


def test_message_id_finds_its_email(client, operator, sent_emails):
    make_signature(make_petition(), email="zoe@example.org")
    run_queue("confirmations")
    email = db.session.query(Delivery).one()
    message_id = sent_emails[0].msgId
    assert search(client, message_id).headers["Location"] == f"/ops/emails/{email.id}"


def test_email_that_is_no_signers_has_a_timeline_without_one(client, operator):
    signature = make_signature(make_petition())
    db.session.execute(update(Delivery).values(petition_id=0, kind="team_alert", state="failed", cause="550"))
    db.session.commit()
    email = db.session.query(Delivery).one()
    page = client.get("/ops/failures?lang=en").text
    assert f'href="/ops/emails/{email.id}"' in page
    assert f"/ops/signatures/{signature.id}" not in page + client.get(f"/ops/emails/{email.id}").text
