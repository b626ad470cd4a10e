"""Count an audience exactly, say who is left out and why, and show a few of its readers."""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from petition.core import clock
from petition.core.db import db
from petition.delivery.letter import ascii_domain
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
REASONS = ("no consent", "not confirmed", "withdrawn or struck")  # why an address is not in the audience


def count(mailing: Mailing) -> dict[str, Any]:
    """Count who would get the mailing now, by language and by domain, and who of those chosen would not, and why.

    Keeps the result with the mailing for the version it was counted for. Takes seconds for millions: not for a request.
    Flushes.
    """
    db.session.execute(text(f"SET LOCAL statement_timeout = '{COUNTING}'"))
    chosen = conditions(stored(mailing.segment), mailing.timezone)
    agreed = _first(chosen, Signature.locale, domain_of(Signature).label("domain")).subquery()
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
        "left_out": _left_out(chosen) | {"suppressed": suppressed},
        "counted_at": clock.now().isoformat(),
    }
    mailing.audience_version = mailing.version
    db.session.flush()
    return mailing.audience


def _first(chosen: list[ColumnElement[bool]], *columns: Any) -> Any:
    """Return for each address what is asked of its first signature that agreed: the one that is mailed."""
    query: Any = select(*columns).where(*chosen, *consenting()).ext(distinct_on(Signature.email_canonical))
    return query.order_by(Signature.email_canonical, Signature.id)


def _left_out(chosen: list[ColumnElement[bool]]) -> dict[str, int]:
    """Count the addresses that would get nothing, each once, under the reason that is nearest to getting it."""
    confirmed = Signature.state == CONFIRMED
    why = case(
        (func.bool_or(and_(*consenting())), literal("agreed")),
        (func.bool_or(confirmed), literal(REASONS[0])),
        (func.bool_or(Signature.state == PENDING), literal(REASONS[1])),
        else_=literal(REASONS[2]),
    )
    addresses = select(why.label("why")).where(*chosen).group_by(Signature.email_canonical).subquery()
    rows = db.session.execute(select(addresses.c.why, func.count()).group_by(addresses.c.why))
    found = {row[0]: int(row[1]) for row in rows}
    return {reason: found.get(reason, 0) for reason in REASONS}


def _suppressed(chosen: list[ColumnElement[bool]]) -> int:
    """Count the addresses on the suppression list; only this application can compute their hashes."""
    found, after = 0, ""
    query = _first(chosen, Signature.email_canonical, Signature.email)
    while True:
        rows = db.session.execute(query.where(Signature.email_canonical > after).limit(BATCH)).all()
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
    rows = [Signer._make(row) for row in db.session.execute(query)]
    return rows or [stand_in(mailing, next(iter(mailing.texts)), "Camille Exemple")]


def stand_in(mailing: Mailing, language: str, name: str) -> Signer:
    """Return a reader who does not exist."""
    return Signer(
        id=0, petition_id=int(mailing.segment["petitions"][0]), state=CONFIRMED, updates=True, updates_at=clock.now(),
        name=name, organisation=None, profession=None, city=None, email="camille@example.org", locale=language,
        generation=0,
    )  # fmt: skip
