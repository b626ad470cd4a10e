"""The figures for Prometheus, all of them out of the database: the same whichever web process is asked.

No label holds an address, a name or a recipient's domain.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select, text

from petition.core.db import db
from petition.delivery.models import STATES, DeliveryState
from petition.delivery.queues import EMAIL_QUEUES, EVERYTHING, QUEUE_NAMES
from petition.operations import broker_stats, latency, queue_stats
from petition.operations.health import evaluate_health
from petition.operations.models import Drift
from petition.operations.reconcile import RECONCILIATION
from petition.operations.smtp_probe import MAIL_SERVER
from petition.operations.snapshot import Snapshot, take_snapshot
from petition.signatures.models import STATES as SIGNATURE_STATES

REASON_CLASSES = ("4xx", "5xx", "connection", "crash", "internal")
TOTALS = text("""
    SELECT subject, queue, state, reason, bucket, sum(n)::bigint AS n FROM (
        SELECT subject, queue, state, reason, bucket, n FROM totals
        UNION ALL
        SELECT subject, queue, state, reason_class(cause), coalesce(bucket, -1), entered FROM state_change_log
        WHERE entered > 0) AS everything
    GROUP BY 1, 2, 3, 4, 5
""")


def render_metrics() -> bytes:
    """Return every metric in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_QueueCollector())
    return generate_latest(registry)


class _QueueCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        now, seen = take_snapshot(), broker_stats.read_broker_stats()
        yield from _depths(now)
        yield from _totals()
        yield from _processes(now)
        yield from _broker(seen)
        yield from _drift(now)
        yield _gauge(
            "verdict_state",
            "0 ok, 1 slow, 2 stuck: as `petition queue check` exits",
            evaluate_health(now, seen).exit_code,
        )


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"petition_{name}", words, value=value)


def _depths(now: Snapshot) -> Iterator[Metric]:
    known = queue_stats.read_depths()
    depth = GaugeMetricFamily("petition_deliveries", "Emails by queue and state", labels=["queue", "state"])
    oldest = GaugeMetricFamily("petition_oldest_due_seconds", "Age of the oldest email that is due", labels=["queue"])
    paused = GaugeMetricFamily("petition_queue_paused", "1 while a person holds the queue back", labels=["queue"])
    for queue in EMAIL_QUEUES:
        for state in STATES:
            depth.add_metric([queue, state], known.get(("delivery", queue, state), 0))
        oldest.add_metric([queue], now.queues[queue].oldest or 0.0)
        paused.add_metric([queue], float(queue in now.pauses or EVERYTHING in now.pauses))
    signatures = GaugeMetricFamily("petition_signatures", "Signatures by state", labels=["state"])
    for state in SIGNATURE_STATES:
        signatures.add_metric([state], known.get(("signature", "", state), 0))
    yield from (depth, oldest, paused, signatures)


def _totals() -> Iterator[Metric]:
    rows = db.session.execute(TOTALS).all()
    for state, words in (
        (DeliveryState.FAILED, "failed for good"),
        (DeliveryState.DEFERRED, "put off"),
        (DeliveryState.UNKNOWN, "whose fate is unknown"),
    ):
        family = CounterMetricFamily(
            f"petition_{state}", f"Emails {words}, by reason class", labels=["queue", "reason"]
        )
        for queue in EMAIL_QUEUES:
            for reason in REASON_CLASSES:
                found = (
                    r.n for r in rows if (r.subject, r.queue, r.state, r.reason) == ("delivery", queue, state, reason)
                )
                family.add_metric([queue, reason], sum(found))
        yield family
    sent = CounterMetricFamily("petition_sent", "Emails that the mail server took", labels=["queue"])
    words = "Seconds from posting to the mail server's 250; the sum is estimated from the buckets"
    accepted = HistogramMetricFamily("petition_accept_seconds", words, labels=["queue"])
    for queue in EMAIL_QUEUES:
        counts = {
            r.bucket: r.n
            for r in rows
            if (r.subject, r.queue, r.state) == ("delivery", queue, DeliveryState.SENT) and r.bucket >= 0
        }
        sent.add_metric(
            [queue], sum(r.n for r in rows if (r.subject, r.queue, r.state) == ("delivery", queue, DeliveryState.SENT))
        )
        accepted.add_metric([queue], _cumulative(counts), latency.total_seconds(counts))
    confirmed = sum(r.n for r in rows if (r.subject, r.state) == ("signature", "confirmed"))
    yield from (sent, accepted)
    yield CounterMetricFamily("petition_confirmations", "Signatures ever confirmed", value=confirmed)


def _cumulative(counts: latency.BucketCounts) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for number, bound in enumerate(latency.BUCKET_BOUNDS_SECONDS):
        total += counts.get(number, 0)
        buckets.append((str(float(bound)), float(total)))
    return [*buckets, ("+Inf", float(sum(counts.values())))]


def _processes(now: Snapshot) -> Iterator[Metric]:
    workers = GaugeMetricFamily("petition_workers", "Workers heard of just now, by queue", labels=["queue"])
    for queue in QUEUE_NAMES:
        workers.add_metric([queue], len(now.workers_for(queue)))
    yield workers
    yield _gauge("beat_up", "1 while beat ticks", float(not now.beat_silent))
    rest = now.server_backoff
    held = bool(rest and rest.until and rest.until > now.at)
    # Between two tries the server is not held, and not well either: only an email that it takes ends its rest.
    recent = bool(rest and rest.until and (now.at - rest.until).total_seconds() < 60)
    yield _gauge("mail_server_throttled", "1 while the mail server is left alone after trouble", float(held or recent))
    probe = now.probes.get(MAIL_SERVER)
    yield _gauge("mail_server_up", "1 if the mail server answered when last looked at", float(not probe or probe.ok))


def _broker(seen: broker_stats.BrokerStats) -> Iterator[Metric]:
    yield _gauge("broker_up", "1 while the broker answers", float(seen.error is None))
    rings = GaugeMetricFamily("petition_broker_messages", "Messages on a queue, over all priorities", labels=["queue"])
    for queue, depth in (seen.depths or {}).items():
        rings.add_metric([queue], depth)
    yield rings
    # What a broker does not tell is left out: a zero would say that all is well.
    if seen.unacknowledged is not None:
        yield _gauge("broker_unacknowledged", "Messages that workers hold", seen.unacknowledged)
    if seen.memory is not None:
        yield _gauge("broker_memory_bytes", "Memory that the broker uses", seen.memory)
    if seen.policy is not None:
        text = "1 if the broker may drop messages when its memory is full"
        yield _gauge("broker_may_evict", text, float(seen.may_evict))
        age = (datetime.now(UTC) - seen.oldest_wakeup_at).total_seconds() if seen.oldest_wakeup_at else 0.0
        yield _gauge("broker_oldest_ring_seconds", "Age of the oldest message that no worker took", age)


def _drift(now: Snapshot) -> Iterator[Metric]:
    found = db.session.scalar(select(func.count()).select_from(Drift)) or 0
    yield CounterMetricFamily("petition_drift", "Figures that reconciliation found wrong, and mended", value=found)
    run = now.probes.get(RECONCILIATION)
    age = (now.at - run.at).total_seconds() if run else -1.0
    yield _gauge("reconciliation_age_seconds", "Since the last reconciliation; -1 before the first", age)
