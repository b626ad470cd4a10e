"""Fold old emails and their attempts into daily counts."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import current_app

from petition.core import clock
from petition.core.db import db
from petition.retention.queries import DELETE_OLD_ATTEMPTS, FOLD_DELIVERIES, SELECT_OLD_DELIVERIES

BATCH_SIZE = 2_000  # emails


def fold(delivery_ids: Sequence[int]) -> int:
    """Replace emails by daily counts; returns how many. Does not commit."""
    return int(db.session.scalar(FOLD_DELIVERIES, {"ids": list(delivery_ids)}) or 0) if delivery_ids else 0


def fold_old(max_seconds: float) -> int:
    """Fold the emails that ended `PETITION_KEEP_DELIVERIES` days ago, for a time; returns how many. Commits by itself.

    Reads the emails by id from the oldest on; what is left waits for the next call.
    """
    before = clock.now() - timedelta(days=current_app.config["PETITION_KEEP_DELIVERIES"])
    deadline, after, folded = time.monotonic() + max_seconds, 0, 0
    while time.monotonic() < deadline:
        parameters = {"after": after, "batch_size": BATCH_SIZE, "before": before}
        batch = db.session.execute(SELECT_OLD_DELIVERIES, parameters).one()
        folded += fold(batch.old or [])
        db.session.commit()
        if not batch.may_be_more:
            break
        after = batch.last
    while time.monotonic() < deadline and _delete_old_attempts(before):
        pass
    return folded


def _delete_old_attempts(before: datetime) -> bool:
    """Delete a batch of old attempts, of emails whose rows stay. Returns whether there were any. Commits."""
    parameters = {"before": before, "batch_size": BATCH_SIZE}
    deleted = db.session.execute(DELETE_OLD_ATTEMPTS, parameters)
    db.session.commit()
    return bool(getattr(deleted, "rowcount", 0))
