"""Compose the emails of a mailing, a batch of claims at a time; consent is read again for each."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from flask_babel import force_locale, format_decimal
from sqlalchemy import select

from petition.core import tokens
from petition.core.cache import get_or_create
from petition.core.db import any_of, db, read_detached
from petition.core.i18n import format_date_text
from petition.delivery.composers import (
    ClaimedDelivery,
    Composed,
    Skipped,
    render_message,
    sender_address,
    unsubscribe_address,
)
from petition.delivery.rendering.message import OutgoingMessage
from petition.delivery.rendering.templates import PetitionHeader
from petition.mailings.content.first_names import find_first_name
from petition.mailings.content.placeholders import SIGNER_PLACEHOLDERS
from petition.mailings.content.rendering import MailingContent, prepare_mailing
from petition.mailings.labels import reason_label
from petition.mailings.models import MAILING_KIND, MAILING_STOPPED_KIND, MAILING_TEST_KIND, Mailing, MailingText
from petition.mailings.queries import SELECT_PARTNER_CONSENTS
from petition.petitions.counters import Count, get_counts
from petition.petitions.models import Petition
from petition.petitions.partners.models import Partner
from petition.petitions.queries import get_cached_by_ids
from petition.signatures.links import PERSONAL_PAGE_TOKEN_PURPOSE, absolute_url, petition_url
from petition.signatures.models import Signature, SignatureState
from petition.team.models import Account

UNSUBSCRIBE_PURPOSE = "unsubscribe"
AUTO_SUBMITTED_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


class Signer(NamedTuple):
    """The columns of a signature that a mailing uses."""

    id: int
    petition_id: int
    state: str
    updates: bool
    updates_at: datetime | None
    name: str
    organisation: str | None
    profession: str | None
    city: str | None
    email: str
    locale: str
    generation: int

    @property
    def first_name(self) -> str:
        """The first name, as it is understood from the name."""
        return find_first_name(self.name)


SIGNER_COLUMNS = tuple(getattr(Signature, field) for field in Signer._fields)


def unsubscribe_link(delivery_id: int) -> str:
    """Return the unsubscribe URL of a recipient; it never expires."""
    return absolute_url(f"/u/{tokens.make(UNSUBSCRIBE_PURPOSE, delivery_id)}")


def choose_text(mailing: Mailing, locale: str, petition: Petition) -> MailingText:
    """Return the text in a signer's language, else in the petition's, else in any."""
    texts = mailing.texts
    return texts.get(locale) or texts.get(petition.default_language) or next(iter(texts.values()))


def build_message(
    mailing: Mailing,
    signer: Signer,
    petition: Petition,
    count: Count,
    delivery_id: int | None,
    *,
    language: str | None = None,
    test_address: str | None = None,
) -> OutgoingMessage:
    """Return a mailing as one signer gets it.

    `delivery_id` is None for a preview. `language` replaces the signer's own. `test_address` is the colleague's address
    that a test email goes to. Neither a preview nor a test email has a link that acts for the signer.
    """
    text = choose_text(mailing, language or signer.locale, petition)
    content = MailingContent(text.language, text.subject, text.preheader, text.body, mailing.partner_id is not None)
    petition_text = petition.text_in(text.language)
    url = petition_url(petition.slug, text.language)
    header = PetitionHeader(
        petition_text.title, petition.kind, petition_text.addressee, url, mailing.sender_name, petition_text.language
    )
    lacking = frozenset(name for name in SIGNER_PLACEHOLDERS if not getattr(signer, name))
    prepared = prepare_mailing(MAILING_TEST_KIND if test_address else MAILING_KIND, content, header, lacking)
    real = delivery_id is not None and not test_address
    link = unsubscribe_link(delivery_id) if real and delivery_id else absolute_url("/u/test")
    personal_token = tokens.make(PERSONAL_PAGE_TOKEN_PURPOSE, signer.id, signer.generation) if real else "test"
    values = _slot_values(signer, header, count) | {
        "email": lambda: test_address or signer.email,
        "personal_link": lambda: absolute_url(f"/me/{personal_token}"),
        "unsubscribe_link": lambda: link,
    }
    with force_locale(text.language):
        subject, body, html = prepared.fill(values)
    partner = find_partner(mailing)
    headers = _headers(f"{partner.key}.{petition.slug}" if partner else petition.slug, delivery_id or 0, link)
    return OutgoingMessage(
        test_address or signer.email, mailing.sender_name, text.language, headers,
        subject=subject, body=body, html=html, reply_to=mailing.reply_to,
        from_address=partner.from_address if partner else None,
    )  # fmt: skip


def _signer_value(signer: Signer, name: str) -> str:
    return getattr(signer, name) or ""


def _slot_values(signer: Signer, header: PetitionHeader, count: Count) -> dict[str, Callable[[], str]]:
    values: dict[str, Callable[[], str]] = {name: partial(_signer_value, signer, name) for name in SIGNER_PLACEHOLDERS}
    return values | {
        "petition": lambda: header.title,
        "count": lambda: format_decimal(count.confirmed),
        "sender": lambda: header.sender_name,
        "petition_link": lambda: header.url,
        "agreed_on": lambda: format_date_text(signer.updates_at.date()) if signer.updates_at else "–",
    }


def find_partner(mailing: Mailing) -> Partner | None:
    """Return the partner whose mailing it is, detached; None for the team's."""
    if mailing.partner_id is None:
        return None
    query = select(Partner).where(Partner.id == mailing.partner_id)
    found: list[Partner] = get_or_create(("partner", mailing.partner_id), lambda: read_detached(query))
    return found[0]


