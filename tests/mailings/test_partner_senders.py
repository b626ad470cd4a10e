"""A coalition of three and the team: who may write, to whom, from which address; and what ends it."""

import base64
import email
from email.policy import default

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from flask import url_for
from sqlalchemy import text
from support.factories import (
    make_account,
    make_copies_of_signatures,
    make_mailing,
    make_petition,
    post_form,
    sign_in,
)
from support.mailings import list_addresses, list_deliveries, make_mailing_form, make_started_mailing, send_mailing
from support.partners import end_partnership, make_member, make_news_signature, make_partner, make_partnership

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.mailings import partner_senders
from petition.mailings.audience import preview
from petition.mailings.audience.materialise import materialise_audience
from petition.mailings.audience.segment import segment_from_dict, segment_parameters
from petition.mailings.audience.send_rate import send_rate_parameters
from petition.mailings.drafting.drafts import parse_draft
from petition.mailings.emails import unsubscribe_link
from petition.mailings.models import Mailing
from petition.mailings.queries import LIST_ADDRESSES, MATERIALISE_AUDIENCE
from petition.petitions.partners.models import Partner
from petition.signatures.models import Signature
from petition.signatures.partner_news.consents import get_agreed
from petition.signatures.personal.self_service import erase, withdraw
from petition.signatures.staff.restriction import restrict

KEYS = ("greens", "choir", "school")
# By the name of a signer: what they agreed to.
AGREED = {
    "nobody": (),
    "team": ("team",),
    "green": ("greens",),
    "singer": ("choir",),
    "pupil": ("school",),
    "both": ("greens", "choir"),
    "every": ("team", *KEYS),
}
# By role in the petition: whether it may write.
ROLES = {"greens": "owner", "choir": "sender", "school": "viewer"}
# On behalf of, and whom it reaches: nobody who did not agree to that very sender.
REACHED = {
    "team": {"team", "every"},
    "greens": {"green", "both", "every"},
    "choir": {"singer", "both", "every"},
    "school": set(),  # a reader may not write, whoever agreed
}


@pytest.fixture
def coalition(app):
    """Return a petition, its three partners by key, and a second petition of which only the choir is a partner."""
    petition, other = make_petition(), make_petition(slug="autre")
    partners = {key: make_partner(key) for key in KEYS}
    for key, partner in partners.items():
        make_partnership(petition, partner, ROLES[key])
    make_partnership(other, partners["choir"], "sender")
    for name, agreed in AGREED.items():
        news = [key for key in agreed if key != "team"]
        make_news_signature(petition, f"{name}@example.org", news, updates="on" if "team" in agreed else "")
    make_news_signature(other, "elsewhere@example.org", ["choir"], updates="on")
    db.session.query(Delivery).delete()
    db.session.commit()
    return petition, partners, other


def names_of(addresses):
    return {address.partition("@")[0] for address in addresses}


def make_mailing_of(petition, partner, **overrides):
    """Return a mailing of a partner, or of the team."""
    fields = {"partner_id": partner.id, "sender_name": partner.name} if partner else {}
    return make_mailing(petition, **fields | overrides)


@pytest.mark.parametrize("sender", REACHED)
def test_a_mailing_reaches_only_those_who_agreed_to_its_sender(coalition, sender):
    petition, partners, _other = coalition
    mailing = make_mailing_of(petition, partners.get(sender))
    counted = preview.count_audience(mailing)
    assert counted["recipients"] == len(REACHED[sender])
    assert counted["left_out"]["no consent"] == len(AGREED) - len(REACHED[sender])
    sample = preview.sample_recipients(mailing)
    assert names_of(signer.email for signer in sample if signer.id) == REACHED[sender]
    assert materialise_audience(mailing, clock.now()) == len(REACHED[sender])
    subjects = [row.subject_id for row in list_deliveries()]
    emails = db.session.query(Signature.email).filter(Signature.id.in_(subjects))
    assert names_of(row.email for row in emails) == REACHED[sender]


