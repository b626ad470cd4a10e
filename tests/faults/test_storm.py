"""Many faults at once, under load, while a mailing leaves: each promise holds, and nobody gets the mailing twice."""

import json
import os
import random
import time
from collections import Counter

import pytest
from faults.catalogue import BEGUN
from faults.load import Load
from faults.storm import Storm
from faults.test_faults import FULL, RATE

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("all faults")]
LASTS = int(os.environ.get("FAULTS_STORM", "60" if FULL else "15"))  # seconds
LIMIT = 100  # seconds until everything owed is delivered
AUTHOR = "alix@example.net"
MAILING = """---
name: In a storm
petitions: [internet-en-prison]
undo_minutes: 0
failure_limit: 100
per_hour: {per_hour}
---
# fr: Des nouvelles, {{{{ name }}}}

> La suite.

Bonjour {{{{ name }}}}.
"""
UNKNOWN = """
    SELECT s.email FROM deliveries d JOIN signatures s ON s.id = d.subject_id
    WHERE d.kind = 'mailing' AND d.state = 'unknown'
"""


def begin_mailing(stack, recipients):
    """Have a mailing sent to those who agreed, at a pace that lasts as long as the storm."""
    file = stack.folder / "mailing.md"
    file.write_text(MAILING.format(per_hour=max(recipients * 3600 // LASTS, 1)))
    for command in (
        ("team", "invite", AUTHOR, "--role", "sender"),
        ("mailings", "create", str(file)),
        ("mailings", "test", "1", "--to", AUTHOR),
    ):
        ended = stack.petition(*command)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    tested = "SELECT bool_and(state = 'sent') FROM deliveries WHERE kind = 'mailing_test'"
    stack.until(lambda: stack.ask(tested)[0][0], 60, "the tests of the mailing")
    ended = stack.petition("mailings", "send", "1", "--yes")
    assert ended.returncode == 0, ended.stderr


def mailed(stack):
    """Return how often each address got the mailing."""
    accepted = [(a, m) for a, m in stack.mail_server.accepted if "nouvelles" in (m["Subject"] or "")]
    return Counter(address for address, _ in accepted if address != AUTHOR)


def test_a_storm_breaks_no_promise(stack, seed, figures):
    with Load(stack.site, stack.mail_server, "calm", RATE * 2) as load:
        stack.until(lambda: len(load.model.confirmed) >= (200 if FULL else 40), 90, "recipients of a mailing")
        load.stop_signing()
        stack.until(load.is_quiet, 30, "everybody's answer")
    recipients = set(load.model.confirmed)
    begin_mailing(stack, stack.site.count()["confirmed"])

    with Load(stack.site, stack.mail_server, "storm", RATE) as load:
        with Storm(stack, random.Random(f"{seed} storm")) as storm:
            time.sleep(LASTS)
        print(*storm.told, sep="\n")
        ended, model = time.monotonic(), load.model
        stack.until(lambda: model.loops_since(ended), LIMIT, "a loop after the storm")
        recovered = min(model.loops_since(ended)) - ended
        load.stop_signing()
        stack.until(load.is_quiet, LIMIT, "everything owed")
        settled = time.monotonic() - ended
        stack.until(lambda: stack.unsettled("storm") == 0, LIMIT, "every email on record as sent")
        stack.until(load.is_quiet, LIMIT, "everybody's answer")
    stack.until(lambda: stack.ask("SELECT 1 FROM mailings WHERE state = 'sent'"), LIMIT, "the end of the mailing")
    got, unknown = mailed(stack), {row[0] for row in stack.ask(UNKNOWN)}
    twice = sum(n > 1 for n in got.values())
    note = f", {len(storm.told)} troubles; of a mailing {len(got)} mailed, {twice} twice, {len(unknown)} unknown"
    figures.add("storm", model, recovered, settled, note)
    crashes = sum("end of data" in told or told.startswith(("worker", "postgres")) for told in storm.told)
    broken = model.violations(stack.rows("storm"), may_repeat=BEGUN * crashes) + stack.miscount()
    broken += [f"{address} got the mailing {n} times" for address, n in got.items() if n > 1]
    broken += [f"{address} was forgotten by the mailing" for address in recipients - set(got) - unknown]
    assert broken == [], f"seed {seed}"
    assert json.loads(stack.petition("queue", "reconcile", "--json").stdout) == []
