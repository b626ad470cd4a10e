"""The team's pages of mailings."""

from datetime import timedelta

import pytest
from support.factories import make_mailing, make_petition, post_form, sign_in
from support.mailings import list_deliveries, make_consenting_signature, make_started_mailing

from petition.core.db import db
from petition.mailings.audience.preview import count_audience
from petition.mailings.models import Mailing
from petition.mailings.report import build_report
from petition.petitions.statistics.campaign import roll_up_batch


@pytest.mark.parametrize("path", ["", "/edit", "/preview", "/preview?as=99&language=xx&width=x",
                                  "/recipients?after=" + "9" * 40,
                                  "/preview/letter?as=-1", "/recipients?state=x&after=-5",
                                  "/recipients?state=due&after=x"])  # fmt: skip
def test_pages_accept_any_query(client, path):
    sign_in(client, "sender")
    mailing = make_mailing(make_petition())
    assert client.get(f"/desk/mailings/{mailing.id}{path}").status_code == 200
    assert client.get(f"/desk/mailings/{10**30}{path}").status_code == 404
    assert client.get(f"/desk/mailings/999{path}").status_code == 404


def test_list_has_the_figures_of_each_mailing(client):
    petition = make_petition()
    for n in range(3):
        make_consenting_signature(petition, f"s{n}@example.org")
    mailing = make_started_mailing(petition)
    make_mailing(petition, name="Second news")
    for row, state in zip(list_deliveries(), ("sent", "sent", "failed"), strict=True):
        row.state = state
    db.session.commit()
    sign_in(client, "sender")
    page = client.get("/desk/mailings/?lang=en").text
    row = page[page.index(f'/desk/mailings/{mailing.id}"') :]
    figures = [row.split(f'data-label="{label}">')[1].split("<")[0]
               for label in ("Recipients", "Sent", "Failed", "Unsubscribed")]  # fmt: skip
    assert figures == ["3", "2", "1", "0"]
    report = build_report(db.session.get(Mailing, mailing.id))
    assert report["recipients"] == sum(report["states"].values()) == report["settled"] + report["waiting"] == 3


def test_report_says_what_was_signed_since(client):
    petition = make_petition()
    signature = make_consenting_signature(petition)
    mailing = make_started_mailing(petition)
    roll_up_batch()
    mailing.started_at = signature.confirmed_at + timedelta(seconds=1)
    db.session.commit()
    assert build_report(mailing)["signatures"] == {"after": 0, "before": 1}, "in the same hour, and before it began"
    mailing.started_at = signature.confirmed_at - timedelta(seconds=1)
    db.session.commit()
    assert build_report(mailing)["signatures"] == {"after": 1, "before": 0}
    assert build_report(mailing)["subjects"]["fr"] == mailing.texts["fr"].subject
    sign_in(client, "sender")
    page = client.get(f"/desk/mailings/{mailing.id}?lang=en").text
    assert "in the week from its start: 1; in the week before: 0" in page
    assert mailing.texts["fr"].subject in page
    assert f'<dt>Began</dt><dd><time datetime="{mailing.started_at.isoformat()}"' in page


def test_an_automatic_mailing_is_not_scheduled_for_those_of_today(client):
    petition = make_petition()
    make_consenting_signature(petition)
    mailing = make_mailing(petition, state="tested", tested_version=1)
    count_audience(mailing)
    db.session.commit()
    sign_in(client, "sender")
    path = f"/desk/mailings/{mailing.id}?lang=en"
    assert "Schedule it for 1 recipient" in client.get(path).text
    mailing.trigger = "confirmed"
    db.session.commit()
    page = client.get(path).text
    assert "Schedule it for" not in page
    assert "So many have confirmed already, and do not get it" in page


def test_copy_is_a_draft_of_its_own(client):
    petition = make_petition()
    mailing = make_mailing(petition, state="sent", segment={"petitions": [petition.id], "country": "DE"})
    sign_in(client, "campaigner")
    assert post_form(client, f"/desk/mailings/{mailing.id}/duplicate?lang=en").status_code == 303
    copy = db.session.query(Mailing).order_by(Mailing.id.desc()).first()
    assert (copy.state, copy.name, copy.segment) == ("draft", "Copy of First news", mailing.segment)
    assert {language: text.body for language, text in copy.texts.items()} == {
        language: text.body for language, text in mailing.texts.items()
    }
