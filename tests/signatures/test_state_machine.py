"""Signatures as a state machine: actions in any order, and two at once, compared with a plain model."""

import copy
import os
import re
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from itsdangerous import TimestampSigner
from sqlalchemy import select, text
from support.factories import confirm_by_link, make_form, make_petition, make_signature
from support.settings import ROOT
from support.signature_model import LINK_PREFIX_FOR_KIND, MINUTE, Link, Model

from petition.core import tokens
from petition.core.db import db
from petition.core.exceptions import DomainError, InvalidLink
from petition.count_log import log as count_log
from petition.count_log.models import CountLogEntry
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.integrity import detection
from petition.integrity.detection import detect
from petition.operations.statistics import queries
from petition.operations.statistics.confirmation_funnel import read_funnel
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.signatures.confirm import confirm_signature
from petition.signatures.links import get_by_confirm_token, get_by_personal_token
from petition.signatures.models import Signature
from petition.signatures.reminders import enqueue_reminders
from petition.signatures.retention import delete_expired
from petition.signatures.staff.actions import perform_action

sys.path.insert(0, str(ROOT / "tools"))
import verify_count

PEOPLE = ("zoe", "ana")
AGE_ROWS_SQL = (
    "UPDATE signatures SET requested_at = requested_at - :by, reminded_at = reminded_at - :by WHERE petition_id = :id",
    "UPDATE deliveries SET created_at = created_at - :by, settled_at = settled_at - :by, "
    "next_attempt_at = next_attempt_at - :by WHERE petition_id = :id",
)
RECONCILIATION_QUERIES = (
    queries.WRONG_COUNTERS,
    queries.WRONG_HOURS,
    queries.WRONG_LIST_TOTALS,
    queries.WRONG_STATE_COUNTS,
    queries.WRONG_FAILURE_GROUPS,
)
CAMPAIGN_PATH_SQL = """
    SELECT coalesce(sum(submitted), 0) AS submitted, coalesce(sum(mailed), 0) AS mailed,
           coalesce(sum(reached), 0) AS reached FROM campaign_log WHERE petition_id = :id
"""
EXAMPLES = int(os.environ.get("LIVES", "0"))  # random ones, of the slow form
NUMBERS = count()

people = st.sampled_from(PEOPLE)
recent = st.integers(0, 5)  # which of the emailed links, counted from the last
signing = st.tuples(st.just("sign"), people, st.sampled_from(["Zoé Martin", "Ana Diaz"]), st.booleans())
following = st.tuples(st.sampled_from(["confirm", "disown", "take_back", "ask_again", "withdraw", "erase"]), recent)
confirming = st.tuples(st.sampled_from(["confirm", "withdraw"]), recent)
staff_action = st.tuples(
    st.just("desk"), st.sampled_from(
        ["resend", "confirm", "withdraw", "invalidate", "reinstate", "restore", "quarantine", "quarantine", "release"]
    ), people
)  # fmt: skip
correcting = st.one_of(
    st.tuples(st.just("desk"), st.just("name"), people, st.sampled_from(["Zoé Durand", "Zoé Martin"])),
    st.tuples(st.just("desk"), st.just("move"), people, people),
)
retention = st.tuples(st.sampled_from(["remind", "forget"]))
detecting = st.tuples(st.just("detect"))
actions = st.one_of(signing, signing, following, confirming, staff_action, correcting, retention, detecting)


