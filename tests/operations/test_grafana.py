"""The panels of the Grafana dashboard show what their titles say, of metrics and labels that a web process returns."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, update
from support.factories import make_petition, make_signature
from support.heartbeats import record_lasting_heartbeat
from support.request_counter import count_without_thread
from support.settings import environment

from config import Config
from petition.app import create_app
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.operations import web_requests
from petition.operations.probes.certificates import SITE_CERTIFICATE
from petition.operations.probes.disk import DISK
from petition.operations.probes.results import record_probe
from petition.operations.probes.smtp_probe import MAIL_SERVER

PANELS = json.loads((Path(__file__).parents[2] / "docs/monitoring/grafana.json").read_text(encoding="utf-8"))["panels"]
SELECTOR = re.compile(r"\b(petition_[a-z_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
# What a title says, and what then every expression of the panel has; or its legend, or its unit.
WORDS = {
    "per minute": ("expr", r"\* 60"),
    "per second": ("expr", r"rate\("),
    "(1 h)": ("expr", r"\[1h\]"),
    "by queue": ("legendFormat", r"\{\{queue\}\}"),
    "by reason": ("legendFormat", r"\{\{reason\}\}"),
    "by warning": ("legendFormat", r"\{\{warning\}\}"),
    "by outcome": ("legendFormat", r"\{\{outcome\}\}"),
    "by status": ("legendFormat", r"\{\{status\}\}"),
    "(5xx)": ("expr", r'status=~"5\.\."'),
    "p50": ("expr", r"histogram_quantile\(0\.\d+"),
}
UNITS = {"Time ": "s", "Age ": "s", "Share ": "percentunit", "Accepted within": "percentunit", "First person": "s"}


@pytest.fixture
def samples(app, database_url, redis_url):
    """Return the samples of /metrics of a web process that was asked for pages, by name and labels."""
    petition = make_petition()
    signatures = [make_signature(petition, email=f"s{n}@orange.fr") for n in range(3)]
    for signature, state, cause in zip(
        signatures, ("sent", "failed", "deferred"), ("", "550 5.1.1", "451"), strict=True
    ):
        values = {"state": state, "cause": cause, "settled_at": func.now(), "domain": "orange.fr"}
        db.session.execute(update(Delivery).where(Delivery.subject_id == signature.id).values(**values))
    record_lasting_heartbeat("worker", "w", ["confirmations", "notifications", "mailings", "maintenance", "webhooks"])
    record_probe(MAIL_SERVER, True, "250 ok", 1)
    record_probe(DISK, True, "/", 0, 10**9)
    record_probe(SITE_CERTIFICATE, True, "", 1, 2 * 10**9)
    db.session.commit()
    web = create_app(Config(environment(database_url, redis_url, PETITION_METRICS_TOKEN="a token of some length")))
    count_without_thread(web)
    client = web.test_client()
    client.get("/")
    with web.app_context():
        web.extensions[web_requests.EXTENSION].flush()
    text = client.get("/metrics", headers={"Authorization": "Bearer a token of some length"}).text
    yield [s for family in text_string_to_metric_families(text) for s in family.samples]
    with web.app_context():
        db.engine.dispose()


def targets():
    return [(panel["title"], target) for panel in PANELS for target in panel["targets"]]


def test_panels_read_existing_metrics_labels_and_values(samples):
    for title, target in targets():
        for name, matchers in SELECTOR.findall(target["expr"]):
            labels = [s.labels for s in samples if s.name == name]
            assert labels, f"{title}: no metric {name}"
            for label, operator, value in MATCHER.findall(matchers):
                assert label in labels[0], f"{title}: {name} has no label {label}"
                if operator == "=":
                    assert value in {each[label] for each in labels}, f"{title}: {name} has no {label}={value}"
            grouped = re.findall(r"by \((\w+)\) \(.*?" + name, target["expr"])
            assert all(label in labels[0] for label in grouped), title
        shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert all(f"by ({label})" in target["expr"] or "sum" not in target["expr"] for label in shown), title


def test_panels_show_what_their_titles_say():
    for title, target in targets():
        # "Confirmed per minute, and change of pending signatures" has a rate and a change, both per minute.
        for words, (key, pattern) in WORDS.items():
            if words in title and not ("by queue" in words and "people" in target["legendFormat"]):
                assert re.search(pattern, target[key]), (title, target)
        if target["legendFormat"] in ("p50", "p95", "p99"):
            assert f"histogram_quantile(0.{target['legendFormat'][1:].rstrip('0')}" in target["expr"]
    for panel in PANELS:
        for start, unit in UNITS.items():
            if panel["title"].startswith(start):
                assert panel["fieldConfig"]["defaults"]["unit"] == unit, panel["title"]


def test_panels_do_not_overlap():
    cells = [
        (x, y)
        for panel in PANELS
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_expressions_are_valid(tmp_path):
    if not shutil.which("promtool"):
        pytest.skip("needs promtool: apt-get install prometheus")
    rules = [{"record": f"panel:{n}", "expr": target["expr"]} for n, (_, target) in enumerate(targets())]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    ended = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout
