"""Metrics for Prometheus, read from the database: the same whichever web process answers.

No label has an address, a name or a recipient's domain, other than that of a large provider.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from flask import current_app
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from petition.core import clock
from petition.core.db import db
from petition.delivery.models import STATES, DeliveryState
from petition.delivery.pacing.providers import FAMILIES
from petition.delivery.queues import EMAIL_QUEUES, EVERYTHING, QUEUE_NAMES
from petition.integrity.queries import COUNT_CLUSTERS
from petition.operations import web_requests
from petition.operations.health.evaluation import PROBE_MAX_AGE_SECONDS, Health, evaluate_health
from petition.operations.health.watched import WATCHED_NAMES
from petition.operations.models import Drift, WebRequests
from petition.operations.probes.certificates import MAIL_CERTIFICATE, SITE_CERTIFICATE
from petition.operations.probes.disk import DISK
from petition.operations.statistics import broker_stats, latency, queries, queue_stats
from petition.operations.statistics.reconcile import RECONCILIATION
from petition.operations.statistics.rollup import OTHER_PROVIDERS
from petition.operations.statistics.snapshot import Snapshot, take_snapshot
from petition.petitions.models import Petition
from petition.safeguards.mail_providers import LARGE_PROVIDERS
from petition.signatures.models import STATES as SIGNATURE_STATES
from petition.signatures.models import SignatureState

REASON_CLASSES = (
    "4xx",
    "5xx",
    "budget",
    "connection",
    "crash",
    "internal",
    "pace",
)  # what the SQL function reason_class returns
COUNTED_OUTCOMES = {
    DeliveryState.FAILED: "Emails that failed, by reason class",
    DeliveryState.DEFERRED: "Attempts that are to be retried, by reason class",
    DeliveryState.UNKNOWN: "Emails whose outcome is unknown, by reason class",
}


def render_metrics() -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_QueueCollector())
    return generate_latest(registry)


class _QueueCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        snapshot, broker = take_snapshot(), broker_stats.read_broker_stats(current_app.config["BROKER_URL"])
        yield from _collect_states(snapshot)
        yield from _collect_totals()
        yield from _collect_processes(snapshot)
        yield from _collect_broker(broker)
        yield from _collect_reconciliation(snapshot)
        yield from _collect_providers(snapshot)
        yield from _collect_health(evaluate_health(snapshot.facts, broker))
        yield from _collect_bounce_mailbox(snapshot)
        description = "Emails that wait because they cannot be composed"
        yield _gauge("emails_not_composed", description, snapshot.facts.not_composed)
        yield from _collect_warnings(snapshot)
        yield from _collect_web_requests()
        attacked = db.session.scalar(select(func.count()).where(Petition.attacked_until > clock.now())) or 0
        yield _gauge("attacked_petitions", "Petitions that get far more unconfirmed signatures than usual", attacked)
        yield from _collect_integrity()
        yield from _collect_webhooks(snapshot)


def _collect_integrity() -> Iterator[Metric]:
    """Yield the clusters of the last day; how many signatures are quarantined is among the signatures by state."""
    clusters = GaugeMetricFamily(
        "petition_integrity_clusters", "Clusters of one day, by what rules did", labels=["state"]
    )
    row = db.session.execute(COUNT_CLUSTERS).one()
    for state in ("held", "watched"):
        clusters.add_metric([state], getattr(row, state))
    yield clusters


def _collect_webhooks(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield the queue of events for other programs, in the states of the other queues."""
    description = "Events for other programs that wait (due, deferred) or were given up (failed)"
    events = GaugeMetricFamily("petition_webhook_events", description, labels=["state"])
    for state, n in snapshot.webhooks.depth.items():
        events.add_metric([state], n)
    yield events
    description = "Seconds that the first event for another program has been waiting; 0 if none waits"
    yield _gauge("webhook_oldest_seconds", description, snapshot.webhooks.oldest or 0.0)
    late = len(snapshot.webhooks.late)
    yield _gauge("webhook_late_endpoints", "Receivers that take no events, or whose events are not sent", late)


def _gauge(name: str, description: str, value: float) -> Metric:
    return GaugeMetricFamily(f"petition_{name}", description, value=value)


def _collect_health(health: Health) -> Iterator[Metric]:
    yield _gauge("health_status", "0 ok, 1 slow, 2 stuck: the exit code of `petition queue check`", health.exit_code)
    yield _gauge("health_alarm", "The same without the pauses that an operator planned", health.alarm_code)
    yield _gauge("people_waiting", "People who have no confirmation link yet", health.waiting)
    description = "Seconds since the first of them signed; 0 if nobody waits"
    yield _gauge("oldest_waiting_seconds", description, health.oldest or 0.0)


