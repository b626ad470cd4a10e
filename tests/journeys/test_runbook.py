"""Each section of the runbook, typed into a system that is broken in its way; records the alerts' series.

`RECORD=1` writes what /metrics said to tests/operations/series/, from which test_alerts.py tests the rules.
"""

import http.client
import json
import os
import re
import shlex
import subprocess
import threading
import time

import psycopg
import pytest
import redis
import yaml
from support.alerts.scenarios import AGE_WAITING, SCENARIOS
from support.alerts.series import parse_metrics, save, used_metrics
from support.faults.load import SLUG
from support.faults.stack import FaultStack
from support.settings import ROOT

from petition.operations import runbook

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("runbook")]
RUNBOOK = (ROOT / "petition/operations/runbook.md").read_text(encoding="utf-8")
COMPOSE_SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
PARTS = {
    "petition-web": "web",
    "petition-beat": "beat",
    "petition-worker@confirmations": "worker",
    "petition-worker@mailings": "mailings",
    "petition-worker@maintenance": "background",
    "petition-worker@webhooks": "background",
}
SHOWN_WITHIN_SECONDS, OVER_WITHIN_SECONDS = 40, 90
SCRAPE_INTERVAL_SECONDS = 6
RECORD = bool(os.environ.get("RECORD"))


def commands_of(alert):
    """Return what a section says to type, and the remark beside each line."""
    (block,) = re.findall(rf"^### {alert}\n\n```\n(.*?)```", RUNBOOK, re.MULTILINE | re.DOTALL)
    return [tuple(part.strip() for part in line.split("  # ")) for line in block.splitlines()]


class Signers:
    """People who sign, read the letter and its count at a steady rate, whatever is answered."""

    def __init__(self, site):
        self.site, self.rate, self.n, self._over = site, 2, 0, threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(4)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        while not self._over.wait(len(self._threads) / self.rate):
            self.n += 1
            body = {"name": "Inès Caron", "email": f"s{self.n}@d{self.n % 7}.example"}
            for method, path, more in (
                ("POST", f"/api/v1/petitions/{SLUG}/signatures", {"body": body}),
                ("GET", f"/api/v1/petitions/{SLUG}/count", {}),
                ("GET", f"/p/{SLUG}", {}),
            ):
                try:
                    self.site.request(method, path, network=self.n, **more)
                except (OSError, http.client.HTTPException):
                    break


class BrokenStack(FaultStack):
    """A stack whose repairs are typed, as an operator does."""

    def execute(self, query):
        """Run a statement that returns nothing."""
        with psycopg.connect(self.postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(query)

    def read_metrics(self):
        """Return the metrics that the rules read; none where the web does not answer."""
        try:
            return parse_metrics(self.site.get("/metrics").text, used_metrics())
        except (OSError, http.client.HTTPException):
            return {}

    def type(self, command):
        """Do what a command of the runbook does, and return what it printed."""
        words = shlex.split(command)
        if words[0] == "petition":
            asks = {"retry", "discard", "mark-sent"} & set(words)
            ended = self.petition(*words[1:], *(["--yes"] if asks else []))
            assert "Traceback" not in ended.stderr, ended.stderr
            assert ended.returncode in (0, 1, 2), ended.stderr
            return ended.stdout + ended.stderr
        if words[0] == "systemctl":
            return self._control(words[1], words[2:])
        if words[0] == "valkey-cli":
            with redis.Redis.from_url(self.valkey.url) as client:
                return str(client.execute_command(*words[1:]))
        if words[0] == "psql":
            return str(self.query(words[words.index("-c") + 1]))
        if words[0] == "df":
            return subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert words[0] == "journalctl", command
        unit = re.sub(r"@.*", "@", words[words.index("-u") + 1])
        assert (ROOT / f"deploy/{unit}.service").exists()
        return ""

    def _control(self, verb, units):
        for unit in units:
            if unit == "valkey-server":
                self.valkey.start()
            elif verb == "start":
                self.worker("confirmations", "second worker")
            elif unit in PARTS:
                if PARTS[unit] in self.running and self.running[PARTS[unit]].poll() is None:
                    self.end(PARTS[unit])
                self.launch(PARTS[unit])
        return ""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runbook")
    folder.chmod(0o755)
    stack = BrokenStack(folder)
    try:
        stack.begin()
        assert stack.petition("queue", "reconcile").returncode == 0
        with Signers(stack.site) as stack.signers:
            yield stack
    finally:
        stack.stop()


def scrape_twice(stack):
    """Return two scrapes and the seconds between them."""
    first, began = stack.read_metrics(), time.monotonic()
    time.sleep(SCRAPE_INTERVAL_SECONDS)
    seconds = time.monotonic() - began
    return [first, stack.read_metrics()], seconds


def list_commands(stack, alert):
    """Return what to type for an alert; where its section leads to that of the first reason, that as well."""
    commands = commands_of(alert) if alert else []
    if alert in ("MailStuck", "MailSlow"):
        reasons = json.loads(stack.petition("queue", "--json").stdout)["reasons"]
        commands += commands_of(reasons[0]["runbook"])
    return commands


def type_commands(stack, scenario):
    """Type what the runbook says; after the first command, what is outside of the system is mended, in any case."""
    repairs = [scenario.repair]
    try:
        for command, remark in list_commands(stack, scenario.alert):
            if command.startswith("docker compose"):
                assert set(COMPOSE_SERVICES) & set(command.replace("=", " ").split()), command
                continue
            if remark.startswith("Compose:"):
                assert remark == f"Compose: docker compose exec web {command}"
            stack.type(command)
            while repairs:
                repairs.pop()(stack)
    finally:
        while repairs:
            repairs.pop()(stack)


def is_well(stack):
    metrics = stack.read_metrics()
    names = ("petition_health_status{}", "petition_people_waiting{}")
    is_warned = any(value for name, value in metrics.items() if name.startswith("petition_warning{"))
    return metrics and metrics[names[0]] == 0 and metrics[names[1]] < 3 and not is_warned


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_what_the_runbook_says_to_type_ends_the_trouble(stack, scenario):
    stack.restart()
    stack.wait_until(lambda: is_well(stack), OVER_WITHIN_SECONDS, "health before the trouble")
    before = stack.read_metrics()
    well, seconds_well = scrape_twice(stack)
    scenario.broken(stack)
    stack.wait_until(lambda: shows(scenario, stack, before), SHOWN_WITHIN_SECONDS, "the trouble in the metrics")
    if scenario.ages:
        time.sleep(3)
        stack.execute(AGE_WAITING)
    trouble, seconds_trouble = scrape_twice(stack)
    type_commands(stack, scenario)
    if scenario.alert != "StatisticsDrift":  # which says what was found, and ends by itself after an hour
        stack.wait_until(lambda: is_well(stack), OVER_WITHIN_SECONDS, "the end of the trouble")
    after, seconds_after = scrape_twice(stack)
    if RECORD:
        save(scenario.name, [*well, *trouble, *after], [seconds_well, seconds_trouble, seconds_after])


def shows(scenario, stack, before):
    """Return whether the metrics show the trouble; a counter, by what was added since."""
    metrics = stack.read_metrics()
    changed = {
        key: value - before.get(key, 0) if "_total{" in key or "_bucket{" in key else value
        for key, value in metrics.items()
        if not ("_total{" in key or "_bucket{" in key) or value != before.get(key)
    }
    return scenario.shows(changed)


def test_every_section_of_the_runbook_is_typed():
    assert {scenario.alert for scenario in SCENARIOS} - {None} == set(runbook.read_runbook())