def _headers(list_name: str, delivery_id: int, link: str) -> dict[str, str]:
    """Return the headers that programs act on: List-Unsubscribe (RFC 2369 and 8058), List-Id (RFC 2919), Precedence."""
    domain = sender_address().rpartition("@")[2]
    return {
        "List-Unsubscribe": f"<{link}>, <mailto:{unsubscribe_address(delivery_id)}?subject=unsubscribe>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"<{list_name}.{domain}>",
        # RFC 3834, 2: no automatic answers.
        "Precedence": "bulk",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }


def skip_reason(signer: Signer | None) -> str | None:
    """Return why a recipient is no longer to be mailed, or None."""
    if signer is None:
        return "the signer was erased"
    if signer.state != SignatureState.CONFIRMED:
        return f"the signature is {signer.state}"
    return None if signer.updates else "the signer stopped the updates"


def _load_partner_consents(mailings: Iterable[Mailing], signers: Iterable[int]) -> dict[tuple[int, int], datetime]:
    """Return since when signers agree to the news of partners, by signer and partner; no query without partners."""
    if not any(mailing.partner_id for mailing in mailings):
        return {}
    rows = db.session.execute(SELECT_PARTNER_CONSENTS, {"signatures": list(signers)})
    return {(row.signature_id, row.partner_id): row.agreed_at for row in rows}


def _load_mailings(ids: Iterable[int]) -> dict[int, Mailing]:
    key = frozenset(ids)
    query = select(Mailing).where(Mailing.id.in_(key))
    mailings: list[Mailing] = get_or_create(("mailings", key), lambda: read_detached(query))
    return {mailing.id: mailing for mailing in mailings}


def load_signers(ids: Sequence[int]) -> dict[int, Signer]:
    """Return signers by id."""
    rows = db.session.execute(select(*SIGNER_COLUMNS).where(Signature.id == any_of(ids)))
    return {signer.id: signer for signer in map(Signer._make, rows)}


def load_petition(petition_id: int) -> tuple[Petition, Count]:
    """Return a petition and its count, as of now: for previews and tests."""
    petition = db.session.scalars(select(Petition).where(Petition.id == petition_id)).one()
    return petition, get_counts([petition])[petition.id]


def build_preview(mailing: Mailing, signer: Signer, language: str) -> OutgoingMessage:
    """Return a mailing as one signer would get it in a language."""
    petition, count = load_petition(signer.petition_id)
    return build_message(mailing, signer, petition, count, None, language=language)


def compose_mailings(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose a mailing for those who still agree to updates; skip the others."""
    mailings = _load_mailings(claim.mailing_id for claim in claims if claim.mailing_id)
    signers = load_signers([claim.subject_id for claim in claims])
    petitions = get_cached_by_ids(signer.petition_id for signer in signers.values())
    counts: dict[int, Count] = get_or_create(
        ("counts", frozenset(petitions)), lambda: get_counts(list(petitions.values()))
    )
    agreed = _load_partner_consents(mailings.values(), signers)
    composed: Composed = {}
    for claim in claims:
        signer, mailing = signers.get(claim.subject_id), mailings.get(claim.mailing_id or 0)
        if signer and mailing and mailing.partner_id:
            at = agreed.get((signer.id, mailing.partner_id))
            signer = signer._replace(updates=at is not None, updates_at=at)
        reason = skip_reason(signer)
        if signer is None or mailing is None or reason:
            composed[claim.id] = Skipped(reason or "the mailing was deleted")
        else:
            petition = petitions[signer.petition_id]
            composed[claim.id] = build_message(mailing, signer, petition, counts[petition.id], claim.id)
    return composed


def compose_mailing_stopped(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose the notification to the sender of a mailing that paused by itself."""
    mailings = _load_mailings(claim.subject_id for claim in claims)
    accounts = select(Account).where(Account.id.in_([m.sent_by_id for m in mailings.values() if m.sent_by_id]))
    senders = {account.id: account for account in db.session.scalars(accounts)}
    composed: Composed = {}
    for claim in claims:
        mailing = mailings.get(claim.subject_id)
        account = senders.get(mailing.sent_by_id or 0) if mailing else None
        if mailing is None or account is None or not account.active:
            composed[claim.id] = Skipped()
            continue
        link = absolute_url(f"/desk/mailings/{mailing.id}")
        composed[claim.id] = render_message(
            MAILING_STOPPED_KIND, account.language, account.email, mailing.sender_name, headers=AUTO_SUBMITTED_HEADERS,
            mailing=mailing, reason=reason_label(mailing.reason, account.language), link=link, signature=account,
            petition={"title": mailing.name, "sender_name": mailing.sender_name, "url": link},
        )  # fmt: skip
    return composed