def test_a_partner_reaches_its_signers_of_its_own_petitions_only(coalition):
    petition, partners, other = coalition
    both = {"petitions": [petition.id, other.id]}
    for key, reached in {"greens": REACHED["greens"], "choir": REACHED["choir"] | {"elsewhere"}}.items():
        mailing = make_mailing_of(petition, partners[key], segment=both)
        sample = preview.sample_recipients(mailing)
        assert names_of(signer.email for signer in sample) == reached


# Who writes, in whose name, to the signers of which petitions: whether it is allowed.
WRITERS = [
    ("team", "", ["jardin"], True),
    ("team", "", ["jardin", "autre"], True),
    ("team", "greens", ["jardin"], False),
    ("team", "choir", ["jardin"], False),
    ("greens", "greens", ["jardin"], True),
    ("greens", "", ["jardin"], False),
    ("greens", "choir", ["jardin"], False),
    ("greens", "school", ["jardin"], False),
    ("greens", "greens", ["autre"], False),
    ("greens", "greens", ["jardin", "autre"], False),
    ("choir", "choir", ["jardin", "autre"], True),
    ("choir", "greens", ["jardin"], False),
    ("school", "school", ["jardin"], False),
    ("school", "greens", ["jardin"], False),
]


@pytest.mark.parametrize(("writer", "sender", "slugs", "allowed"), WRITERS)
def test_who_may_write_in_whose_name(coalition, writer, sender, slugs, allowed):
    petition, partners, other = coalition
    account = make_account(role_names=["sender"]) if writer == "team" else make_member(partners[writer])
    ids = {"jardin": petition.id, "autre": other.id}
    form = make_mailing_form(petition, petitions=[ids[slug] for slug in slugs])
    form["partner"] = str(partners[sender].id) if sender else ""
    if not allowed:
        with pytest.raises(ValidationError):
            parse_draft(form, account)
        return
    draft = parse_draft(form, account)
    assert draft.settings["partner_id"] == (partners[sender].id if sender else None)
    assert draft.settings["sender_name"] == (partners[sender].name if sender else "Les amis")


@pytest.mark.parametrize(("writer", "allowed"), [("team", False), ("greens", True), ("choir", False)])
def test_only_its_members_send_a_partner_s_mailing(coalition, writer, allowed):
    petition, partners, _other = coalition
    account = make_account(role_names=["admin"]) if writer == "team" else make_member(partners[writer])
    mailing = make_mailing_of(petition, partners["greens"])
    assert partner_senders.is_author(account, mailing) == allowed
    if not allowed:
        with pytest.raises(partner_senders.NotTheAuthor):
            partner_senders.require_author(account, mailing)


def test_a_command_writes_for_the_team_only(coalition):
    petition, partners, _other = coalition
    with pytest.raises(ValidationError):
        parse_draft(make_mailing_form(petition, petitions=[petition.id], partner=str(partners["greens"].id)))


def test_a_partner_chooses_among_recipients_of_its_own_mailings(coalition):
    petition, partners, _other = coalition
    ours, theirs = make_mailing_of(petition, partners["greens"]), make_mailing_of(petition, partners["choir"])
    form = make_mailing_form(petition, petitions=[petition.id], partner=str(partners["greens"].id))
    account = make_member(partners["greens"])
    assert parse_draft(form | {"received": ours.id}, account).segment.received == ours.id
    with pytest.raises(ValidationError) as error:
        parse_draft(form | {"received": theirs.id}, account)
    assert set(error.value.errors) == {"received"}


def parse_email(message):
    return email.message_from_bytes(message.as_bytes(), policy=default)