def _collect_states(snapshot: Snapshot) -> Iterator[Metric]:
    depths = queue_stats.read_depths()
    deliveries = GaugeMetricFamily("petition_deliveries", "Emails by queue and state", labels=["queue", "state"])
    oldest = GaugeMetricFamily("petition_oldest_due_seconds", "Age of the oldest email that is due", labels=["queue"])
    paused = GaugeMetricFamily("petition_queue_paused", "1 while an operator has paused the queue", labels=["queue"])
    for queue in EMAIL_QUEUES:
        for state in STATES:
            deliveries.add_metric([queue, state], depths.get(("delivery", queue, state), 0))
        oldest.add_metric([queue], snapshot.queues[queue].oldest or 0.0)
        paused.add_metric([queue], float(queue in snapshot.pauses or EVERYTHING in snapshot.pauses))
    signatures = GaugeMetricFamily("petition_signatures", "Signatures by state", labels=["state"])
    for state in SIGNATURE_STATES:
        signatures.add_metric([state], depths.get(("signature", "", state), 0))
    yield from (deliveries, oldest, paused, signatures)


def _collect_totals() -> Iterator[Metric]:
    rows = db.session.execute(queries.TOTALS).all()
    for state, description in COUNTED_OUTCOMES.items():
        outcomes = CounterMetricFamily(f"petition_{state}", description, labels=["queue", "reason"])
        for queue in EMAIL_QUEUES:
            entries = _select_deliveries(rows, queue, state)
            for reason in REASON_CLASSES:
                outcomes.add_metric([queue, reason], sum(row.n for row in entries if row.reason == reason))
        yield outcomes
    sent = CounterMetricFamily("petition_sent", "Emails that the mail server accepted", labels=["queue"])
    description = "Seconds from enqueueing to the mail server's 250; the sum is estimated from the buckets"
    accepted = HistogramMetricFamily("petition_accept_seconds", description, labels=["queue"])
    for queue in EMAIL_QUEUES:
        entries = _select_deliveries(rows, queue, DeliveryState.SENT)
        counts = {row.bucket: row.n for row in entries if row.bucket >= 0}
        sent.add_metric([queue], sum(row.n for row in entries))
        accepted.add_metric([queue], _cumulative_buckets(counts), latency.total_seconds(counts))
    confirmed = sum(row.n for row in rows if (row.subject, row.state) == ("signature", SignatureState.CONFIRMED))
    yield from (sent, accepted)
    attempts = CounterMetricFamily(
        "petition_webhook_attempts", "Attempts to send an event to another program, by outcome", labels=["outcome"]
    )
    for state in (DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED):
        attempts.add_metric([state], sum(row.n for row in rows if (row.subject, row.state) == ("webhook", state)))
    yield attempts
    yield CounterMetricFamily("petition_confirmations", "Signatures ever confirmed", value=confirmed)


def _select_deliveries(rows: Sequence[Any], queue: str, state: str) -> list[Any]:
    return [row for row in rows if (row.subject, row.queue, row.state) == ("delivery", queue, state)]


def _cumulative_buckets(counts: latency.BucketCounts) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for number, bound in enumerate(latency.BUCKET_BOUNDS_SECONDS):
        total += counts.get(number, 0)
        buckets.append((str(float(bound)), float(total)))
    return [*buckets, ("+Inf", float(sum(counts.values())))]


def _collect_processes(snapshot: Snapshot) -> Iterator[Metric]:
    workers = GaugeMetricFamily("petition_workers", "Workers with a recent heartbeat, by queue", labels=["queue"])
    for queue in QUEUE_NAMES:
        workers.add_metric([queue], len(snapshot.workers_for(queue)))
    yield workers
    yield _gauge("beat_up", "1 while beat runs", float(not snapshot.beat_silent))
    description = "1 while sending backs off from the mail server, and for a minute after"
    yield _gauge("mail_server_throttled", description, float(snapshot.server_throttled))
    probe = snapshot.facts.probe
    # Left out where nobody has probed it lately: neither 0 nor 1 would be true.
    if probe and probe.seconds < PROBE_MAX_AGE_SECONDS:
        yield _gauge("mail_server_up", "1 if the mail server answered the last probe", float(probe.ok))


