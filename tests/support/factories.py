"""Factories: a valid object, of which a test overrides what it is about."""

import re
import time
from typing import Any

from flask.testing import FlaskClient
from flask_security import hash_password
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import text
from support.signing import process_requests

from petition.core import clock
from petition.core.db import db
from petition.mailings.models import Mailing, MailingText
from petition.petitions.models import Petition, PetitionState, PetitionText
from petition.safeguards.email_addresses import parse_email_address
from petition.signatures.models import Signature
from petition.signatures.sign import FORM_COLUMNS, sign
from petition.signatures.validation import validate_details
from petition.team.auth.login_manager import SESSION_TOKEN
from petition.team.models import Account
from petition.team.sessions import start as start_session


def make_petition(**overrides: Any) -> Petition:
    """Return a committed, open petition in French and English."""
    texts = overrides.pop("texts", None) or {
        "fr": {"title": "Pour un jardin", "summary": "Un jardin pour tous.", "addressee": "la maire"},
        "en": {"title": "For a garden", "summary": "A garden for all.", "addressee": "the mayor"},
    }
    fields = {
        "slug": "jardin",
        "kind": "petition",
        "state": PetitionState.OPEN,
        "default_language": "fr",
        "sender_name": "Les amis du jardin",
        "asks": ["profession", "city", "postal_code", "country"],
        "listing": "opt_in",
        "accepts_organisations": True,
        "milestones": [100, 250],
        **overrides,
    }
    petition = Petition(**fields)
    petition.texts = {
        language: PetitionText(language=language, body="Un texte.", professions=["Avocate", "Juge"], **text)
        for language, text in texts.items()
    }
    db.session.add(petition)
    db.session.commit()
    return petition


def spell(number: int) -> str:
    """Return a number in letters, one for each digit: names have no digits."""
    return str(number).translate(str.maketrans("0123456789", "abcdefghij"))


def make_form(**overrides: Any) -> dict[str, Any]:
    """Return the fields of a form as a person fills it in."""
    return {"name": "Zoé Martin", "email": "zoe@example.org", "locale": "fr", **overrides}


def make_signature(petition: Petition, **overrides: Any) -> Signature:
    """Return a committed signature as a worker makes it; overrides that are not form fields are set on the row."""
    form_fields = {*FORM_COLUMNS, "email"}
    form = make_form(**{name: value for name, value in overrides.items() if name in form_fields})
    db.session.commit()  # signing sees what is committed
    sign(petition, validate_details(petition, form), source="page")
    process_requests()
    signature = (
        db.session.query(Signature)
        .filter_by(
            petition_id=petition.id,
            party=form.get("party", "person"),
            email_canonical=parse_email_address(form["email"]).canonical,
        )
        .one()
    )
    for name, value in overrides.items():
        if name not in form_fields:
            setattr(signature, name, value)
    if overrides.get("state") == "confirmed" and not signature.confirmed_at:
        signature.confirmed_at = clock.now()
    db.session.commit()
    return signature


COPY_SIGNATURES = text("""
    INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates, source,
                            generation, valid_from, confirmed_at, confirmed_no)
    SELECT petition_id, party, 'confirmed', name, n || email, n || email_canonical, locale, true, false, source,
           1, 1, now(), nextval('confirmation_numbers')
    FROM signatures, generate_series(1, :copies) AS n
""")


def make_copies_of_signatures(copies: int) -> None:
    """Insert copies of each signature, confirmed, listed and without consent to updates, and renew the statistics.

    For tests of plans: among a few rows, or with the statistics of what was there before, any index is as good.
    """
    db.session.execute(COPY_SIGNATURES, {"copies": copies})
    db.session.commit()
    db.session.execute(text("ANALYZE signatures"))
    db.session.commit()


def confirm_by_link(client: FlaskClient, link: str, **options: Any) -> Any:
    """Open a confirmation page and press its button, once more where it is asked for; return the answer."""
    page = client.get(link, **options)
    for _press in range(2):
        fields = dict(re.findall(r'name="(seen|stamp)" value="([^"]+)"', page.text)) if page.status_code == 200 else {}
        if "seen" in fields:
            page = client.post(link, data=fields, **options)
    return page


def make_account(**overrides: Any) -> Account:
    """Return a committed team account; `password` is in clear text, and slow to hash."""
    fields = {"email": "alix@example.org", "name": "Alix", "language": "fr", "role_names": ["operator"], **overrides}
    if fields.get("password"):
        fields["password"] = hash_password(fields["password"])
    account = Account(**fields)
    db.session.add(account)
    db.session.commit()
    return account


def make_mailing(petition: Petition, **overrides: Any) -> Mailing:
    """Return a committed mailing to all signers of a petition who agreed to updates, in French and English."""
    texts = overrides.pop("texts", None) or {
        "fr": {"subject": "Nous avançons, {{ name }}", "body": "Bonjour {{ name }},\n\nMerci."},
        "en": {"subject": "We are getting there, {{ name }}", "body": "Hello {{ name }},\n\nThank you."},
    }
    fields = {
        "name": "First news",
        "sender_name": "Les amis du jardin",
        "timezone": "Europe/Paris",
        "segment": {"petitions": [petition.id]},
        "written_by": "alix@example.org",
        **overrides,
    }
    mailing = Mailing(**fields)
    mailing.texts = {
        language: MailingText(language=language, **{"preheader": "", **text}) for language, text in texts.items()
    }
    db.session.add(mailing)
    db.session.commit()
    return mailing


def sign_in(client: FlaskClient, *roles: str, **overrides: Any) -> Account:
    """Sign in as a new account with these roles, without its password and code."""
    email = overrides.pop("email", f"{'.'.join(roles) or 'nobody'}@example.org")
    account = make_account(email=email, role_names=list(roles), **overrides)
    open_session(client, account)
    return account


def open_session(client: FlaskClient, account: Account) -> None:
    """Sign in to an account, without its password and code."""
    token = start_session(account, "Firefox, Linux")
    db.session.commit()
    with client.session_transaction("/account/") as session:
        session.update(
            _user_id=account.fs_uniquifier, _fresh=True, fs_paa=time.time(), fs_cc="set", **{SESSION_TOKEN: token}
        )


def post_form(client: FlaskClient, path: str, **fields: Any) -> Any:
    """Submit a form with a CSRF token."""
    return client.post(path, data={"csrf_token": csrf_token_of(client), **fields})


def csrf_token_of(client: FlaskClient) -> str:
    """Return the CSRF token of a client's session, as Flask-WTF makes it: no page is drawn to read it there."""
    with client.session_transaction("/account/") as session:
        secret = session.setdefault("csrf_token", "a secret of the session")
    return URLSafeTimedSerializer(client.application.secret_key, salt="wtf-csrf-token").dumps(secret)