def test_email_of_a_partner_has_its_name_and_addresses(coalition, sent_emails):
    petition, partners, _other = coalition
    partner = db.session.get_one(Partner, partners["greens"].id)
    partner.from_address, partner.reply_to = "news@greens.example", "office@greens.example"
    db.session.commit()
    _mailing, emails = send_mailing(
        petition, sent_emails, partner_id=partner.id, sender_name=partner.name, reply_to=partner.reply_to
    )
    assert names_of(list_addresses(emails)) == REACHED["greens"]
    message = parse_email(emails[0])
    [sender] = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (partner.name, "news@greens.example")
    assert message["Reply-To"] == "office@greens.example"
    assert message["List-Id"].startswith("<greens.jardin.")
    assert partner.name in message.get_body(("plain",)).get_content().replace("\n", " ").partition("--")[2]


def test_email_of_a_partner_without_an_address_comes_from_the_site(coalition, sent_emails):
    petition, partners, _other = coalition
    _mailing, emails = send_mailing(petition, sent_emails, partner_id=partners["choir"].id, sender_name="La chorale")
    [sender] = parse_email(emails[0])["From"].addresses
    _team, others = send_mailing(petition, sent_emails)
    [site] = parse_email(others[0])["From"].addresses
    assert (sender.addr_spec, sender.display_name) == (site.addr_spec, "La chorale")


def leave(petition, partners):
    [partnership] = partner_senders.list_own(make_member(partners["greens"]))
    end_partnership(partnership)


def lose_role(petition, partners):
    [partnership] = partner_senders.list_own(make_member(partners["greens"]))
    partnership.role = "viewer"
    db.session.commit()


@pytest.mark.parametrize("change", [leave, lose_role])
def test_what_waits_is_not_sent_once_the_partner_may_not_write(coalition, sent_emails, change):
    petition, partners, _other = coalition
    mailing = make_started_mailing(petition, partner_id=partners["greens"].id, sender_name="x")
    assert len(list_deliveries(mailing_id=mailing.id)) == len(REACHED["greens"])
    change(petition, partners)
    run_queue("mailings")
    assert {row.state for row in list_deliveries(mailing_id=mailing.id)} == {"cancelled"}
    assert preview.count_audience(make_mailing_of(petition, partners["greens"]))["recipients"] == 0


def test_joining_again_brings_no_consent_back(coalition):
    petition, partners, _other = coalition
    leave(petition, partners)
    make_partnership(petition, partners["greens"], "owner")
    assert preview.count_audience(make_mailing_of(petition, partners["greens"]))["recipients"] == 0


@pytest.mark.parametrize("end", [withdraw, erase, restrict])
def test_who_left_gets_no_news_of_a_partner(coalition, end):
    petition, partners, _other = coalition
    signature = db.session.query(Signature).filter_by(email_canonical="both@example.org").one()
    end(signature)
    db.session.commit()
    for key in ("greens", "choir"):
        mailing = make_mailing_of(petition, partners[key])
        assert preview.count_audience(mailing)["recipients"] == len(REACHED[key]) - 1


def link_in_mailing(petition, partner, name):
    """Return the path of the unsubscribe link of one recipient of a partner's mailing."""
    mailing = make_mailing_of(petition, partner, state="sending")
    signature = db.session.query(Signature).filter_by(email_canonical=f"{name}@example.org").one()
    row = Delivery(kind="mailing", queue="mailings", petition_id=petition.id, subject_id=signature.id,
                   generation=mailing.id, mailing_id=mailing.id, state="sent")  # fmt: skip
    db.session.add(row)
    db.session.commit()
    return unsubscribe_link(row.id).removeprefix("http://localhost"), signature.id


