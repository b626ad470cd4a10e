"""Count an audience exactly, say who is left out and why, and show a few of its readers."""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, distinct, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from petition.core import clock
from petition.core.db import db
from petition.delivery.compose import ascii_domain
from petition.delivery.suppress import suppressed_among
from petition.mailings.emails import SIGNER, Signer
from petition.mailings.freeze import domain_of
from petition.mailings.models import DRAFT, TESTED, Mailing
from petition.mailings.segment import conditions, consenting, stored
from petition.signatures.models import CONFIRMED, PENDING, Signature

COUNTING = "300s"  # of a statement that counts an audience of millions
BATCH = 5_000  # addresses looked up on the suppression list at once
SHOWN_DOMAINS = 10
SAMPLE = 10


def count(mailing: Mailing) -> dict[str, Any]:
    """Count who would get the mailing now, by language and by domain, and who of those chosen would not, and why.

    Keeps the result with the mailing for the version it was counted for. Takes seconds for millions: not for a request.
    Flushes.
    """
    db.session.execute(text(f"SET LOCAL statement_timeout = '{COUNTING}'"))
    chosen = conditions(stored(mailing.segment), mailing.timezone)
    agreed = (
        select(Signature.locale, domain_of(Signature).label("domain"))
        .where(*chosen, *consenting())
        .ext(distinct_on(Signature.email_canonical))
        .order_by(Signature.email_canonical, Signature.id)
        .subquery()
    )
    languages = Counter[str]()
    domains = Counter[str]()
    for language, domain, n in db.session.execute(
        select(agreed.c.locale, agreed.c.domain, func.count()).group_by(agreed.c.locale, agreed.c.domain)
    ):
        languages[language] += n
        domains[domain] += n
    suppressed = _suppressed(chosen)
    total = sum(languages.values())
    largest = domains.most_common(SHOWN_DOMAINS)
    mailing.audience = {
        "recipients": total - suppressed,
        "languages": dict(languages.most_common()),
        "domains": [[domain, n] for domain, n in largest],
        "other_domains": total - sum(n for _, n in largest),
        "left_out": {
            "no consent": _addresses(chosen, [Signature.state == CONFIRMED, ~Signature.updates]),
            "not confirmed": _addresses(chosen, [Signature.state == PENDING]),
            "withdrawn or struck": _addresses(chosen, [Signature.state.not_in((CONFIRMED, PENDING))]),
            "suppressed": suppressed,
        },
        "counted_at": clock.now().isoformat(),
    }
    mailing.audience_version = mailing.version
    db.session.flush()
    return mailing.audience


def _addresses(chosen: list[ColumnElement[bool]], also: list[ColumnElement[bool]]) -> int:
    return int(db.session.scalar(select(func.count(distinct(Signature.email_canonical))).where(*chosen, *also)) or 0)


def _suppressed(chosen: list[ColumnElement[bool]]) -> int:
    """Count the addresses on the suppression list; only this application can compute their hashes."""
    found, after = 0, ""
    query = select(Signature.email_canonical, func.min(Signature.email)).where(*chosen, *consenting())
    while True:
        page = query.where(Signature.email_canonical > after).group_by(Signature.email_canonical)
        rows = db.session.execute(page.order_by(Signature.email_canonical).limit(BATCH)).all()
        if not rows:
            return found
        found += len(suppressed_among([ascii_domain(row[1]) for row in rows]))
        after = rows[-1][0]


def is_counted(mailing: Mailing) -> bool:
    """Say whether the audience that is shown is that of this version."""
    return mailing.audience_version == mailing.version


def uncounted() -> list[int]:
    """Return the mailings that are being written and whose audience has changed since it was counted."""
    stale = Mailing.audience_version.is_distinct_from(Mailing.version)
    return list(db.session.scalars(select(Mailing.id).where(Mailing.state.in_((DRAFT, TESTED)), stale)))


def sample(mailing: Mailing, limit: int = SAMPLE) -> list[Signer]:
    """Return a few who would get the mailing, the latest first; a made-up one where there is nobody."""
    chosen = conditions(stored(mailing.segment), mailing.timezone)
    query = select(*SIGNER).where(*chosen, *consenting()).order_by(Signature.id.desc()).limit(limit)
    rows = [Signer(**row) for row in db.session.execute(query).mappings()]
    return rows or [stand_in(mailing, next(iter(mailing.texts)), "Camille Exemple")]


def stand_in(mailing: Mailing, language: str, name: str) -> Signer:
    """Return a reader who does not exist."""
    return Signer(
        id=0, petition_id=int(mailing.segment["petitions"][0]), state=CONFIRMED, updates=True, updates_at=clock.now(),
        name=name, organisation=None, profession=None, city=None, email="camille@example.org", locale=language,
        generation=0,
    )  # fmt: skip
