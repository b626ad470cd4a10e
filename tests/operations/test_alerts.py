"""Each alert rule, checked by promtool: it fires in its trouble, nothing else does, and it ends with the trouble.

The series are those of a real `/metrics`, with their labels and those of a scrape; a trouble changes some values.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from support.factories import make_petition, make_signature

from petition.operations.heartbeat import record_heartbeat
from petition.operations.metrics import render_metrics
from petition.operations.smtp_probe import MAIL_SERVER, record_probe

pytestmark = pytest.mark.slow
MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
STEPS_PER_MINUTE = 4
BEFORE, TROUBLE, AFTER = 20, 80, 75  # minutes: well, in trouble, well again
HEALTHY = {"health_status": 0, "health_alarm": 0, "people_waiting": 0, "oldest_waiting_seconds": 0}
SENDING = {"petition_sent_total|confirmations": 15}  # emails a step
STUCK = {"health_status": 2, "health_alarm": 2, "people_waiting": 40, "oldest_waiting_seconds": 90}
NOTHING_SENT = {"petition_sent_total|confirmations": ("rate", 0)}
NO_MAIL = {"MailStuck", "MailSlow", "ConfirmationsDelayed", "NoConfirmationsSent"}


# By name: what changes while the trouble lasts, and the alerts that fire then. ("rate", n) is a counter's step.
TROUBLES = {
    "nothing": ({}, set()),
    "all put off": (
        STUCK | NOTHING_SENT | {"petition_deferred_total|confirmations|4xx": ("rate", 20)},
        NO_MAIL | {"EmailDeferralRateHigh"},
    ),
    "no worker": (
        STUCK | NOTHING_SENT | {"petition_workers|confirmations": 0},
        NO_MAIL | {"QueueWithoutWorker"},
    ),
    "planned pause": (
        {"health_status": 1, "people_waiting": 40, "oldest_waiting_seconds": 900}
        | NOTHING_SENT
        | {"petition_queue_paused|confirmations": 1},
        {"QueuePausedTooLong"},
    ),
    "one address in a hundred": (
        {"health_status": 1, "health_alarm": 1, "people_waiting": 1, "oldest_waiting_seconds": 900},
        {"MailSlow"},
    ),
    "full mailboxes at night": ({"people_waiting": 9, "oldest_waiting_seconds": 9000} | NOTHING_SENT, set()),
    "no beat": ({"health_status": 1, "health_alarm": 1, "beat_up": 0}, {"MailSlow", "BeatDown"}),
    "no broker": (STUCK | NOTHING_SENT | {"broker_up": 0}, NO_MAIL | {"BrokerDown"}),
    "broker may evict": (
        {"health_status": 1, "health_alarm": 1, "broker_may_evict": 1},
        {"MailSlow", "BrokerEvictionPolicy"},
    ),
    "back-off": ({"mail_server_throttled": 1}, {"MailServerFailing"}),
    "probe fails": ({"mail_server_up": 0}, {"MailServerFailing"}),
    "provider refuses": (
        {
            "health_status": 1,
            "health_alarm": 1,
            "petition_provider_refusing|other": 1,
            "petition_provider_waiting|other": 9,
        }
        | {"petition_deferred_total|confirmations|pace": ("rate", 20)},
        {"MailSlow", "ProviderRefuses"},
    ),
    "rejections": ({"petition_failed_total|confirmations|5xx": ("rate", 5)}, {"EmailFailureRateHigh"}),
    "unknown outcomes": ({"petition_deliveries|mailings|unknown": 9}, {"EmailOutcomeUnknown"}),
    "late": (
        {"petition_accept_seconds_bucket|+Inf|confirmations": ("rate", 15)}
        | {"petition_accept_seconds_bucket|22.0|confirmations": ("rate", 15)},
        {"ConfirmationLatencyHigh"},
    ),
    "drift": ({"petition_drift_total": ("rate", 1)}, {"StatisticsDrift"}),
    "never reconciled": ({"reconciliation_age_seconds": 200_000}, {"ReconciliationOverdue"}),
    "web gone": (None, {"PetitionDown"}),
}


@pytest.fixture
def series(app):
    """Return every series of a stack that is well: names with labels, by a short key without the labels' names."""
    make_signature(make_petition())
    record_heartbeat("worker", "w", ["confirmations", "notifications", "mailings", "maintenance"])
    record_heartbeat("beat", "b")
    record_probe(MAIL_SERVER, True, "250 ok", 1)
    found = {}
    for family in text_string_to_metric_families(render_metrics().decode()):
        for sample in family.samples:
            labels = {**sample.labels, "instance": "web:8000", "job": "petition"}
            name = sample.name + "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}"
            key = "|".join([sample.name, *(value for _, value in sorted(sample.labels.items()))])
            found[key] = (name, sample.value)
    return found


