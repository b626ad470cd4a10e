"""Count an audience exactly, say who is left out and why, and show a few of its readers."""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from petition.core import clock
from petition.core.db import db
from petition.delivery.rendering.message import encode_domain
from petition.delivery.suppressions.suppression_list import find_suppressed
from petition.mailings.audience.materialise import recipient_domain
from petition.mailings.audience.segment import consent_conditions, segment_conditions, segment_from_dict
from petition.mailings.emails import SIGNER_COLUMNS, Signer
from petition.mailings.models import Mailing, MailingState
from petition.signatures.models import Signature, SignatureState

COUNT_TIMEOUT = "300s"  # of a statement that counts an audience of millions
BATCH_SIZE = 5_000  # addresses looked up on the suppression list at once
MAX_DOMAINS = 10
SAMPLE_SIZE = 10
EXCLUSION_REASONS = ("no consent", "not confirmed", "withdrawn or struck")  # why an address is not in the audience


def count_audience(mailing: Mailing) -> dict[str, Any]:
    """Count who would get the mailing now, by language and by domain, and who of those chosen would not, and why.

    Keeps the result with the mailing for the version it was counted for. Takes seconds for millions: not for a request.
    Flushes.
    """
    db.session.execute(text(f"SET LOCAL statement_timeout = '{COUNT_TIMEOUT}'"))
    chosen = segment_conditions(segment_from_dict(mailing.segment), mailing.timezone)
    agreed = _select_one_per_address(chosen, Signature.locale, recipient_domain(Signature).label("domain")).subquery()
    languages = Counter[str]()
    domains = Counter[str]()
    for language, domain, n in db.session.execute(
        select(agreed.c.locale, agreed.c.domain, func.count()).group_by(agreed.c.locale, agreed.c.domain)
    ):
        languages[language] += n
        domains[domain] += n
    suppressed = _count_suppressed(chosen)
    total = sum(languages.values())
    largest = domains.most_common(MAX_DOMAINS)
    mailing.audience = {
        "recipients": total - suppressed,
        "languages": dict(languages.most_common()),
        "domains": [[domain, n] for domain, n in largest],
        "other_domains": total - sum(n for _, n in largest),
        "left_out": _count_excluded(chosen) | {"suppressed": suppressed},
        "counted_at": clock.now().isoformat(),
    }
    mailing.audience_version = mailing.version
    db.session.flush()
    return mailing.audience


def _select_one_per_address(chosen: list[ColumnElement[bool]], *columns: Any) -> Any:
    """Return for each address what is asked of its first signature that agreed: the one that is mailed."""
    query: Any = select(*columns).where(*chosen, *consent_conditions()).ext(distinct_on(Signature.email_canonical))
    return query.order_by(Signature.email_canonical, Signature.id)


def _count_excluded(chosen: list[ColumnElement[bool]]) -> dict[str, int]:
    """Count the addresses that would get nothing, each once, under the reason that is nearest to getting it."""
    confirmed = Signature.state == SignatureState.CONFIRMED
    why = case(
        (func.bool_or(and_(*consent_conditions())), literal("agreed")),
        (func.bool_or(confirmed), literal(EXCLUSION_REASONS[0])),
        (func.bool_or(Signature.state == SignatureState.PENDING), literal(EXCLUSION_REASONS[1])),
        else_=literal(EXCLUSION_REASONS[2]),
    )
    addresses = select(why.label("why")).where(*chosen).group_by(Signature.email_canonical).subquery()
    rows = db.session.execute(select(addresses.c.why, func.count()).group_by(addresses.c.why))
    found = {row[0]: int(row[1]) for row in rows}
    return {reason: found.get(reason, 0) for reason in EXCLUSION_REASONS}


def _count_suppressed(chosen: list[ColumnElement[bool]]) -> int:
    """Count the addresses on the suppression list; only this application can compute their hashes."""
    found, after = 0, ""
    query = _select_one_per_address(chosen, Signature.email_canonical, Signature.email)
    while True:
        rows = db.session.execute(query.where(Signature.email_canonical > after).limit(BATCH_SIZE)).all()
        if not rows:
            return found
        found += len(find_suppressed([encode_domain(row[1]) for row in rows]))
        after = rows[-1][0]


def is_count_current(mailing: Mailing) -> bool:
    """Say whether the audience that is shown is that of this version."""
    return mailing.audience_version == mailing.version


def list_uncounted_ids() -> list[int]:
    """Return the mailings that are being written and whose audience has changed since it was counted."""
    stale = Mailing.audience_version.is_distinct_from(Mailing.version)
    return list(
        db.session.scalars(
            select(Mailing.id).where(Mailing.state.in_((MailingState.DRAFT, MailingState.TESTED)), stale)
        )
    )


def sample_recipients(mailing: Mailing, limit: int = SAMPLE_SIZE) -> list[Signer]:
    """Return a few who would get the mailing, the latest first; a made-up one where there is nobody."""
    chosen = segment_conditions(segment_from_dict(mailing.segment), mailing.timezone)
    query = select(*SIGNER_COLUMNS).where(*chosen, *consent_conditions()).order_by(Signature.id.desc()).limit(limit)
    rows = [Signer._make(row) for row in db.session.execute(query)]
    return rows or [make_sample_signer(mailing, next(iter(mailing.texts)), "Camille Exemple")]


def make_sample_signer(mailing: Mailing, language: str, name: str) -> Signer:
    """Return a reader who does not exist."""
    return Signer(
        id=0, petition_id=int(mailing.segment["petitions"][0]), state=SignatureState.CONFIRMED, updates=True, updates_at=clock.now(),
        name=name, organisation=None, profession=None, city=None, email="camille@example.org", locale=language,
        generation=0,
    )  # fmt: skip
