"""Look for clusters of signatures that look forged, and quarantine them."""

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select, text, update

from petition.core import clock
from petition.core.db import autocommit_connection, db
from petition.integrity import clusters, queries, signals
from petition.integrity.models import ClusterKind, DetectionMode, IntegrityCluster
from petition.signatures.staff.quarantine import quarantine_many
from petition.team import audit

ADVISORY_LOCK_ID = 7_226_142
SAMPLE_SIZE = 600  # signatures of a cluster that are looked at
REFERENCE_SIZE = 1_000
MAX_CLUSTERS = 100  # of a petition that one pass profiles; the next pass takes the next
BATCH_SIZE = 500
MAX_IDS_SHOWN = 8
ACTOR = "integrity rules"
LOOK_AGAIN_SHARE = 0.05
LOOK_AGAIN_AFTER = timedelta(minutes=2)
HESITATION = timedelta(minutes=15)


@dataclass
class Found:
    """What one pass did: how many clusters were looked at, and how many signatures quarantined."""

    clusters: int = 0
    held: int = 0


@dataclass
class Noted:
    """What was noted of a cluster the last time."""

    id: int
    signatures: int
    confirmed: int
    noted_at: datetime
    is_held: bool
    is_ignored: bool

    @classmethod
    def of(cls, row: IntegrityCluster) -> "Noted":
        """Return what a row says."""
        is_held, is_ignored = row.held_at is not None, row.ignored_at is not None
        return cls(row.id, row.signatures, row.confirmed, row.noted_at, is_held, is_ignored)

    def has_changed(self, group: clusters.Group, now: datetime) -> bool:
        """Return whether there is so much more to see that a cluster is worth another look.

        By a twentieth; or anything, after some minutes; or who may still hesitate.
        """
        grown = max(abs(group.candidate.n - self.signatures) / self.signatures,
                    abs(group.confirmed - self.confirmed) / max(self.confirmed, 1))  # fmt: skip
        is_due = now - self.noted_at >= LOOK_AGAIN_AFTER
        return grown >= LOOK_AGAIN_SHARE or (is_due and (grown > 0 or group.last_at > now - HESITATION))


def detect(now: datetime | None = None) -> Found:
    """Look at every petition that was signed lately; quarantine as `PETITION_INTEGRITY` says. Commits.

    One process at a time. Signatures that were withdrawn out of quarantine and made again are quarantined again.
    """
    now, found = now or clock.now(), Found()
    mode = current_app.config["PETITION_INTEGRITY"]
    db.session.commit()
    # On a connection of its own: the session's go back to the pool at each commit, and a lock is its connection's.
    with autocommit_connection() as connection:
        lock = {"id": ADVISORY_LOCK_ID}
        if mode == DetectionMode.OFF or not connection.scalar(text("SELECT pg_try_advisory_lock(:id)"), lock):
            return found
        try:
            since = now - timedelta(hours=current_app.config["PETITION_INTEGRITY_WINDOW"])
            for petition_id in db.session.scalars(queries.SELECT_ACTIVE_PETITIONS, {"since": since}).all():
                _look_at(petition_id, now, found, holds=mode == DetectionMode.HOLD)
            found.held += _hold_again()
        finally:
            db.session.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:id)"), lock)
    return found


