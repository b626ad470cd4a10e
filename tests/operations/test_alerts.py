"""Each alert rule, checked by promtool: it fires in its trouble, nothing else does, and it ends with the trouble.

The series are those that a real stack returned at `/metrics` before, in and after each trouble; they are recorded by
tests/journeys/test_runbook.py, which also says what is typed to end it.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from support.alerts.scenarios import SCENARIOS
from support.alerts.series import AFTER, BEFORE, FOLDER, STEP_SECONDS, TROUBLE, load, make_input_series, used_metrics

pytestmark = pytest.mark.slow
MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
FIRING = 'count by (alertname, severity, queue) (ALERTS{alertstate="firing"})'


def read_rules():
    """Return each rule by its name."""
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def read_inhibitions():
    return yaml.safe_load((MONITORING / "inhibit.yaml").read_text(encoding="utf-8"))["inhibit_rules"]


def labels_of(alert, scenario):
    """Return the labels of an alert that fires; the troubles are of the queue of confirmations."""
    rule = read_rules()[alert]
    labels = {"alertname": alert, "severity": rule["labels"]["severity"]}
    has_queue = "by (queue)" in rule["expr"] or "labels.queue" in rule["annotations"]["summary"]
    return labels | ({"queue": "confirmations"} if has_queue else {})


def make_test(scenario):
    """Return promtool's test: nothing fires before, these do in the trouble, nothing does after."""
    alerts = [labels_of(alert, scenario) for alert in sorted(scenario.alerts)]
    fires = [
        {"labels": "{" + ", ".join(f'{name}="{labels[name]}"' for name in labels) + "}", "value": 1}
        for labels in alerts
    ]
    return {
        "interval": f"{STEP_SECONDS}s",
        "input_series": make_input_series(load(scenario.name)),
        "promql_expr_test": [
            {"expr": FIRING, "eval_time": f"{BEFORE - 1}m", "exp_samples": []},
            {"expr": FIRING, "eval_time": f"{BEFORE + scenario.minutes}m", "exp_samples": fires},
            {"expr": FIRING, "eval_time": f"{BEFORE + TROUBLE + AFTER - 1}m", "exp_samples": []},
        ],
    }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_rules_fire_in_their_trouble_and_end_with_it(tmp_path, scenario):
    if not shutil.which("promtool"):
        pytest.skip("needs promtool: apt-get install prometheus")
    shutil.copy(MONITORING / "alerts.yaml", tmp_path)
    tests = {"rule_files": ["alerts.yaml"], "evaluation_interval": f"{STEP_SECONDS}s", "tests": [make_test(scenario)]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    command = ["promtool", "test", "rules", str(tmp_path / "tests.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_rule_fires_in_some_trouble():
    assert set().union(*(scenario.alerts for scenario in SCENARIOS)) == set(read_rules())


def test_every_metric_of_a_rule_was_recorded():
    recorded = {key.partition("{")[0] for scenario in SCENARIOS for key in load(scenario.name)["series"]}
    assert used_metrics() - recorded <= {"petition_mail_server_up"}, "absent until the first probe"
    assert {f"{path.stem}" for path in FOLDER.glob("*.json")} == {
        scenario.name.replace(", ", " ").replace(" ", "-") for scenario in SCENARIOS
    }


MATCHER = re.compile(r"(\w+) (=~|=) \"?([^\"]*)\"?")


def matches(labels, matchers):
    """Return whether an alert's labels match Alertmanager's matchers."""
    for matcher in matchers:
        name, operator, value = MATCHER.fullmatch(matcher).groups()
        if not (re.fullmatch(value, labels.get(name, "")) if operator == "=~" else labels.get(name) == value):
            return False
    return True


def remaining(alerts):
    """Return the alerts that a person is told of, once inhibition left out those that others explain."""
    return [
        alert
        for alert in alerts
        if not any(
            matches(alert, rule["target_matchers"])
            and any(other != alert and matches(other, rule["source_matchers"]) for other in alerts)
            for rule in read_inhibitions()
        )
    ]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_one_cause_is_one_critical_alert(scenario):
    told = remaining([labels_of(alert, scenario) for alert in scenario.alerts])
    assert sum(alert["severity"] == "critical" for alert in told) <= 1
    assert bool(told) == bool(scenario.alerts)
    assert len(told) <= 2, [alert["alertname"] for alert in told]


def test_inhibition_names_existing_alerts_and_no_cycle():
    for rule in read_inhibitions():
        source, target = (
            set(re.findall(r"\b[A-Z][A-Za-z]+\b", " ".join(rule[f"{end}_matchers"]))) for end in ("source", "target")
        )
        assert source | target <= set(read_rules())
        assert not source & target