def make_values(key, healthy, trouble):
    """Return a series in promtool's notation: well, in trouble, well again."""
    steps = [minutes * STEPS_PER_MINUTE for minutes in (BEFORE, TROUBLE, AFTER)]
    if trouble is None:
        return f"{healthy}x{steps[0]} _x{steps[1]} {healthy}x{steps[2]}"
    if key.endswith(("_total", "_bucket")) or "_total|" in key or "_bucket|" in key:
        rates = [SENDING.get(key, 0)] * 3
        if isinstance(trouble, tuple):
            rates[1] = trouble[1]
        value, parts = 0, []
        for rate, count in zip(rates, steps, strict=True):
            parts.append(f"{value}+{rate}x{count}")
            value += rate * (count + 1)
        return " ".join(parts)
    return f"{healthy}x{steps[0]} {trouble}x{steps[1]} {healthy}x{steps[2]}"


def make_test(series, changes, expected):
    full = (
        {} if changes is None else {k if k.startswith("petition") else f"petition_{k}": v for k, v in changes.items()}
    )
    assert set(full) <= set(series), set(full) - set(series)
    healthy = {f"petition_{name}": value for name, value in HEALTHY.items()}
    inputs = []
    for key, (name, value) in series.items():
        value = healthy.get(key, value)
        trouble = None if changes is None else full.get(key, value)
        inputs.append({"series": name, "values": make_values(key, value, trouble)})
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'
    fires = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)]
    return {
        "interval": "15s",
        "input_series": inputs,
        "promql_expr_test": [
            {"expr": query, "eval_time": f"{BEFORE - 1}m", "exp_samples": []},
            {"expr": query, "eval_time": f"{BEFORE + TROUBLE - 2}m", "exp_samples": fires},
            {"expr": query, "eval_time": f"{BEFORE + TROUBLE + AFTER - 1}m", "exp_samples": []},
        ],
    }


@pytest.mark.parametrize("trouble", TROUBLES)
def test_rules_fire_in_their_trouble_and_end_with_it(series, tmp_path, trouble):
    if not shutil.which("promtool"):
        pytest.skip("needs promtool: apt-get install prometheus")
    shutil.copy(MONITORING / "alerts.yaml", tmp_path)
    tests = {
        "rule_files": ["alerts.yaml"],
        "evaluation_interval": "15s",
        "tests": [make_test(series, *TROUBLES[trouble])],
    }
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    command = ["promtool", "test", "rules", str(tmp_path / "tests.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def rule_names():
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"]}


def test_every_rule_is_tested():
    assert set().union(*(expected for _, expected in TROUBLES.values())) == rule_names()


def test_inhibition_names_existing_alerts_and_no_cycle():
    rules = yaml.safe_load((MONITORING / "inhibit.yaml").read_text(encoding="utf-8"))["inhibit_rules"]
    for rule in rules:
        source, target = (
            set(re.findall(r"\b[A-Z][A-Za-z]+\b", " ".join(rule[f"{end}_matchers"]))) for end in ("source", "target")
        )
        assert source | target <= rule_names()
        assert not source & target
