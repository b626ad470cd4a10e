"""Report of a mailing: counts only, which remain when the addresses are erased."""

from typing import Any

from sqlalchemy import func, select

from petition.core.db import db
from petition.mailings.models import Mailing, Unsubscription
from petition.mailings.progress import count_signatures_around, get_progress, list_failure_reasons


def build_report(mailing: Mailing) -> dict[str, Any]:
    """Return a mailing's counts, ready for JSON."""
    progress = get_progress(mailing)
    choices = select(Unsubscription.choice, func.count()).where(Unsubscription.mailing_id == mailing.id)
    return {
        "id": mailing.id,
        "name": mailing.name,
        "state": mailing.state,
        "version": mailing.version,
        "reason": mailing.reason,
        "sender_name": mailing.sender_name,
        "subjects": {language: text.subject for language, text in sorted(mailing.texts.items())},
        "created_at": _iso(mailing.created_at),
        "send_at": _iso(mailing.send_at),
        "started_at": _iso(mailing.started_at),
        "ended_at": _iso(mailing.ended_at),
        "audience": mailing.audience,
        "recipients": progress.total,
        "states": progress.states,
        "settled": progress.settled,
        "waiting": progress.waiting,
        "per_minute": round(progress.per_minute, 1),
        "ends_at": _iso(progress.ends_at),
        "signatures": around._asdict() if (around := count_signatures_around(mailing)) else None,
        "bounced": progress.bounced,
        "unsubscribed": progress.unsubscribed,
        "unsubscribed_by": {row[0]: row[1] for row in db.session.execute(choices.group_by(Unsubscription.choice))},
        "reasons": [
            {"state": row.state, "why": row.why, "n": row.n, "response": row.response}
            for row in list_failure_reasons(mailing.id)
        ],
    }


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
