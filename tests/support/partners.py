"""Helpers for tests of coalitions: partners, their members, and signers who agreed to the news of some of them."""

from sqlalchemy import select
from support.factories import make_form, open_session
from support.signing import process_requests

from petition.core import clock
from petition.core.db import db
from petition.petitions.models import Petition
from petition.petitions.partners import editing
from petition.petitions.partners.models import Partner, PartnerMember
from petition.signatures.models import Signature
from petition.signatures.sign import sign
from petition.signatures.validation import validate_details
from petition.team.models import Account

NAMES = {"greens": "Les Verts du quartier", "choir": "La chorale", "school": "L’école du parc"}


def make_partner(key="greens", **overrides):
    """Return a committed organisation."""
    partner = Partner(key=key, **{"name": NAMES.get(key, key), **overrides})
    db.session.add(partner)
    db.session.commit()
    return partner


def make_partnership(petition, partner, role="sender"):
    """Return the committed partnership of an organisation that joined a petition."""
    made = editing.join(db.session.get_one(Petition, petition.id), partner, role)
    db.session.commit()
    return made


def end_partnership(partnership):
    """Have a partner leave a petition."""
    editing.leave(db.session.get_one(Petition, partnership.petition_id), partnership)
    db.session.commit()


def make_member(partner, **overrides):
    """Return a committed account that acts for a partner, and has no role in the team."""
    fields = {"email": f"{partner.key}@example.org", "name": partner.key, "language": "en", "role_names": []}
    account = Account(**fields | overrides)
    db.session.add(account)
    db.session.flush()
    db.session.add(PartnerMember(partner_id=partner.id, account_id=account.id))
    db.session.commit()
    return account


def sign_in_member(client, partner, **overrides):
    """Sign in as a new member of a partner."""
    account = make_member(partner, **overrides)
    open_session(client, account)
    return account


def submit(petition, address="zoe@example.org", news=(), **fields):
    """Sign with a form on which the boxes of some partners were ticked; the worker processes it."""
    db.session.commit()
    petition = db.session.get_one(Petition, petition.id, populate_existing=True)
    form = make_form(email=address, **{f"news_{key}": "on" for key in news}, **fields)
    sign(petition, validate_details(petition, form), "page")
    process_requests()
    query = select(Signature).where(Signature.petition_id == petition.id, Signature.email_canonical == address)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def make_news_signature(petition, address="zoe@example.org", news=(), **fields):
    """Return a confirmed signature whose owner ticked the boxes of some partners."""
    signature = submit(petition, address, news, **fields)
    signature.state, signature.confirmed_at = "confirmed", clock.now()
    db.session.commit()
    return signature
