"""Replay crowds and attacks into the database of a running application, and let its rules look at them."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from crowds import DAY_SECONDS, Crowd, Event
from sqlalchemy import text

from petition.core.db import db
from petition.integrity.detection import detect
from petition.petitions.counters import increment_many

INSERT = text("""
    INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, profession, locale, listed,
                            updates, source, generation, valid_from, created_at, requested_at, network)
    SELECT :petition_id, 'person', 'pending', name, email, email, profession, 'fr', listed, updates, 'page', 1, 1, at,
        at, network
    FROM unnest(CAST(:names AS text[]), CAST(:emails AS text[]), CAST(:professions AS text[]),
                CAST(:listed AS bool[]), CAST(:updates AS bool[]), CAST(:times AS timestamptz[]),
                CAST(:networks AS text[])) AS given (name, email, profession, listed, updates, at, network)
    ORDER BY at RETURNING id, email
""")
CONFIRM = text("""
    UPDATE signatures AS s
    SET state = 'confirmed', confirmed_at = given.at, confirmed_no = nextval('confirmation_numbers'),
        confirmed_same_network = given.same
    FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[]), CAST(:same AS bool[])) AS given (id, at, same)
    WHERE s.id = given.id AND s.state = 'pending' RETURNING s.petition_id, s.id, s.party
""")
LEARN = text("""
    INSERT INTO mail_domains (domain, provider, expires_at)
    SELECT domain, provider, now() + interval '2 days'
    FROM unnest(CAST(:domains AS text[]), CAST(:providers AS text[])) AS given (domain, provider)
    ON CONFLICT (domain) DO UPDATE SET provider = excluded.provider
""")
HELD = text("SELECT id FROM signatures WHERE petition_id = :petition_id AND state = 'quarantined'")
MINUTE = 60.0
LOOK_EVERY_MINUTES = 3  # the worker looks each half minute


class Outcome(NamedTuple):
    """What became of the signatures of one crowd, in seconds of the replay."""

    crowd: Crowd
    confirmed: dict[int, float]
    held: dict[int, float]
    released: set[int]


def replay(petition_id: int, crowds: list[Crowd], start: datetime) -> list[Outcome]:
    """Sign and confirm what is due in each minute, and let the rules look; until ten minutes after the last one."""
    for crowd in crowds:
        if crowd.domains:
            db.session.execute(LEARN, {"domains": list(crowd.domains), "providers": list(crowd.domains.values())})
    owner: dict[int, int] = {}
    confirmed: dict[int, float] = {}
    held: dict[int, float] = {}
    waiting: dict[int, list[tuple[float, int, bool]]] = {}
    events = sorted(((event.at, position, event) for position, crowd in enumerate(crowds) for event in crowd.events),
                    key=lambda item: item[:2])  # fmt: skip
    batches, last_look = _by_minute(events), -1
    for minute in range(int(DAY_SECONDS / MINUTE) + 15):
        signed = batches.get(minute, [])
        if signed:
            _sign(petition_id, signed, start, owner, waiting)
        pressed = waiting.pop(minute, [])
        if pressed:
            _confirm(pressed, start, confirmed)
        if ((signed or pressed) and minute - last_look >= LOOK_EVERY_MINUTES) or minute - last_look >= 5:
            last_look, now = minute, (minute + 1) * MINUTE
            if detect(start + timedelta(seconds=now)).held:
                for row in db.session.execute(HELD, {"petition_id": petition_id}):
                    held.setdefault(row.id, now)
        db.session.commit()
    still = set(db.session.scalars(HELD, {"petition_id": petition_id}))
    return [
        Outcome(
            crowd,
            {i: at for i, at in confirmed.items() if owner[i] == position},
            {i: at for i, at in held.items() if owner[i] == position},
            {i for i in held if owner[i] == position and i not in still},
        )
        for position, crowd in enumerate(crowds)
    ]


def _by_minute(events: list[tuple[float, int, Event]]) -> dict[int, list[tuple[float, int, Event]]]:
    found: dict[int, list[tuple[float, int, Event]]] = {}
    for item in events:
        found.setdefault(int(item[0] // MINUTE), []).append(item)
    return found


def _sign(petition_id: int, signed: list[tuple[float, int, Event]], start: datetime, owner: dict[int, int],
          waiting: dict[int, list[tuple[float, int, bool]]]) -> None:  # fmt: skip
    by_email = {f"{event.local}@{event.domain}": (at, position, event) for at, position, event in signed}
    rows = list(by_email.values())
    values: dict[str, Any] = {
        "petition_id": petition_id, "emails": list(by_email), "names": [event.name for _, _, event in rows],
        "professions": [event.profession for _, _, event in rows], "listed": [event.listed for _, _, event in rows],
        "updates": [event.updates for _, _, event in rows],
        "times": [start + timedelta(seconds=at) for at, _, _ in rows],
        "networks": [_hash(event.network) for _, _, event in rows],
    }  # fmt: skip
    for signature_id, email in db.session.execute(INSERT, values):
        at, position, event = by_email[email]
        owner[signature_id] = position
        if event.delay is not None:
            pressed = at + event.delay
            waiting.setdefault(int(pressed // MINUTE), []).append((pressed, signature_id, event.same_network))


def _hash(network: int) -> str:
    return hashlib.md5(str(network).encode(), usedforsecurity=False).hexdigest()


def _confirm(pressed: list[tuple[float, int, bool]], start: datetime, confirmed: dict[int, float]) -> None:
    values = {
        "ids": [row[1] for row in pressed], "times": [start + timedelta(seconds=row[0]) for row in pressed],
        "same": [row[2] for row in pressed],
    }  # fmt: skip
    rows = db.session.execute(CONFIRM, values).all()
    increment_many([tuple(row) for row in rows], +1)
    confirmed.update({row[1]: row[0] for row in pressed})