def _look_at(petition_id: int, now: datetime, found: Found, *, holds: bool) -> None:
    window = clusters.read_window(petition_id, now)
    if window is None or not window.groups:
        return
    query = select(IntegrityCluster).where(IntegrityCluster.petition_id == petition_id)
    noted = {(row.kind, row.key): Noted.of(row) for row in db.session.scalars(query)}
    due: list[tuple[datetime | None, clusters.Group]] = []
    for group in window.groups:
        known = noted.get((group.candidate.kind, group.candidate.key))
        if known is not None and known.is_held and not known.is_ignored:
            # What was held once is held until somebody of the team says otherwise: also what comes later.
            if group.counted:
                _note_size(known.id, group, now)
                ids = clusters.list_ids(window, group)
                found.held += _hold(petition_id, known.id, group.candidate.kind, ids, is_new=False, now=now)
                db.session.commit()
        elif known is None or known.has_changed(group, now):
            due.append((known.noted_at if known else None, group))
    if not due:
        return
    # The new ones first, the largest first, then those seen longest ago: no group keeps others from being looked at.
    due.sort(key=lambda one: (one[0] is not None, one[0] or now))
    reference = _profile(petition_id, clusters.list_reference_ids(window), now, REFERENCE_SIZE, "reference")
    for _, group in due[:MAX_CLUSTERS]:
        ids = clusters.list_ids(window, group)
        profile = _profile(petition_id, ids, now, SAMPLE_SIZE, group.candidate.key)
        if profile is None:
            continue
        shown = signals.find_signals(group.candidate, profile, reference)
        found.clusters += 1
        row = _save(petition_id, group, shown, ids, now)
        is_over = signals.score(shown) >= current_app.config["PETITION_INTEGRITY_SCORE"]
        if holds and is_over and row.ignored_at is None and group.counted:
            found.held += _hold(petition_id, row.id, group.candidate.kind, ids, is_new=row.held_at is None, now=now)
        db.session.commit()


def _note_size(cluster_id: int, group: clusters.Group, now: datetime) -> None:
    values = {"signatures": group.candidate.n, "confirmed": group.confirmed, "share": group.candidate.share,
              "last_at": group.last_at, "noted_at": now}  # fmt: skip
    changed = update(IntegrityCluster).where(IntegrityCluster.id == cluster_id).values(values)
    db.session.execute(changed.execution_options(synchronize_session=False))


def _profile(petition_id: int, ids: list[int], now: datetime, size: int, seed: str) -> dict[str, Any] | None:
    # A random sample: every tenth of a stream is more regular than the stream.
    chosen = random.Random(seed).sample(ids, size) if len(ids) > size else ids  # noqa: S311 - not for secrets
    values = {"petition_id": petition_id, "ids": chosen, "now": now}
    row = db.session.execute(queries.PROFILE, values).one_or_none() if chosen else None
    return dict(row._mapping) if row else None


def _save(petition_id: int, group: clusters.Group, shown: signals.Signals, ids: list[int], now: datetime) -> Any:
    candidate = group.candidate
    values = {
        "petition_id": petition_id, "kind": candidate.kind, "key": candidate.key[:255], "signatures": candidate.n,
        "confirmed": group.confirmed, "share": candidate.share, "first_at": group.first_at, "last_at": group.last_at,
        "signals": json.dumps({name: [float(value) for value in pair] for name, pair in shown.items()}),
        "sample": json.dumps(ids[:MAX_IDS_SHOWN]), "now": now,
    }  # fmt: skip
    return db.session.execute(queries.SAVE_CLUSTER, values).one()


def _hold(petition_id: int, cluster_id: int, kind: ClusterKind, ids: list[int], *, is_new: bool, now: datetime) -> int:
    """Quarantine what counts of a cluster, batch by batch. Commits."""
    counted, held = db.session.scalars(queries.SELECT_COUNTED, {"ids": ids}).all(), 0
    if is_new:
        db.session.execute(queries.MARK_HELD, {"id": cluster_id, "now": now})
    for start in range(0, len(counted), BATCH_SIZE):
        held += len(quarantine_many(counted[start : start + BATCH_SIZE], cluster_id))
        db.session.commit()
    if held:
        after = {"petition": petition_id, "kind": str(kind), "signatures": held}
        audit.record("integrity.held", "cluster", cluster_id, after=after, actor=ACTOR)
    return held


def _hold_again() -> int:
    rows = db.session.execute(queries.SELECT_RETURNED, {"max_rows": BATCH_SIZE}).all()
    held = 0
    for cluster_id in sorted({row.quarantined_by for row in rows}, key=lambda value: value or 0):
        held += len(quarantine_many([row.id for row in rows if row.quarantined_by == cluster_id], cluster_id))
    db.session.commit()
    return held
