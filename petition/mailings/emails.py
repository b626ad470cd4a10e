"""The emails of a mailing, composed a batch at a time; consent is read again for each."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from flask_babel import force_locale, format_decimal
from sqlalchemy import select

from petition.core import tokens
from petition.core.db import among, db, read_apart
from petition.core.i18n import date_in_words
from petition.core.shelf import kept
from petition.delivery.compose import (
    Claimed,
    Composed,
    Unwanted,
    composes,
    sender_address,
    unsubscribe_address,
    write,
)
from petition.delivery.letter import Letter
from petition.delivery.sheet import Frame
from petition.mailings.models import KIND, STOPPED_KIND, TEST_KIND, Mailing, MailingText
from petition.mailings.placeholders import OWN
from petition.mailings.typeset import Words, typeset
from petition.mailings.words import reason_words
from petition.petitions.count import Count, counts
from petition.petitions.models import Petition
from petition.petitions.publish import known_by_id
from petition.signatures.links import PERSONAL, absolute, petition_url
from petition.signatures.models import CONFIRMED, Signature
from petition.team.models import Account

UNSUBSCRIBE = "unsubscribe"
AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


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


SIGNER = tuple(getattr(Signature, field) for field in Signer._fields)


def unsubscribe_link(delivery_id: int) -> str:
    """Return the address by which a recipient stops the updates; it never expires."""
    return absolute(f"/u/{tokens.make(UNSUBSCRIBE, delivery_id)}")


def language_for(mailing: Mailing, locale: str, petition: Petition) -> MailingText:
    """Return the words in a signer's language, else in the petition's, else in whichever there is."""
    texts = mailing.texts
    return texts.get(locale) or texts.get(petition.default_language) or next(iter(texts.values()))


def letter(
    mailing: Mailing,
    signer: Signer,
    petition: Petition,
    count: Count,
    delivery_id: int | None,
    *,
    language: str | None = None,
    test: str | None = None,
) -> Letter:
    """Return a mailing as one signer gets it.

    `delivery_id` is None for a preview. `language`: in place of the signer's own. `test`: the colleague's address that
    gets it in the signer's place. Neither a preview nor a test holds a link that acts for the signer.
    """
    text = language_for(mailing, language or signer.locale, petition)
    words = Words(text.language, text.subject, text.preheader, text.body)
    shown = petition.text_in(text.language)
    address = petition_url(petition.slug, text.language)
    frame = Frame(shown.title, petition.kind, shown.addressee, address, mailing.sender_name)
    lacking = frozenset(name for name in OWN if not getattr(signer, name))
    sheet = typeset(TEST_KIND if test else KIND, words, frame, lacking)
    real = delivery_id is not None and not test
    link = unsubscribe_link(delivery_id) if real and delivery_id else absolute("/u/test")
    personal = tokens.make(PERSONAL, signer.id, signer.generation) if real else "test"
    details = _details(signer, frame, count) | {
        "email": lambda: test or signer.email,
        "personal_link": lambda: absolute(f"/me/{personal}"),
        "unsubscribe_link": lambda: link,
    }
    with force_locale(text.language):
        subject, body, html = sheet.fill(details)
    headers = _headers(petition, delivery_id or 0, link)
    return Letter(
        test or signer.email, mailing.sender_name, text.language, headers, subject=subject, body=body, html=html,
        reply_to=mailing.reply_to,
    )  # fmt: skip


def _details(signer: Signer, frame: Frame, count: Count) -> dict[str, Callable[[], str]]:
    details: dict[str, Callable[[], str]] = {name: lambda name=name: getattr(signer, name) or "" for name in OWN}  # type: ignore[misc]
    return details | {
        "petition": lambda: frame.title,
        "count": lambda: format_decimal(count.confirmed),
        "sender": lambda: frame.sender_name,
        "petition_link": lambda: frame.url,
        "agreed_on": lambda: date_in_words(signer.updates_at.date()) if signer.updates_at else "–",
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


def unwanted(signer: Signer | None) -> str | None:
    """Return why somebody is not to be mailed any more, or None."""
    if signer is None:
        return "the signer was erased"
    if signer.state != CONFIRMED:
        return f"the signature is {signer.state}"
    return None if signer.updates else "the signer stopped the updates"


def _mailings(ids: Iterable[int]) -> dict[int, Mailing]:
    wanted = frozenset(ids)
    query = select(Mailing).where(Mailing.id.in_(wanted))
    found: list[Mailing] = kept(("mailings", wanted), lambda: read_apart(query))
    return {mailing.id: mailing for mailing in found}


def signers(ids: Sequence[int]) -> dict[int, Signer]:
    """Return signers by their id."""
    found = db.session.execute(select(*SIGNER).where(Signature.id == among(ids)))
    return {signer.id: signer for signer in map(Signer._make, found)}


def petitions_of(ids: set[int]) -> tuple[dict[int, Petition], dict[int, Count]]:
    """Return petitions and their counts, by id."""
    found = {petition.id: petition for petition in db.session.scalars(select(Petition).where(Petition.id.in_(ids)))}
    return found, counts(list(found.values()))


@composes(KIND)
def mailing(claims: Sequence[Claimed]) -> Composed:
    """Send a mailing to those who still agree."""
    mailings = _mailings(claim.mailing_id for claim in claims if claim.mailing_id)
    known = signers([claim.subject_id for claim in claims])
    petitions = known_by_id(signer.petition_id for signer in known.values())
    counted: dict[int, Count] = kept(("counts", frozenset(petitions)), lambda: counts(list(petitions.values())))
    composed: Composed = {}
    for claim in claims:
        signer, found = known.get(claim.subject_id), mailings.get(claim.mailing_id or 0)
        reason = unwanted(signer)
        if signer is None or found is None or reason:
            composed[claim.id] = Unwanted(reason or "the mailing is gone")
        else:
            petition = petitions[signer.petition_id]
            composed[claim.id] = letter(found, signer, petition, counted[petition.id], claim.id)
    return composed


@composes(STOPPED_KIND)
def mailing_stopped(claims: Sequence[Claimed]) -> Composed:
    """Tell the sender that a mailing has paused by itself."""
    mailings = _mailings(claim.subject_id for claim in claims)
    accounts = select(Account).where(Account.id.in_([m.sent_by_id for m in mailings.values() if m.sent_by_id]))
    senders = {account.id: account for account in db.session.scalars(accounts)}
    composed: Composed = {}
    for claim in claims:
        found = mailings.get(claim.subject_id)
        account = senders.get(found.sent_by_id or 0) if found else None
        if found is None or account is None or not account.active:
            composed[claim.id] = Unwanted()
            continue
        link = absolute(f"/desk/mailings/{found.id}")
        composed[claim.id] = write(
            STOPPED_KIND, account.language, account.email, found.sender_name, headers=AUTOMATIC, mailing=found,
            reason=reason_words(found.reason, account.language), link=link, signature=account,
            petition={"title": found.name, "sender_name": found.sender_name, "url": link},
        )  # fmt: skip
    return composed
