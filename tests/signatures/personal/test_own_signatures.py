"""The list of all that an address signed, mailed to that address alone."""

import re

from support.factories import make_petition, make_signature

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.signatures.links import personal_path
from petition.signatures.request_models import ListRequest
from petition.signatures.tasks import run_list_requests


def ask(client, address):
    return client.post("/my-signatures?lang=en", data={"email": address}, headers={"Accept-Language": "fr"})


def make_all():
    made = [
        make_signature(make_petition(slug=slug), email="zoe@example.org", state=state, name=name)
        for slug, state, name in (("un", "confirmed", "Zoé"), ("deux", "withdrawn", "Zoé"), ("trois", "pending", "Zoé"))
    ]
    make_signature(made[0].petition, email="other@example.org", state="confirmed")
    make_signature(make_petition(slug="quatre"), email="zoe@example.org", state="disowned")
    db.session.query(Delivery).delete()
    db.session.commit()
    return made


def test_one_email_lists_all_that_an_address_signed_with_links_that_work(client, sent_emails):
    make_all()
    ask(client, "ZOE@example.org")
    run_list_requests()
    run_queue("notifications")
    (message,) = sent_emails
    assert message.recipients == ["zoe@example.org"]
    links = re.findall(r"/(?:me|c)/[\w.-]+", message.body)
    assert [link[:3] for link in links] == ["/c/", "/me", "/me"]
    assert [client.get(link).status_code for link in links] == [200, 200, 200]
    assert "(withdrawn)" in message.body or "(retirée)" in message.body


def test_the_answer_is_the_same_whether_the_address_signed(client, sent_emails):
    make_all()
    answers = [ask(client, address) for address in ("zoe@example.org", "nobody@example.org")]
    assert len({(answer.status_code, answer.headers["Location"], answer.data) for answer in answers}) == 1
    run_list_requests()
    run_queue("notifications")
    assert [message.recipients for message in sent_emails] == [["zoe@example.org"]]
    assert db.session.query(ListRequest).count() == 0
    assert "If this address signed anything" in client.get(answers[0].headers["Location"]).text


def test_a_wrong_address_is_said_and_kept(client):
    answer = ask(client, "zoe@")
    assert answer.status_code == 422
    assert 'value="zoe@"' in answer.text
    assert 'id="error-email"' in answer.text


def test_the_personal_page_asks_for_it_too(client, sent_emails):
    first = make_all()[0]
    assert "notice=list_sent" in client.post(f"{personal_path(first)}/list").headers["Location"]
    run_queue("notifications")
    assert [message.recipients for message in sent_emails] == [["zoe@example.org"]]
