"""The emails of a mailing, composed a batch at a time; consent is read again for each."""

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
from petition.mailings.content.placeholders import SIGNER_PLACEHOLDERS
from petition.mailings.content.rendering import MailingContent, prepare_mailing
from petition.mailings.labels import reason_label
from petition.mailings.models import MAILING_KIND, MAILING_STOPPED_KIND, MAILING_TEST_KIND, Mailing, MailingText
from petition.petitions.counters import Count, get_counts
from petition.petitions.models import Petition
from petition.petitions.queries import get_cached_by_ids
from petition.signatures.links import PERSONAL_PAGE_TOKEN_PURPOSE, absolute_url, petition_url
from petition.signatures.models import Signature, SignatureState
from petition.team.models import Account

UNSUBSCRIBE_PURPOSE = "unsubscribe"
AUTO_SUBMITTED_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


class Signer(NamedTuple):
    """What a mailing needs to know of a signer."""

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


SIGNER_COLUMNS = tuple(getattr(Signature, field) for field in Signer._fields)


def unsubscribe_link(delivery_id: int) -> str:
    """Return the address by which a recipient stops the updates; it never expires."""
    return absolute_url(f"/u/{tokens.make(UNSUBSCRIBE_PURPOSE, delivery_id)}")


def choose_text(mailing: Mailing, locale: str, petition: Petition) -> MailingText:
    """Return the words in a signer's language, else in the petition's, else in whichever there is."""
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

    `delivery_id` is None for a preview. `language`: in place of the signer's own. `test`: the colleague's address that
    gets it in the signer's place. Neither a preview nor a test holds a link that acts for the signer.
    """
    text = choose_text(mailing, language or signer.locale, petition)
    words = MailingContent(text.language, text.subject, text.preheader, text.body)
    shown = petition.text_in(text.language)
    address = petition_url(petition.slug, text.language)
    frame = PetitionHeader(shown.title, petition.kind, shown.addressee, address, mailing.sender_name)
    lacking = frozenset(name for name in SIGNER_PLACEHOLDERS if not getattr(signer, name))
    sheet = prepare_mailing(MAILING_TEST_KIND if test_address else MAILING_KIND, words, frame, lacking)
    real = delivery_id is not None and not test_address
    link = unsubscribe_link(delivery_id) if real and delivery_id else absolute_url("/u/test")
    personal = tokens.make(PERSONAL_PAGE_TOKEN_PURPOSE, signer.id, signer.generation) if real else "test"
    details = _slot_values(signer, frame, count) | {
        "email": lambda: test_address or signer.email,
        "personal_link": lambda: absolute_url(f"/me/{personal}"),
        "unsubscribe_link": lambda: link,
    }
    with force_locale(text.language):
        subject, body, html = sheet.fill(details)
    headers = _headers(petition, delivery_id or 0, link)
    return OutgoingMessage(
        test_address or signer.email, mailing.sender_name, text.language, headers, subject=subject, body=body, html=html,
        reply_to=mailing.reply_to,
    )  # fmt: skip


def _signer_value(signer: Signer, name: str) -> str:
    return getattr(signer, name) or ""


def _slot_values(signer: Signer, frame: PetitionHeader, count: Count) -> dict[str, Callable[[], str]]:
    details: dict[str, Callable[[], str]] = {name: partial(_signer_value, signer, name) for name in SIGNER_PLACEHOLDERS}
    return details | {
        "petition": lambda: frame.title,
        "count": lambda: format_decimal(count.confirmed),
        "sender": lambda: frame.sender_name,
        "petition_link": lambda: frame.url,
        "agreed_on": lambda: format_date_text(signer.updates_at.date()) if signer.updates_at else "–",
    }


def _headers(petition: Petition, delivery_id: int, link: str) -> dict[str, str]:
    """Return what a mailing says to programs: RFC 2369 and 8058 on leaving it, RFC 2919 on telling it apart."""
    domain = sender_address().rpartition("@")[2]
    return {
        "List-Unsubscribe": f"<{link}>, <mailto:{unsubscribe_address(delivery_id)}?subject=unsubscribe>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"<{petition.slug}.{domain}>",
        # RFC 3834, 2: an answering machine stays silent.
        "Precedence": "bulk",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }


def skip_reason(signer: Signer | None) -> str | None:
    """Return why somebody is not to be mailed any more, or None."""
    if signer is None:
        return "the signer was erased"
    if signer.state != SignatureState.CONFIRMED:
        return f"the signature is {signer.state}"
    return None if signer.updates else "the signer stopped the updates"


def _load_mailings(ids: Iterable[int]) -> dict[int, Mailing]:
    wanted = frozenset(ids)
    query = select(Mailing).where(Mailing.id.in_(wanted))
    found: list[Mailing] = get_or_create(("mailings", wanted), lambda: read_detached(query))
    return {mailing.id: mailing for mailing in found}


def load_signers(ids: Sequence[int]) -> dict[int, Signer]:
    """Return signers by their id."""
    found = db.session.execute(select(*SIGNER_COLUMNS).where(Signature.id == any_of(ids)))
    return {signer.id: signer for signer in map(Signer._make, found)}


def load_petitions(ids: set[int]) -> tuple[dict[int, Petition], dict[int, Count]]:
    """Return petitions and their counts, by id."""
    found = {petition.id: petition for petition in db.session.scalars(select(Petition).where(Petition.id.in_(ids)))}
    return found, get_counts(list(found.values()))


def compose_mailings(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Send a mailing to those who still agree."""
    mailings = _load_mailings(claim.mailing_id for claim in claims if claim.mailing_id)
    known = load_signers([claim.subject_id for claim in claims])
    petitions = get_cached_by_ids(signer.petition_id for signer in known.values())
    counted: dict[int, Count] = get_or_create(
        ("counts", frozenset(petitions)), lambda: get_counts(list(petitions.values()))
    )
    composed: Composed = {}
    for claim in claims:
        signer, found = known.get(claim.subject_id), mailings.get(claim.mailing_id or 0)
        reason = skip_reason(signer)
        if signer is None or found is None or reason:
            composed[claim.id] = Skipped(reason or "the mailing is gone")
        else:
            petition = petitions[signer.petition_id]
            composed[claim.id] = build_message(found, signer, petition, counted[petition.id], claim.id)
    return composed


def compose_mailing_stopped(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Tell the sender that a mailing has paused by itself."""
    mailings = _load_mailings(claim.subject_id for claim in claims)
    accounts = select(Account).where(Account.id.in_([m.sent_by_id for m in mailings.values() if m.sent_by_id]))
    senders = {account.id: account for account in db.session.scalars(accounts)}
    composed: Composed = {}
    for claim in claims:
        found = mailings.get(claim.subject_id)
        account = senders.get(found.sent_by_id or 0) if found else None
        if found is None or account is None or not account.active:
            composed[claim.id] = Skipped()
            continue
        link = absolute_url(f"/desk/mailings/{found.id}")
        composed[claim.id] = render_message(
            MAILING_STOPPED_KIND, account.language, account.email, found.sender_name, headers=AUTO_SUBMITTED_HEADERS, mailing=found,
            reason=reason_label(found.reason, account.language), link=link, signature=account,
            petition={"title": found.name, "sender_name": found.sender_name, "url": link},
        )  # fmt: skip
    return composed
