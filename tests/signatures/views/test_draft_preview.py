"""A draft is seen as it will be: by the team, and by colleagues with a link that expires."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from support.factories import make_petition, post_form, sign_in

from petition.core.db import db
from petition.signatures.emails import KINDS
from petition.team.models import AuditEvent


@pytest.fixture
def draft(client):
    sign_in(client, "campaigner")
    return make_petition(state="draft")


def make_link(client):
    page = post_form(client, "/desk/petitions/jardin/preview/link?lang=en").text
    return re.search(r"(/draft/[\w.-]+)", page)[1]


def test_page_form_and_emails_of_a_draft_are_shown(client, draft):
    page = client.get("/desk/petitions/jardin/preview/page?lang=fr")
    assert "Pour un jardin" in page.text
    assert 'name="email"' in page.text
    assert "form-action 'none'" in page.headers["Content-Security-Policy"]
    for kind in KINDS:
        email = client.get(f"/desk/petitions/jardin/preview/{kind}?lang=en")
        assert email.status_code == 200, kind
        assert "For a garden" in email.text
        assert client.get(f"/desk/petitions/jardin/preview?what={kind}&language=en&width=phone").status_code == 200
    assert client.get("/desk/petitions/jardin/preview/nothing").status_code == 404
    assert client.get("/p/jardin").status_code == 404


def test_colleague_sees_the_draft_without_an_account(client, draft):
    link = make_link(client)
    stranger = client.application.test_client()
    page = stranger.get(f"{link}?lang=en")
    assert page.status_code == 200
    assert "This is a draft" in page.text
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert "Pour un jardin" in stranger.get(f"{link}/page?lang=fr").text
    assert "Set-Cookie" not in page.headers
    assert db.session.query(AuditEvent).filter_by(action="petition.shared").count() == 1


def test_link_ends_after_a_week_and_when_the_draft_is_gone(client, draft, monkeypatch):
    link = make_link(client)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(days=8)

    with monkeypatch.context() as patched:
        patched.setattr("petition.core.tokens.datetime", Later)
        assert client.get(link).status_code == 410
        assert client.get(f"{link}/page").status_code == 410
    assert client.get("/draft/nonsense").status_code == 410
    draft.state = "archived"
    db.session.commit()
    assert client.get(link).status_code == 410


def test_the_team_ends_the_links_made_so_far(client, draft):
    link = make_link(client)
    assert post_form(client, "/desk/petitions/jardin/preview/revoke").status_code == 303
    assert client.get(link).status_code == 410
    assert client.get(f"{link}/page").status_code == 410
    assert client.get(make_link(client)).status_code == 200
    assert db.session.query(AuditEvent).filter_by(action="petition.unshared").count() == 1


def test_link_of_a_draft_that_was_opened_leads_to_its_page(client, draft):
    link = make_link(client)
    draft.state = "open"
    db.session.commit()
    assert client.get(link).headers["Location"] == "/p/jardin"
