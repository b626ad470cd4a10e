"""Pages of partners: organisations, their members, their part in a petition, their links and figures."""

import re

import pytest
from sqlalchemy import select
from support.factories import make_account, make_petition, post_form, sign_in
from support.partners import make_partner, make_partnership, sign_in_member, submit

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.petitions.models import Petition
from petition.petitions.partners import counts
from petition.petitions.partners.models import Partner, PartnerMember, Partnership
from petition.petitions.queries import find_by_slug
from petition.petitions.sharing.channels import parse_channel, source_of
from petition.petitions.statistics.campaign import roll_up_batch
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.team.models import Account, AuditEvent, TeamRole

ADMIN_FORM = {"name": "La chorale", "key": "choir", "from_address": "news@choir.example", "reply_to": ""}


def test_admin_adds_an_organisation(client):
    sign_in(client, TeamRole.ADMIN)
    answer = post_form(client, "/desk/partners", **ADMIN_FORM)
    assert answer.status_code == 303
    partner = db.session.scalars(select(Partner)).one()
    assert (partner.key, partner.name, partner.from_address) == ("choir", "La chorale", "news@choir.example")
    assert "La chorale" in client.get("/desk/partners").text
    assert db.session.scalars(select(AuditEvent).filter_by(action="partner.created")).one().subject_id == "choir"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("key", "a"),
        ("key", "facebook"),  # a channel of its own
        ("key", "choeur-nord"),
        ("key", "x" * 13),
        ("from_address", "nobody"),
        ("from_address", "zoé@example.org"),
        ("reply_to", "nobody"),
    ],
)
def test_wrong_identity_is_explained_and_kept(client, field, value):
    sign_in(client, TeamRole.ADMIN)
    answer = post_form(client, "/desk/partners", **{**ADMIN_FORM, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-hint"' in answer.text
    assert db.session.scalars(select(Partner)).all() == []


def test_word_in_links_is_one_organisation_s(client):
    sign_in(client, TeamRole.ADMIN)
    make_partner("choir")
    assert post_form(client, "/desk/partners", **ADMIN_FORM).status_code == 422


def test_member_without_an_account_is_invited_without_a_role(client, sent_emails):
    sign_in(client, TeamRole.ADMIN)
    partner = make_partner("choir")
    path = f"/desk/partners/{partner.id}"
    assert post_form(client, f"{path}/members", address="ada@example.org").status_code == 303
    account = db.session.scalars(select(Account).filter_by(email="ada@example.org")).one()
    assert account.role_names == []
    assert db.session.scalars(select(Delivery.kind).filter_by(subject_id=account.id)).all() == ["team_invitation"]
    post_form(client, f"{path}/members/{account.id}/remove")
    assert db.session.scalars(select(PartnerMember)).all() == []
    assert post_form(client, f"{path}/members", address="ada").status_code == 422


def test_member_of_the_team_can_be_a_partner_s_too(client):
    sign_in(client, TeamRole.ADMIN)
    account, partner = make_account(email="ada@example.org", role_names=["sender"]), make_partner("choir")
    post_form(client, f"/desk/partners/{partner.id}/members", address="ada@example.org")
    db.session.expire_all()
    assert account.role_names == ["sender"]
    assert db.session.scalars(select(PartnerMember.account_id)).all() == [account.id]


def test_organisation_joins_changes_and_leaves(client):
    sign_in(client, TeamRole.CAMPAIGNER)
    petition, partner = make_petition(), make_partner("choir")
    path, version = "/desk/petitions/jardin/partners", petition.version
    assert "news_choir" not in client.get("/p/jardin").text
    assert post_form(client, path, partner=partner.id, role="viewer").status_code == 303
    assert "news_choir" in client.get("/p/jardin").text
    assert post_form(client, path, partner=partner.id, role="viewer").status_code == 422  # it is one already
    row = db.session.scalars(select(Partnership)).one()
    form = {"role": "owner", "wording_fr": "Oui aux concerts de La chorale.", "wording_en": ""}
    assert post_form(client, f"{path}/{row.id}", **form).status_code == 303
    db.session.expire_all()
    assert (row.role, row.texts) == ("owner", {"fr": "Oui aux concerts de La chorale."})
    assert "Oui aux concerts de La chorale." in client.get("/p/jardin?lang=fr").text
    assert post_form(client, f"{path}/{row.id}/leave").status_code == 303
    db.session.expire_all()
    assert row.left_at
    assert "news_choir" not in client.get("/p/jardin").text
    assert db.session.get_one(Petition, petition.id).version > version
    actions = set(db.session.scalars(select(AuditEvent.action).filter_by(subject="petition")))
    assert actions >= {"petition.partner_joined", "petition.partner_changed", "petition.partner_wording",
                       "petition.partner_left"}  # fmt: skip
    assert post_form(client, f"{path}/{row.id}/leave").status_code == 404


def test_words_of_a_box_name_their_organisation(client):
    sign_in(client, TeamRole.CAMPAIGNER)
    row = make_partnership(make_petition(), make_partner("choir"))
    form = {"role": "sender", "wording_fr": "Oui aux concerts."}
    answer = post_form(client, f"/desk/petitions/jardin/partners/{row.id}", **form)
    assert answer.status_code == 422
    assert "Oui aux concerts." in answer.text  # nothing typed is lost
    assert post_form(client, "/desk/petitions/jardin/partners", partner="x", role="viewer").status_code == 422


def test_unknown_role_is_refused(client):
    sign_in(client, TeamRole.CAMPAIGNER)
    make_petition()
    form = {"partner": make_partner().id, "role": "admin"}
    assert post_form(client, "/desk/petitions/jardin/partners", **form).status_code == 422


def test_owner_changes_its_own_words_and_leaves(client):
    petition, partner = make_petition(), make_partner("choir")
    row = make_partnership(petition, partner, "owner")
    other = make_partnership(petition, make_partner("greens"), "owner")
    sign_in_member(client, partner)
    words = {"wording_fr": "Les concerts de La chorale."}
    assert post_form(client, f"/desk/shared/{other.id}/wording", **words).status_code == 404
    assert post_form(client, f"/desk/shared/{row.id}/wording", **words).status_code == 303
    db.session.expire_all()
    assert row.texts == {"fr": "Les concerts de La chorale."}
    assert post_form(client, f"/desk/shared/{row.id}/leave").status_code == 303
    db.session.expire_all()
    assert row.left_at
    assert not other.left_at


@pytest.mark.parametrize("role", ["editor", "sender", "viewer"])
def test_others_do_not_leave_for_their_organisation(client, role):
    partner = make_partner("choir")
    row = make_partnership(make_petition(), partner, role)
    sign_in_member(client, partner)
    assert post_form(client, f"/desk/shared/{row.id}/leave").status_code == 404


def test_home_of_who_only_acts_for_partners_is_what_they_share(client):
    partner = make_partner("choir")
    make_partnership(make_petition(), partner, "viewer")
    sign_in_member(client, partner)
    answer = client.get("/desk/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/desk/shared")
    page = client.get("/desk/shared").text
    assert "via=choir" in page
    assert 'href="/desk/mailings/"' not in page  # a reader writes to nobody


def test_link_of_a_partner_is_counted_for_it(client):
    petition = make_petition()
    rows = [make_partnership(petition, make_partner(key), "viewer") for key in ("choir", "greens")]
    page = client.get("/p/jardin?via=choir").text
    assert re.search(r'name="via" value="choir"', page)
    assert 'name="via"' not in client.get("/p/jardin?via=school").text  # no partner of this petition
    form = {"name": "Zoé Martin", "email": "zoe@example.org", "locale": "fr", "via": "choir"}
    assert client.post("/p/jardin/sign", data=form).status_code == 303
    signature = submit(petition, "ada@example.org")
    for signature in db.session.scalars(select(Signature)).all():
        confirm_signature(signature)
    db.session.commit()
    sources = set(db.session.scalars(select(Signature.source)))
    assert sources == {"partner:choir", "page"}
    for _round in range(2):
        assert counts.count_signatures(rows) == {rows[0].id: 1, rows[1].id: 0}
        roll_up_batch()


def test_partner_sees_its_own_figures_only(client):
    petition, choir = make_petition(), make_partner("choir")
    make_partnership(petition, choir, "viewer")
    make_partnership(petition, make_partner("greens"), "viewer")
    for number, key in enumerate(("choir", "greens", "greens")):
        signature = submit(petition, f"zoe{number}@example.org")
        signature.source = f"partner:{key}"
        confirm_signature(signature)
    db.session.commit()
    sign_in_member(client, choir)
    page = client.get("/desk/petitions/jardin/campaign?lang=en").text
    assert "partner: choir" in page
    assert "greens" not in page
    assert "greens" not in client.get("/desk/shared").text


def test_channels_of_partners(app):
    petition = make_petition()
    make_partnership(petition, make_partner("choir"))
    keys = frozenset({"choir"})
    assert parse_channel("choir.", keys) == "choir"
    assert parse_channel("choir") is None
    assert source_of("choir") == "partner:choir"
    assert find_by_slug("jardin").has_partners