@pytest.mark.parametrize(
    ("sender", "choice", "agreed"),
    [
        ("greens", None, {"team", "choir", "school"}),  # one click (RFC 8058)
        ("greens", "these", {"team", "choir", "school"}),
        ("choir", "these", {"team", "greens", "school"}),
        ("team", "these", {"greens", "choir", "school"}),
        ("greens", "all", set()),
        ("team", "all", set()),
    ],
)
def test_unsubscribing_ends_the_consent_to_that_sender_alone(client, coalition, sender, choice, agreed):
    petition, partners, _other = coalition
    link, signature_id = link_in_mailing(petition, partners.get(sender), "every")
    page = client.get(link).text
    assert (partners[sender].name in page) if sender in partners else page
    form = {"choice": choice} if choice else {"List-Unsubscribe": "One-Click"}
    for _press in range(2):
        assert client.post(link, data=form).status_code == 200
    db.session.expire_all()
    signature = db.session.get_one(Signature, signature_id)
    rows = partner_senders.list_own(make_member(partners["greens"]))
    assert rows
    by_partnership = {p.id: p.partner.key for p in db.session.query(type(rows[0])).filter_by(petition_id=petition.id)}
    found = {by_partnership[number] for number in get_agreed(signature_id)}
    assert found | ({"team"} if signature.updates else set()) == agreed


@pytest.mark.usefixtures("new_tables")
@pytest.mark.parametrize("statement", [MATERIALISE_AUDIENCE, LIST_ADDRESSES])
def test_team_s_audience_is_found_by_its_index_and_looks_at_no_partner(coalition, statement):
    """PostgreSQL folds the condition of consent of a mailing of the team to what the partial index is for."""
    petition, _partners, _other = coalition
    make_copies_of_signatures(500)
    mailing = make_mailing(petition)
    values = segment_parameters(segment_from_dict(mailing.segment), mailing.timezone, None)
    values |= send_rate_parameters(mailing, clock.now()) | {"limit": 10, "after": ""}
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    lines = db.session.scalars(text(f"EXPLAIN {statement.text}"), values).all()
    plan = "\n".join(lines)
    assert "ix_signatures_updates" in plan
    assert "partner_consents" not in plan


def test_email_is_signed_for_the_partner_s_domain(coalition, sent_emails, app, monkeypatch):
    petition, partners, _other = coalition
    db.session.get_one(Partner, partners["greens"].id).from_address = "news@greens.example"
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    monkeypatch.setitem(app.config, "PETITION_DKIM_SELECTOR", "s1")
    monkeypatch.setitem(app.config, "PETITION_DKIM_KEY", pem)
    _mailing, emails = send_mailing(petition, sent_emails, partner_id=partners["greens"].id, sender_name="x")
    raw = emails[0].as_signed_bytes()
    public = base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    records = {b"s1._domainkey.greens.example.": b"v=DKIM1; k=rsa; p=" + public}
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: records[name])


@pytest.mark.parametrize(
    ("action", "state", "after"),
    [
        ("mailing_sending.plan", "tested", "tested"),
        ("mailing_sending.resume", "paused", "paused"),
        ("mailing_sending.retry", "sent", "sent"),
        ("mailing_sending.extend", "sent", "sent"),
        ("desk_mailings.test", "draft", "draft"),
        ("desk_mailings.copy", "draft", "draft"),
        ("mailing_edit.save", "draft", "draft"),
        ("desk_mailings.pause", "sending", "paused"),
        ("desk_mailings.unschedule", "scheduled", "tested"),
        ("mailing_sending.cancel", "paused", "cancelled"),
    ],
)
def test_team_stops_a_partner_s_mailing_and_does_nothing_else(client, coalition, action, state, after):
    petition, partners, _other = coalition
    sign_in(client, "admin")
    mailing = make_mailing_of(petition, partners["greens"], state=state)
    with client.application.test_request_context():
        path = url_for(action, mailing_id=mailing.id)
    form = make_mailing_form(petition, name="Changed") if action == "mailing_edit.save" else {}
    assert post_form(client, path, **form).status_code == 303
    found = db.session.query(Mailing).all()
    db.session.expire_all()
    assert [(row.state, row.name) for row in found] == [(after, "First news")]
    page = client.get(f"/desk/mailings/{mailing.id}?lang=en").text
    assert "Only its members can change and send it." in page
    assert f"/desk/mailings/{mailing.id}/edit" not in page