def _collect_bounce_mailbox(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield nothing without a bounce mailbox."""
    if state := snapshot.bounce_mailbox:
        yield _gauge("bounce_mailbox_up", "1 if the bounce mailbox could be read at the last poll", not state.problem)
        yield _gauge("bounce_mailbox_messages", "Messages of the bounce mailbox not processed yet", state.waiting)
        description = "Messages of the bounce mailbox that cannot be processed"
        yield _gauge("bounce_mailbox_failed_messages", description, state.failed)


def _collect_warnings(snapshot: Snapshot) -> Iterator[Metric]:
    description = "1 for what does not keep mail from flowing, and should be looked at"
    warnings = GaugeMetricFamily("petition_warning", description, labels=["warning"])
    for name in WATCHED_NAMES:
        warnings.add_metric([name], float(any(warning.name == name for warning in snapshot.warnings)))
    yield warnings
    description = "Seconds until a certificate is no longer valid"
    certificates = GaugeMetricFamily("petition_certificate_seconds", description, labels=["of"])
    for name, label in ((SITE_CERTIFICATE, "site"), (MAIL_CERTIFICATE, "mail server")):
        probe = snapshot.probes.get(name)
        if probe and probe.value is not None:
            certificates.add_metric([label], probe.value - snapshot.at.timestamp())
    yield certificates
    if (disk := snapshot.probes.get(DISK)) and disk.value is not None:
        yield _gauge("disk_free_bytes", "Free on the fullest disk of the host of the worker of maintenance", disk.value)


def _collect_providers(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield what waits for providers; small ones, whose names may be people's, are summed up as "other"."""
    description = "1 for each mail provider that refuses us and that some emails wait for"
    refusing = GaugeMetricFamily("petition_provider_refusing", description, labels=["provider"])
    description = "Emails that wait for a mail provider"
    waiting = GaugeMetricFamily("petition_provider_waiting", description, labels=["provider"])
    numbers: dict[str, list[int]] = {OTHER_PROVIDERS: [0, 0]}
    for provider in snapshot.facts.providers:
        numbers.setdefault(_label_provider(provider.name), [0, 0])[0] += 1
    for pace in snapshot.providers:
        numbers.setdefault(_label_provider(pace.name), [0, 0])[1] += pace.waiting
    for label, (n, emails) in numbers.items():
        refusing.add_metric([label], n)
        waiting.add_metric([label], emails)
    yield from (refusing, waiting)


def _label_provider(name: str) -> str:
    return name if name in LARGE_PROVIDERS or name in FAMILIES else OTHER_PROVIDERS


def _collect_broker(broker: broker_stats.BrokerStats) -> Iterator[Metric]:
    yield _gauge("broker_up", "1 while the broker answers", float(broker.error is None))
    messages = GaugeMetricFamily("petition_broker_messages", "Messages waiting, by queue", labels=["queue"])
    for queue, depth in (broker.depths or {}).items():
        messages.add_metric([queue], depth)
    yield messages
    # A value that the broker does not report is left out: a zero would say that all is well.
    if broker.unacknowledged is not None:
        description = "Messages that workers have not acknowledged"
        yield _gauge("broker_unacknowledged", description, broker.unacknowledged)
    if broker.memory is not None:
        yield _gauge("broker_memory_bytes", "Memory that the broker uses", broker.memory)
    if broker.policy is not None:
        description = "1 if the broker may drop messages when its memory is full"
        yield _gauge("broker_may_evict", description, float(broker.may_evict))
        age = (datetime.now(UTC) - broker.oldest_wakeup_at).total_seconds() if broker.oldest_wakeup_at else 0.0
        yield _gauge("broker_oldest_message_seconds", "Age of the oldest message that no worker has taken", age)


def _collect_reconciliation(snapshot: Snapshot) -> Iterator[Metric]:
    drifts = db.session.scalar(select(func.count()).select_from(Drift)) or 0
    yield CounterMetricFamily("petition_drift", "Differences that reconciliation found and corrected", value=drifts)
    last = snapshot.probes.get(RECONCILIATION)
    since = last.at if last else db.session.scalar(select(func.min(Petition.created_at)))
    age = (snapshot.at - since).total_seconds() if since else 0.0
    description = "Seconds since the last reconciliation; before the first, since the first petition was created"
    yield _gauge("reconciliation_age_seconds", description, age)


def _collect_web_requests() -> Iterator[Metric]:
    """Yield the requests of all web processes, up to a few seconds ago."""
    if counter := current_app.extensions.get(web_requests.EXTENSION):
        counter.flush()
    labels = ["method", "rule", "status"]
    requests = CounterMetricFamily("petition_http_requests", "HTTP requests answered, by URL rule", labels=labels)
    durations = HistogramMetricFamily(
        "petition_http_request_seconds", "Seconds until a request was answered", labels=["method", "rule"]
    )
    n_by_status: dict[tuple[str, str, str], int] = defaultdict(int)
    buckets: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (len(web_requests.BUCKET_BOUNDS_SECONDS) + 1))
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for row in db.session.scalars(select(WebRequests)):
        n_by_status[row.method, row.rule, str(row.status)] += row.n
        buckets[row.method, row.rule][row.bucket] += row.n
        seconds[row.method, row.rule] += row.seconds
    for status_labels, n in sorted(n_by_status.items()):
        requests.add_metric(status_labels, n)
    bounds = [*map(str, web_requests.BUCKET_BOUNDS_SECONDS), "+Inf"]
    for route, counts in sorted(buckets.items()):
        cumulative = [(bound, float(total)) for bound, total in zip(bounds, accumulate(counts), strict=True)]
        durations.add_metric(route, cumulative, seconds[route])
    yield from (requests, durations)
