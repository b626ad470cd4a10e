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
from petition.delivery.lanes import EVERYTHING, LANES, QUEUES
from petition.delivery.models import DEFERRED, FAILED, SENT, STATES, UNKNOWN
from petition.operations import broker, flow, waits
from petition.operations.models import Drift
from petition.operations.probe import MAIL_SERVER
from petition.operations.reconcile import RECONCILIATION
from petition.operations.snapshot import Snapshot, take
from petition.operations.verdict import judge
from petition.signatures.models import STATES as SIGNATURE_STATES

REASONS = ("4xx", "5xx", "connection", "crash", "internal")
TOTALS = text("""
    SELECT subject, lane, state, reason, bucket, sum(n)::bigint AS n FROM (
        SELECT subject, lane, state, reason, bucket, n FROM totals
        UNION ALL
        SELECT subject, lane, state, reason_class(cause), coalesce(bucket, -1), entered FROM tally_log
        WHERE entered > 0) AS everything
    GROUP BY 1, 2, 3, 4, 5
""")


def exposition() -> bytes:
    """Return every metric in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return generate_latest(registry)


class _Figures(Collector):
    def collect(self) -> Iterator[Metric]:
        now, seen = take(), broker.look()
        yield from _depths(now)
        yield from _totals()
        yield from _parts(now)
        yield from _broker(seen)
        yield from _drift(now)
        yield _gauge("verdict_state", "0 ok, 1 slow, 2 stuck: as `petition queue check` exits", judge(now, seen).code)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"petition_{name}", words, value=value)


def _depths(now: Snapshot) -> Iterator[Metric]:
    known = flow.depths()
    depth = GaugeMetricFamily("petition_deliveries", "Emails by lane and state", labels=["lane", "state"])
    oldest = GaugeMetricFamily("petition_oldest_due_seconds", "Age of the oldest email that is due", labels=["lane"])
    paused = GaugeMetricFamily("petition_lane_paused", "1 while a person holds the lane back", labels=["lane"])
    for lane in LANES:
        for state in STATES:
            depth.add_metric([lane, state], known.get(("delivery", lane, state), 0))
        oldest.add_metric([lane], now.lanes[lane].oldest or 0.0)
        paused.add_metric([lane], float(lane in now.holds or EVERYTHING in now.holds))
    signatures = GaugeMetricFamily("petition_signatures", "Signatures by state", labels=["state"])
    for state in SIGNATURE_STATES:
        signatures.add_metric([state], known.get(("signature", "", state), 0))
    yield from (depth, oldest, paused, signatures)


def _totals() -> Iterator[Metric]:
    rows = db.session.execute(TOTALS).all()
    for state, words in ((FAILED, "failed for good"), (DEFERRED, "put off"), (UNKNOWN, "whose fate is unknown")):
        family = CounterMetricFamily(f"petition_{state}", f"Emails {words}, by reason class", labels=["lane", "reason"])
        for lane in LANES:
            for reason in REASONS:
                found = (
                    r.n for r in rows if (r.subject, r.lane, r.state, r.reason) == ("delivery", lane, state, reason)
                )
                family.add_metric([lane, reason], sum(found))
        yield family
    sent = CounterMetricFamily("petition_sent", "Emails that the mail server took", labels=["lane"])
    words = "Seconds from posting to the mail server's 250; the sum is estimated from the buckets"
    accepted = HistogramMetricFamily("petition_accept_seconds", words, labels=["lane"])
    for lane in LANES:
        counts = {
            r.bucket: r.n for r in rows if (r.subject, r.lane, r.state) == ("delivery", lane, SENT) and r.bucket >= 0
        }
        sent.add_metric([lane], sum(r.n for r in rows if (r.subject, r.lane, r.state) == ("delivery", lane, SENT)))
        accepted.add_metric([lane], _cumulative(counts), waits.total_seconds(counts))
    confirmed = sum(r.n for r in rows if (r.subject, r.state) == ("signature", "confirmed"))
    yield from (sent, accepted)
    yield CounterMetricFamily("petition_confirmations", "Signatures ever confirmed", value=confirmed)


def _cumulative(counts: waits.Counts) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for number, bound in enumerate(waits.BOUNDS):
        total += counts.get(number, 0)
        buckets.append((str(float(bound)), float(total)))
    return [*buckets, ("+Inf", float(sum(counts.values())))]


def _parts(now: Snapshot) -> Iterator[Metric]:
    workers = GaugeMetricFamily("petition_workers", "Workers heard of just now, by queue", labels=["lane"])
    for queue in QUEUES:
        workers.add_metric([queue], len(now.serving(queue)))
    yield workers
    yield _gauge("beat_up", "1 while beat ticks", float(not now.beat_silent))
    rest = now.server_hold
    held = bool(rest and rest.until and rest.until > now.at)
    # Between two tries the server is not held, and not well either: only an email that it takes ends its rest.
    recent = bool(rest and rest.until and (now.at - rest.until).total_seconds() < 60)
    yield _gauge("mail_server_throttled", "1 while the mail server is left alone after trouble", float(held or recent))
    probe = now.probes.get(MAIL_SERVER)
    yield _gauge("mail_server_up", "1 if the mail server answered when last looked at", float(not probe or probe.ok))


def _broker(seen: broker.Broker) -> Iterator[Metric]:
    yield _gauge("broker_up", "1 while the broker answers", float(seen.error is None))
    rings = GaugeMetricFamily("petition_broker_rings", "Messages on a queue, over all priorities", labels=["lane"])
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
        age = (datetime.now(UTC) - seen.oldest_ring_at).total_seconds() if seen.oldest_ring_at else 0.0
        yield _gauge("broker_oldest_ring_seconds", "Age of the oldest message that no worker took", age)


def _drift(now: Snapshot) -> Iterator[Metric]:
    found = db.session.scalar(select(func.count()).select_from(Drift)) or 0
    yield CounterMetricFamily("petition_drift", "Figures that reconciliation found wrong, and mended", value=found)
    run = now.probes.get(RECONCILIATION)
    age = (now.at - run.at).total_seconds() if run else -1.0
    yield _gauge("reconciliation_age_seconds", "Since the last reconciliation; -1 before the first", age)
