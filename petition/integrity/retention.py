"""What time does to clusters."""

from datetime import timedelta

from sqlalchemy import delete

from petition.core import clock
from petition.core.db import db
from petition.integrity.models import IntegrityCluster

CLUSTER_TTL = timedelta(days=90)


def delete_old_clusters() -> None:
    """Delete clusters that had no signature for `CLUSTER_TTL`; what they quarantined stays quarantined. Commits."""
    old = delete(IntegrityCluster).where(IntegrityCluster.last_at < clock.now() - CLUSTER_TTL)
    db.session.execute(old.execution_options(synchronize_session=False))
    db.session.commit()
