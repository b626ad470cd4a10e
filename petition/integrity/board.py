"""What the team sees of clusters, and what it does about them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from petition.bulk_actions.models import BulkAction
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import NotFound
from petition.core.ids import find_by_id, is_id
from petition.integrity.models import IntegrityCluster
from petition.integrity.signals import Signals, score
from petition.signatures.models import Signature, SignatureState
from petition.signatures.staff.quarantine import prepare_for_clusters
from petition.signatures.staff.team_view import all_for_team
from petition.team import audit

MAX_CLUSTERS_SHOWN = 100
MAX_COUNTED = 100_000
VERBS = {"release": "release", "strike": "invalidate"}


def list_clusters(petition_id: int) -> dict[str, list[IntegrityCluster]]:
    """Return the clusters of a petition: held, watched as a signal speaks against them, and ignored; the largest first.

    Those that only have something in common are not shown.
    """
    query = select(IntegrityCluster).where(IntegrityCluster.petition_id == petition_id)
    rows = db.session.scalars(query.order_by(IntegrityCluster.signatures.desc()).limit(10 * MAX_CLUSTERS_SHOWN))
    found: dict[str, list[IntegrityCluster]] = {"held": [], "watched": [], "ignored": []}
    for cluster in rows:
        if cluster.ignored_at is not None:
            found["ignored"].append(cluster)
        elif cluster.held_at is not None:
            found["held"].append(cluster)
        elif get_score(cluster) > 0:
            found["watched"].append(cluster)
    return {name: clusters[:MAX_CLUSTERS_SHOWN] for name, clusters in found.items()}


def get_score(cluster: IntegrityCluster) -> float:
    """Return the sum of a cluster's signals."""
    signals: Signals = cluster.signals
    return score(signals)


def find_cluster(cluster_id: int, *, lock: bool = False) -> IntegrityCluster:
    """Return a cluster. Raises `NotFound`."""
    cluster = find_by_id(IntegrityCluster, cluster_id, with_for_update=lock or None)
    if cluster is None:
        raise NotFound({"cluster": "there is no such cluster any more"})
    return cluster


def find_clusters(petition_id: int, ids: Sequence[int]) -> list[IntegrityCluster]:
    """Return those of some clusters of a petition that are still there, locked, in the order of their ids."""
    query = select(IntegrityCluster).where(
        IntegrityCluster.petition_id == petition_id, IntegrityCluster.id.in_([n for n in ids if is_id(n)])
    )  # fmt: skip
    return list(db.session.scalars(query.order_by(IntegrityCluster.id).with_for_update()))


def find_petition_of(ids: Sequence[int]) -> int | None:
    """Return the petition that clusters are of; None once none of them is there any more."""
    return db.session.scalar(select(IntegrityCluster.petition_id).where(IntegrityCluster.id.in_(ids)).limit(1))


def count_quarantined(petition_id: int, cluster_id: int | None = None) -> int:
    """Return how many signatures of a petition, or of one cluster of it, are quarantined; at most `MAX_COUNTED`."""
    query = select(Signature.id).where(
        Signature.state == SignatureState.QUARANTINED, Signature.quarantined_at.is_not(None),
        Signature.petition_id == petition_id,
    )  # fmt: skip
    if cluster_id is not None:
        query = query.where(Signature.quarantined_by == cluster_id)
    return db.session.scalar(select(func.count()).select_from(query.limit(MAX_COUNTED).subquery())) or 0


def list_sample(cluster: IntegrityCluster) -> list[Any]:
    """Return a few signatures of a cluster, as far as they are still there."""
    query = select(Signature).where(Signature.id.in_(cluster.sample), Signature.petition_id == cluster.petition_id)
    return all_for_team(db.session.scalars(query.order_by(Signature.id.desc())))


def ignore(clusters: Sequence[IntegrityCluster], reason: str) -> None:
    """Ignore clusters: no rule quarantines more of them; what is in quarantine stays there until released. Flushes."""
    for cluster in clusters:
        if cluster.ignored_at is None:
            cluster.ignored_at, cluster.ignored_because = clock.now(), reason
            audit.record("integrity.ignored", "cluster", cluster.id, after={"kind": cluster.kind, "reason": reason})


def watch_again(clusters: Sequence[IntegrityCluster]) -> None:
    """Let rules hold clusters again. Flushes."""
    for cluster in clusters:
        if cluster.ignored_at is not None:
            cluster.ignored_at, cluster.ignored_because = None, None
            audit.record("integrity.watched", "cluster", cluster.id, after={"kind": cluster.kind})


def prepare(clusters: Sequence[IntegrityCluster], verb: str, reason: str, asked_by: str) -> BulkAction:
    """Prepare to release, or to strike, what clusters of a petition quarantined: a bulk action, started and undone.

    A cluster that is released is ignored from now on: what comes later is as genuine. Flushes. Raises
    `NoMatchingRows` and `TooManyRows`.
    """
    ids = [cluster.id for cluster in clusters]
    action = prepare_for_clusters(VERBS[verb], clusters[0].petition_id, ids, reason, asked_by)
    if verb == "release":
        ignore(clusters, reason)
    return action