class SignatureMachine(RuleBasedStateMachine):
    """Performs each action on the application and on the model, and compares what can be observed of both."""

    app = outbox = clock = None

    def __init__(self):
        super().__init__()
        self.model = Model(last=1, reacted=frozenset({"zoe@example.org"}))
        self.links, self.clock.offset = [], 0
        with self.app.app_context():
            tables = ", ".join(table.name for table in db.metadata.sorted_tables)
            db.session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
            other = make_petition(slug=f"verger-{next(NUMBERS)}")
            confirm_signature(make_signature(other, email="zoe@example.org"))
            other.state = "closed"  # which no rule looks at
            db.session.query(Delivery).delete()
            db.session.commit()
            # A slug of its own: petitions are cached.
            petition = make_petition(slug=f"jardin-{next(NUMBERS)}")
            self.petition_id, self.slug = petition.id, petition.slug

    @rule(action=actions)
    def one(self, action):
        """Perform one action."""
        self._in_model(self.model, action)
        self._do(action)
        assert self._seen() == self._expected(self.model)

    @rule(first=actions, second=actions)
    def both(self, first, second):
        """Perform two actions concurrently: the outcome is that of one after the other, in either order."""
        orders = {(first, second), (second, first)}
        for some, other in ((first, second), (second, first)):
            if some in RETENTION:  # it skips a signature that is locked, until its next run
                orders |= {((*some, address), other) for address in self.model.records}
        outcomes = []
        for order in orders:
            model = copy.deepcopy(self.model)
            for action in order:
                self._in_model(model, action)
            outcomes.append(model)
        barrier = Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda action: self._do(action, barrier), (first, second)))
        seen = self._seen()
        expected = [self._expected(model) for model in outcomes]
        note(f"seen {seen}; expected one of {expected}")
        assert seen in expected
        self.model = outcomes[expected.index(seen)]

    @rule()
    def detect(self):
        """Look for clusters."""
        self.one(("detect",))

    @rule()
    def send(self):
        """Send what is due."""
        before = len(self.outbox)
        expected = self.model.send()
        with self.app.app_context():
            run_queue("confirmations")
            run_queue("notifications")
            sent = [self._parse_message(message) for message in self.outbox[before:]]
        assert Counter((kind, to) for kind, to, _, _ in sent) == Counter((kind, to) for kind, to, _ in expected)
        for kind, to, _, token in sent:
            link = next(link for k, t, link in expected if (k, t) == (kind, to))
            if link:
                self.links.append((link, token))
        assert self._seen() == self._expected(self.model)

    @rule(minutes=st.sampled_from([2, 2, 25 * 60, 4 * 24 * 60, 15 * 24 * 60]))
    def wait(self, minutes):
        """Let time pass, by moving everything that happened into the past."""
        self.model.now += minutes * MINUTE
        self.clock.offset += minutes * 60
        with self.app.app_context():
            for statement in AGE_ROWS_SQL:
                db.session.execute(text(statement), {"by": timedelta(minutes=minutes), "id": self.petition_id})
            db.session.commit()
        assert self._seen() == self._expected(self.model)

    @invariant()
    def statistics_agree(self):
        """The count equals the confirmed rows, each statistic its rows, and no email is queued twice."""
        with self.app.app_context():
            confirmed = db.session.query(Signature).filter_by(petition_id=self.petition_id, state="confirmed").count()
            assert get_count(db.session.get(Petition, self.petition_id)).confirmed == confirmed
            records = [record for record in self.model.records.values() if record.state == "confirmed"]
            assert len(records) == confirmed
            assert {record.number for record in records} <= self.model.proved
            for query in RECONCILIATION_QUERIES:
                assert db.session.execute(query).all() == []
            duplicates = text("""SELECT subject_id, kind FROM deliveries WHERE state IN ('due', 'deferred', 'sending')
                            GROUP BY 1, 2 HAVING count(*) > 1""")
            assert db.session.execute(duplicates).all() == []

    @invariant()
    def log_agrees(self):
        """The public log of the count adds up to it, and its entries follow each other as a checker expects."""
        with self.app.app_context():
            while count_log.append_batch():
                pass
            checkpoint = count_log.get_checkpoint(self.petition_id)
            query = select(CountLogEntry.entry).where(CountLogEntry.petition_id == self.petition_id)
            entries = [e.encode() for e in db.session.scalars(query.order_by(CountLogEntry.entry_index))]
            size, root = (checkpoint.size, bytes(checkpoint.root)) if checkpoint else (0, verify_count.root_of([]))
            count = get_count(db.session.get(Petition, self.petition_id))
            found = verify_count.verify_log(entries, size, root, [])
            assert found == {"person": count.people, "organisation": count.organisations}

    @invariant()
    def funnels_agree(self):
        """Whatever was done, nobody followed a link that was not emailed: not by domain, nor by petition."""
        with self.app.app_context():
            for domain in read_funnel(datetime.now(UTC) - timedelta(days=400)):
                assert 0 <= domain.confirmed <= domain.mailed, domain
            path = db.session.execute(text(CAMPAIGN_PATH_SQL), {"id": self.petition_id}).one()
            assert 0 <= path.reached <= path.mailed <= path.submitted, path

    def _in_model(self, model, action):
        name, *args = action
        if name in ("confirm", "disown", "take_back", "ask_again", "withdraw", "erase"):
            args = [self._link(*args)[0]]
        elif name == "desk":
            args[1:] = [f"{value}@example.org" if value in PEOPLE else value for value in args[1:]]
        elif name == "sign":
            args[0] = f"{args[0]}@example.org"
        getattr(model, name)(*args)

    def _do(self, action, barrier=None):
        name, *args = action
        with self.app.app_context():
            if barrier:
                barrier.wait(10)
            if name == "desk":
                self._staff_action(*args)
            elif name == "detect":
                detect()
            elif action in RETENTION:
                {"remind": enqueue_reminders, "forget": delete_expired}[name]()
                db.session.commit()
            else:
                self._from_outside(name, *args)

    def _from_outside(self, name, *args):
        form = {"sure": "yes"} if name in ("disown", "take_back") else {}
        if name == "sign":
            path = f"/p/{self.slug}/sign"
            form = make_form(email=f"{args[0]}@example.org", name=args[1], **({"listed": "on"} if args[2] else {}))
        else:
            link, token = self._link(*args)
            path = {
                "confirm": f"/c/{token}", "disown": f"/c/{token}/disown", "take_back": f"/c/{token}/take-back",
                "ask_again": f"/c/{token}/resend",
                "withdraw": f"/me/{token}/withdraw", "erase": f"/me/{token}/erase",
            }[name]  # fmt: skip
            leads = "c" if path.startswith("/c/") else "me"
            if link is None or link.leads_to != leads:
                return
        number = next(NUMBERS)
        network = {"X-Forwarded-For": f"203.{number // 250 % 250}.{number % 250}.1"}
        client = self.app.test_client()
        answer = confirm_by_link(client, path, headers=network) if name == "confirm" else None
        while name == "confirm" and answer.status_code == 409:  # somebody signed meanwhile: read again
            answer = confirm_by_link(client, path, headers=network)
        answer = answer or client.post(path, data=form, headers=network)
        assert answer.status_code in (200, 303, 404, 410), (path, answer.status_code)

    def _staff_action(self, name, who, value=""):
        signature = db.session.scalar(
            select(Signature)
            .filter_by(petition_id=self.petition_id, email_canonical=f"{who}@example.org")
            .with_for_update(of=Signature)
        )
        if signature is None:
            return
        form = {"name": {"name": value}, "move": {"email": f"{value}@example.org"}}.get(name, {"reason": "they asked"})
        try:
            perform_action("correct" if name in ("name", "move") else name, signature, form, "alix@example.org")
            db.session.commit()
        except DomainError:
            db.session.rollback()

    def _link(self, back):
        return self.links[-1 - back % len(self.links)] if self.links else (None, None)

    def _parse_message(self, message):
        delivery = db.session.get(Delivery, int(re.match(r"<d(\d+)\.", message.msgId)[1]))
        leads = LINK_PREFIX_FOR_KIND.get(delivery.kind)
        token = re.search(rf"/{leads}/([\w.-]+)", message.body)[1] if leads else None
        return delivery.kind, message.to, leads, token

    def _seen(self):
        """Return what can be observed of the application: signatures, emails, and what each link opens."""
        with self.app.app_context():
            rows = db.session.query(Signature).filter_by(petition_id=self.petition_id)
            signatures = {row.email_canonical: (row.state, row.name, row.listed) for row in rows}
            emails = Counter(
                (row.kind, row.state) for row in db.session.query(Delivery).filter_by(petition_id=self.petition_id)
            )
            opens = [self._opens(link, token) for link, token in self.links]
        return signatures, emails, opens

    def _opens(self, link: Link, token):
        try:
            signature = {"c": get_by_confirm_token, "me": get_by_personal_token}[link.leads_to](token)
        except InvalidLink:
            return None
        return signature.email_canonical

    def _expected(self, model):
        signatures = {record.address: (record.state, record.name, record.listed) for record in model.records.values()}
        emails = Counter((email.kind, email.state) for email in model.emails)
        records = [model.open_for_link(link.leads_to, link) for link, _ in self.links]
        return signatures, emails, [record.address if record else None for record in records]


