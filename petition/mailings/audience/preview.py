"""Preview of the audience: its exact size, who is excluded and why, and a few of its recipients."""

from collections import Counter
from typing import Any

from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.delivery.rendering.message import encode_domain
from petition.delivery.suppressions.suppression_list import find_suppressed
from petition.mailings.audience.segment import segment_from_dict, segment_parameters
from petition.mailings.audience.send_rate import raise_statement_limits
from petition.mailings.emails import Signer
from petition.mailings.models import Mailing, MailingState
from petition.mailings.queries import COUNT_AUDIENCE, LIST_ADDRESSES, SAMPLE_RECIPIENTS
from petition.signatures.models import SignatureState

COUNT_TIMEOUT = "300s"  # for one statement that counts an audience of millions
BATCH_SIZE = 5_000  # addresses looked up in the suppression list at once
MAX_DOMAINS = 10
SAMPLE_SIZE = 10
# Why an address is not in the audience; stored with the count and named in `labels.exclusion_labels`.
EXCLUSION_REASONS = ("no consent", "quarantined", "not confirmed", "withdrawn or struck")


def count_audience(mailing: Mailing) -> dict[str, Any]:
    """Count the recipients as of now, by language and by domain, and the excluded addresses by reason. Flushes.

    Stores the counts with the version that they are of. Takes seconds for millions: not for a request.
    """
    raise_statement_limits(COUNT_TIMEOUT)
    segment = _segment_parameters(mailing)
    languages, domains, excluded = Counter[str](), Counter[str](), Counter[str]()
    for row in db.session.execute(COUNT_AUDIENCE, segment):
        if row.outcome == "recipient":
            languages[row.locale] += row.n
            domains[row.domain] += row.n
        else:
            excluded[row.outcome] += row.n
    suppressed = _count_suppressed(segment)
    total = sum(languages.values())
    largest = domains.most_common(MAX_DOMAINS)
    mailing.audience = {
        "recipients": total - suppressed,
        "languages": dict(languages.most_common()),
        "domains": [[domain, n] for domain, n in largest],
        "other_domains": total - sum(n for _, n in largest),
        "left_out": {reason: excluded[reason] for reason in EXCLUSION_REASONS} | {"suppressed": suppressed},
        "counted_at": clock.now().isoformat(),
    }
    mailing.audience_version = mailing.version
    db.session.flush()
    return mailing.audience


def _segment_parameters(mailing: Mailing) -> dict[str, Any]:
    return segment_parameters(segment_from_dict(mailing.segment), mailing.timezone, mailing.partner_id)


def _count_suppressed(segment: dict[str, Any]) -> int:
    """Count the addresses on the suppression list; only the application can compute their keyed hashes."""
    found, after = 0, ""
    while rows := db.session.execute(LIST_ADDRESSES, segment | {"after": after, "limit": BATCH_SIZE}).all():
        found += len(find_suppressed([encode_domain(row.email) for row in rows]))
        after = rows[-1].email_canonical
    return found


def is_count_current(mailing: Mailing) -> bool:
    """Say whether the stored count is of the mailing's present version."""
    return mailing.audience_version == mailing.version


def list_uncounted_ids() -> list[int]:
    """Return the ids of drafts whose audience has changed since it was counted."""
    stale = Mailing.audience_version.is_distinct_from(Mailing.version)
    drafts = Mailing.state.in_((MailingState.DRAFT, MailingState.TESTED))
    return list(db.session.scalars(select(Mailing.id).where(drafts, stale)))


def has_recipients(mailing: Mailing) -> bool:
    """Say whether anybody is in the audience: by the count if it is current, else by looking for one."""
    if is_count_current(mailing):
        return bool((mailing.audience or {}).get("recipients"))
    return (
        db.session.execute(SAMPLE_RECIPIENTS, _segment_parameters(mailing) | {"limit": 1, "withheld_too": True}).first()
        is not None
    )


def sample_recipients(mailing: Mailing, limit: int = SAMPLE_SIZE) -> list[Signer]:
    """Return some recipients, the latest signatures first; a made-up one if there is none that may be shown."""
    values = _segment_parameters(mailing) | {"limit": limit, "withheld_too": False}
    rows = db.session.execute(SAMPLE_RECIPIENTS, values)
    return [Signer._make(row) for row in rows] or [
        make_sample_signer(mailing, next(iter(mailing.texts)), "Camille Exemple")
    ]


def make_sample_signer(mailing: Mailing, language: str, name: str) -> Signer:
    """Return a made-up recipient."""
    return Signer(
        id=0, petition_id=int(mailing.segment["petitions"][0]), state=SignatureState.CONFIRMED, updates=True,
        updates_at=clock.now(), name=name, organisation=None, profession=None, city=None, email="camille@example.org",
        locale=language, generation=0,
    )  # fmt: skip
