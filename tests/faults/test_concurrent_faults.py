"""Many faults at once, under load, during a mailing: every promise is kept, and nobody gets the mailing twice."""

import json
import os
import random
import time
from collections import Counter

import pytest
from faults.test_faults import FULL, SIGNATURES_PER_SECOND
from support.faults.catalogue import MAX_REPEATS_PER_CRASH
from support.faults.concurrent import ConcurrentFaults
from support.faults.load import SignerLoad

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("all faults")]
DURATION_SECONDS = int(os.environ.get("FAULTS_STORM", "60" if FULL else "15"))  # seconds
RECOVERY_LIMIT_SECONDS = 100  # until every enqueued email is sent
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
    """Send a mailing to those who agreed, at a rate that lasts as long as the faults."""
    file = stack.folder / "mailing.md"
    file.write_text(MAILING.format(per_hour=max(recipients * 3600 // DURATION_SECONDS, 1)))
    for command in (
        ("team", "invite", AUTHOR, "--role", "sender"),
        ("mailings", "create", str(file)),
        ("mailings", "test", "1", "--to", AUTHOR),
    ):
        ended = stack.petition(*command)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    tested = "SELECT bool_and(state = 'sent') FROM deliveries WHERE kind = 'mailing_test'"
    stack.wait_until(lambda: stack.query(tested)[0][0], 60, "the tests of the mailing")
    ended = stack.petition("mailings", "send", "1", "--yes")
    assert ended.returncode == 0, ended.stderr


def count_mailed(stack):
    """Return how often each address got the mailing."""
    accepted = [(a, m) for a, m in stack.mail_server.accepted if "nouvelles" in (m["Subject"] or "")]
    return Counter(address for address, _ in accepted if address != AUTHOR)


def test_a_storm_breaks_no_promise(stack, seed, report):
    with SignerLoad(stack.site, stack.mail_server, "calm", SIGNATURES_PER_SECOND * 2) as load:
        stack.wait_until(lambda: len(load.model.confirmed) >= (200 if FULL else 40), 90, "recipients of a mailing")
        load.stop_signing()
        stack.wait_until(load.is_idle, 30, "everybody's answer")
    recipients = set(load.model.confirmed)
    begin_mailing(stack, stack.site.count()["confirmed"])

    with SignerLoad(stack.site, stack.mail_server, "storm", SIGNATURES_PER_SECOND) as load:
        with ConcurrentFaults(stack, random.Random(f"{seed} storm")) as storm:
            time.sleep(DURATION_SECONDS)
        print(*storm.log, sep="\n")
        ended, model = time.monotonic(), load.model
        stack.wait_until(lambda: model.confirmed_since(ended), RECOVERY_LIMIT_SECONDS, "a loop after the storm")
        recovered = min(model.confirmed_since(ended)) - ended
        load.stop_signing()
        stack.wait_until(load.is_idle, RECOVERY_LIMIT_SECONDS, "every enqueued email")
        settled = time.monotonic() - ended
        stack.wait_until(
            lambda: stack.count_unsettled("storm") == 0, RECOVERY_LIMIT_SECONDS, "every email on record as sent"
        )
        stack.wait_until(load.is_idle, RECOVERY_LIMIT_SECONDS, "everybody's answer")
    stack.wait_until(
        lambda: stack.query("SELECT 1 FROM mailings WHERE state = 'sent'"),
        RECOVERY_LIMIT_SECONDS,
        "the end of the mailing",
    )
    got, unknown = count_mailed(stack), {row[0] for row in stack.query(UNKNOWN)}
    twice = sum(n > 1 for n in got.values())
    note = f", {len(storm.log)} troubles; of a mailing {len(got)} mailed, {twice} twice, {len(unknown)} unknown"
    report.add("storm", model, recovered, settled, note)
    crashes = sum("end of data" in line or line.startswith(("worker", "postgres")) for line in storm.log)
    broken = model.violations(stack.rows("storm"), may_repeat=MAX_REPEATS_PER_CRASH * crashes) + stack.count_mismatch()
    broken += [f"{address} got the mailing {n} times" for address, n in got.items() if n > 1]
    broken += [f"{address} was forgotten by the mailing" for address in recipients - set(got) - unknown]
    assert broken == [], f"seed {seed}"
    assert json.loads(stack.petition("queue", "reconcile", "--json").stdout) == []