RETENTION = (("remind",), ("forget",))


class LinkClock:
    """Shifts the clock of links; everything else is moved into the past in its row."""

    offset = 0  # seconds


@pytest.fixture
def signature_machine(app, sent_emails, monkeypatch):
    """Return the machine, with its own clock for links."""
    clock = LinkClock()
    # It follows the real clock.
    monkeypatch.setitem(app.config, "PETITION_MAILBOX_LIMIT", "1000000/day")
    # Two signers are a cluster, which looks forged, and is looked at again by each pass.
    monkeypatch.setitem(app.config, "PETITION_INTEGRITY_CLUSTER", 1)
    monkeypatch.setitem(app.config, "PETITION_INTEGRITY_SCORE", -1)
    monkeypatch.setattr(detection, "LOOK_AGAIN_SHARE", 0)
    stamp = TimestampSigner.get_timestamp
    later = type("Later", (), {"now": lambda zone: datetime.now(UTC) + timedelta(seconds=clock.offset)})
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: stamp(signer) + clock.offset)
    monkeypatch.setattr(tokens, "datetime", later)
    return type("Machine", (SignatureMachine,), {"app": app, "outbox": sent_emails, "clock": clock})


@pytest.mark.parametrize("lives", [4, pytest.param(EXAMPLES or 60, marks=pytest.mark.slow)])
def test_signature_state_machine_matches_the_model(signature_machine, lives):
    run_state_machine_as_test(
        signature_machine,
        settings=settings(
            max_examples=lives, derandomize=lives == 4, stateful_step_count=30,
            deadline=None, database=None, print_blob=lives != 12,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        ),
    )  # fmt: skip
