"""No output has the name of somebody who waits to be named, before its condition; afterwards it is shown."""

import pytest
from sqlalchemy import select
from support.factories import make_account, make_petition, make_signature, open_session, post_form
from support.mailings import CONSENTED_AT, make_started_mailing
from support.outputs import find_in_tables, read_all

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.signatures.confirm import confirm_signature
from petition.signatures.tasks import run_release_names
from petition.team.models import TEAM_ROLES

NAME, LOCAL_PART = "Zqxname Vernet", "zqxmail"


@pytest.fixture
def team(client):
    open_session(client, make_account(role_names=list(TEAM_ROLES)))
    return client


def sign(petition, name, **overrides):
    signature = make_signature(petition, name=name, updates_at=CONSENTED_AT, **{"updates": True, **overrides})
    confirm_signature(signature)
    db.session.commit()
    return signature


def sign_waiting(petition):
    return sign(
        petition, NAME, email=f"{LOCAL_PART}@zqx.example", profession="Zqxjuge", city="Zqxville", postal_code="01234",
        named_when="total",
    )  # fmt: skip


def prepare(signature):
    """Send a mailing to the signer; return what addresses of pages and searches have."""
    mailing = make_started_mailing(signature.petition)
    run_queue("confirmations")
    run_queue("mailings")
    delivery_id = db.session.scalars(select(Delivery.id).where(Delivery.mailing_id == mailing.id)).first()
    return {
        "slug": signature.petition.slug, "signature_id": str(signature.id), "mailing_id": str(mailing.id),
        "delivery_id": str(delivery_id), "number": str(signature.confirmed_no),
    }  # fmt: skip


def criteria_of(signature):
    """Return what finds the signer, and what finds them among others."""
    return {
        "name": "Zqxname", "email": signature.email, "profession": "Zqxjuge", "city": "Zqxville",
        "domain": "zqx.example", "network": f"#{signature.id}", "petition": signature.petition.slug,
        "state": "confirmed",
    }  # fmt: skip


def places_of(fragment, outputs):
    return [where for where, what in outputs if fragment.casefold() in what.casefold()]


@pytest.mark.slow
def test_no_output_has_a_name_that_waits_and_the_public_ones_have_it_afterwards(app, team, sent_emails):
    petition = make_petition(named_total=2)
    waiting = sign_waiting(petition)
    run_release_names()
    values, criteria = prepare(waiting), criteria_of(waiting)
    outputs = list(read_all(app, team, petition, values, criteria))
    assert len(outputs) > 150
    assert places_of("Zqxname", outputs) == []
    assert places_of(LOCAL_PART, outputs) == []
    assert [message for message in sent_emails if "Zqxname" in message.subject + message.body + message.html] == []
    assert find_in_tables("Zqxname") - {"saved_searches.filter"} == {"signatures.withheld_name"}
    sign(petition, "Bea Roux", email="bea@example.org")
    run_release_names()
    places = places_of("Zqxname", read_all(app, team, petition, values, criteria))
    assert {"list", "documents", "export", "search", "/p/jardin"} <= set(places)
    assert {"/p/jardin/signatories", "/api/v1/petitions/jardin/signatories", "desk, by name"} <= set(places)


@pytest.mark.slow
def test_a_policy_that_the_form_says_shows_the_team_who_waits_and_nobody_else(app, team, sent_emails):
    petition = make_petition(named_total=100, team_sees_withheld=True)
    waiting = sign_waiting(petition)
    run_release_names()
    places = set(places_of("Zqxname", read_all(app, team, petition, prepare(waiting), criteria_of(waiting))))
    assert {"search", f"/desk/signatures/{waiting.id}", "desk, by email"} <= places
    for where in places - {"search"}:
        assert where.startswith(
            (
                "/desk/signatures",
                "/desk/mailings/",
                "recipients",
                "/ops/signatures",
                "desk, by",
                "operators, by",
                "command",
                "show",
            )
        ), where
    assert not places & {"list", "documents", "export", "dossier", "letter", "signatories", "log"}


def test_the_team_neither_corrects_nor_finds_out_who_waits(app, team):
    waiting = sign_waiting(make_petition(named_total=100))
    page = team.get(f"/desk/signatures/{waiting.id}?lang=en").text
    assert f"Signature {waiting.id}" in page
    assert "withheld until 100 people have signed" in page
    for action in ("correct", "change_address", "show_name", "hide_name"):
        assert f"/desk/signatures/{waiting.id}/{action}" not in page
        assert post_form(team, f"/desk/signatures/{waiting.id}/{action}", name="X").status_code in (409, 422)
