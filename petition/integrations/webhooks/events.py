"""Write events for the endpoints that ask for them, in the transaction of their cause. Nothing without an endpoint.

What happens to signatures is taken from the rows that their transactions write for the log of the count
(`count_events`): signing and confirming pay nothing for webhooks.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from petition.core import clock
from petition.core.db import db, run_after_commit
from petition.count_log.models import ConsentChange
from petition.delivery.queues import WEBHOOKS
from petition.delivery.wakeup import wake
from petition.integrations import queries
from petition.integrations.models import EventType
from petition.mailings.models import Mailing
from petition.petitions.models import Petition

SEND_TASK = "petition.integrations.tasks.run_send_webhooks"
ADDED = ("confirmed", "released")
ERASED = "erased"
OPTED = tuple(ConsentChange)
PARTNERSHIP = "partnership "
# By the consent that began or ended, the team's news without a name: the types of the two.
CONSENTS = {
    None: (EventType.UPDATES_OPTED_IN, EventType.UPDATES_OPTED_OUT),
    "passing_on": (EventType.PASSING_ON_OPTED_IN, EventType.PASSING_ON_OPTED_OUT),
}


@dataclass(frozen=True)
class Occurrence:
    """Something that happened. `data` names nobody."""

    type: EventType
    petition_id: int | None
    occurred_at: datetime
    signature_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


def write(occurrences: Sequence[Occurrence]) -> int:
    """Write events of what happened, in order, and wake the worker after the commit. Returns how many. Flushes."""
    if not occurrences:
        return 0
    values = {
        "types": [one.type.value for one in occurrences],
        "petition_ids": [one.petition_id for one in occurrences],
        "signature_ids": [one.signature_id for one in occurrences],
        "data": [json.dumps(one.data) for one in occurrences],
        "moments": [one.occurred_at for one in occurrences],
    }
    written = len(db.session.execute(queries.INSERT_EVENTS, values).all())
    if written:
        run_after_commit(("wake", WEBHOOKS), wake_sender)
    return written


def wake_sender() -> None:
    """Wake the worker that sends events. Never raises."""
    wake(WEBHOOKS, SEND_TASK, args=())


def on_changes_taken(_sender: Any, changes: Sequence[Row[Any]]) -> None:
    """Receive the signal of the log of the count, in its transaction."""
    write_changes(changes)


def write_changes(changes: Sequence[Row[Any]]) -> None:
    """Write events of signatures that began or ceased to count, and of consents that began or ended. Flushes."""
    if not changes or not db.session.scalar(queries.HAS_ENDPOINTS):
        return
    ids = list({change.signature_id for change in changes})
    holds = {row.id: {None: row.updates, "passing_on": row.passed_on}
             for row in db.session.execute(queries.SELECT_CONSENTS, {"ids": ids})}  # fmt: skip
    changed = {(change.signature_id, change.consent) for change in changes if change.kind in OPTED}
    partner_keys = _load_partner_keys(changes)
    found: list[Occurrence] = []
    for change in changes:
        at = (change.petition_id, change.at, change.signature_id)
        if change.kind in OPTED:
            ended = change.kind == ConsentChange.OPTED_OUT
            if change.consent in CONSENTS:
                found.append(Occurrence(CONSENTS[change.consent][ended], *at))
            elif (key := partner_keys.get(change.consent)) is not None:
                found.append(Occurrence(EventType.PARTNER_NEWS_OPTED_OUT, *at, data={"partner": key}))
            continue
        counts = change.kind in ADDED
        type_ = EventType.SIGNATURE_CONFIRMED if counts else EventType.SIGNATURE_WITHDRAWN
        found.append(Occurrence(type_, *at, data={} if counts else {"reason": change.kind}))
        # Who counts consents from then on; who no longer counts, to nothing. Of who is erased, nothing is left to tell.
        for consent, types in CONSENTS.items():
            consents = holds.get(change.signature_id, {}).get(consent, change.kind == ERASED)
            if consents and (change.signature_id, consent) not in changed:
                found.append(Occurrence(types[not counts], *at))
    write(found)


def _load_partner_keys(changes: Sequence[Row[Any]]) -> dict[str, str]:
    """Return the keys of the partners whose news ended, by consent; nothing is read where there are none."""
    consents = {change.consent for change in changes if (change.consent or "").startswith(PARTNERSHIP)}
    if not consents:
        return {}
    ids = [int(consent.removeprefix(PARTNERSHIP)) for consent in consents]
    return {f"{PARTNERSHIP}{row.id}": row.key for row in db.session.execute(queries.SELECT_PARTNER_KEYS, {"ids": ids})}


def write_milestone(petition: Petition, milestone: int, total: int) -> None:
    """Write the event of a milestone that was reached. Flushes."""
    data = {"milestone": milestone, "total": total}
    write([Occurrence(EventType.PETITION_MILESTONE, petition.id, clock.now(), data=data)])


def write_mailing_finished(mailing: Mailing) -> None:
    """Write the event of a mailing that was sent to all its recipients, for each petition that it is about. Flushes."""
    slugs = mailing.segment.get("petitions") or []
    query = select(Petition.id).where(Petition.id.in_(slugs) if slugs else Petition.id > 0).order_by(Petition.id)
    data = {"mailing": mailing.id, "name": mailing.name}
    now = clock.now()
    petition_ids = db.session.scalars(query).all()
    write([Occurrence(EventType.MAILING_FINISHED, number, now, data=data) for number in petition_ids])
