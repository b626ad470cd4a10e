"""Counts agree after everything: random acts of signers, the team, time and a restore, and a recount after each."""

import os
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from support.factories import make_petition
from support.retention import Clock, announce_and_wait, close_long_ago
from support.signing import process_requests

from petition.backups import journal, replay
from petition.bulk_actions import runner
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.delivery.models import Delivery
from petition.delivery.worker import run_queue
from petition.operations.statistics import queries, rollup
from petition.operations.statistics.confirmation_funnel import read_funnel
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.paper import bulk as paper_bulk
from petition.petitions.paper.manual_entry import ProblemFound, add_line
from petition.petitions.paper.models import PaperImport
from petition.petitions.statistics.campaign import roll_up_batch
from petition.retention.anonymise import anonymise_due
from petition.retention.folding import fold
from petition.signatures.confirm import confirm_signature, disown
from petition.signatures.models import Signature
from petition.signatures.personal import self_service
from petition.signatures.retention import delete_expired
from petition.signatures.search.filters import Filter
from petition.signatures.staff import invalidate, organisations
from petition.signatures.staff.actions import perform_action

EXAMPLES = int(os.environ.get("LIVES", "0"))  # random ones; unset: a few, the same each time
NUMBERS = count()
NAMES = ("Zoé Martin", "www.spam.example", "JEAN DUPONT", "Inès Caron")
STAFF = (
    "resend", "correct", "confirm", "withdraw", "invalidate", "reinstate", "restore", "show_name", "hide_name",
    "restrict", "lift", "erase", "quarantine", "release",
)  # fmt: skip
CAMPAIGN_PATH_SQL = """
    SELECT coalesce(sum(submitted), 0) AS submitted, coalesce(sum(mailed), 0) AS mailed,
           coalesce(sum(reached), 0) AS reached FROM (
        SELECT petition_id, submitted, mailed, reached FROM campaign_log
        UNION ALL
        SELECT petition_id, CASE value WHEN 'submitted' THEN n ELSE 0 END, CASE value WHEN 'mailed' THEN n ELSE 0 END,
               CASE value WHEN 'confirmed' THEN n ELSE 0 END
        FROM campaign_statistics WHERE dimension = 'path') AS changes WHERE petition_id = :id
"""

which = st.integers(0, 5)
one = st.one_of(
    st.tuples(st.just("sign"), st.integers(0, 3), st.sampled_from(["person", "person", "organisation"]),
              st.booleans(), st.sampled_from(NAMES)),
    st.tuples(st.sampled_from(["send", "send", "roll up", "fold"])),
    st.tuples(st.sampled_from(["confirm", "confirm", "confirm", "withdraw", "disown", "erase"]), which),
    st.tuples(st.just("rectify"), which, st.sampled_from(NAMES), st.booleans()),
    st.tuples(st.just("staff"), which, st.sampled_from(STAFF)),
    st.tuples(st.sampled_from(["bulk", "undo bulk", "merge", "unmerge", "paper", "undo paper"])),
    st.tuples(st.just("restore backup"), which, which),
    st.tuples(st.sampled_from(["expire", "paper", "send"])),
)  # fmt: skip
everything = st.lists(one, min_size=15, max_size=40)


# What every life begins with, so that there is somebody for most acts.
BEGINNING = (
    *(("sign", n, "organisation" if n > 3 else "person", n != 1, NAMES[n % len(NAMES)]) for n in range(6)),
    ("send",), ("confirm", 0), ("confirm", 1), ("confirm", 2), ("confirm", 4), ("confirm", 5),
)  # fmt: skip


class Life:
    """A petition to which things happen, by the services that its pages, commands and tasks call."""

    def __init__(self, app):
        self.app, self.client = app, app.test_client()
        self.petition = make_petition(slug=f"jardin-{next(NUMBERS)}", milestones=[])

    def pick(self, n):
        """Return one of the signatures, locked; None if there is none."""
        query = select(Signature).where(Signature.petition_id == self.petition.id).order_by(Signature.id)
        rows = db.session.scalars(query.with_for_update(of=Signature).execution_options(populate_existing=True)).all()
        return rows[n % len(rows)] if rows else None

    def do(self, act):
        """Perform an act; what its state does not allow changes nothing."""
        name, *args = act
        try:
            getattr(self, name.replace(" ", "_"))(*args)
            db.session.commit()
        except (DomainError, ProblemFound):
            db.session.rollback()

    def sign(self, who, party, listed, name):
        form = {"name": name, "email": f"s{who}@example.org", "party": party, "listed": listed, "locale": "fr"}
        form |= {"organisation": f"Association {who}"} if party == "organisation" else {}
        number = next(NUMBERS)
        network = {"X-Forwarded-For": f"203.{number // 250 % 250}.{number % 250}.1"}
        path = f"/api/v1/petitions/{self.petition.slug}/signatures"
        assert self.client.post(path, json=form, headers=network).status_code in (202, 409, 422)
        process_requests()

    def send(self):
        for queue in ("confirmations", "notifications"):
            run_queue(queue)

    def roll_up(self):
        rollup.roll_up()
        roll_up_batch()

    def fold(self):
        """Fold old emails; those of pending signatures are younger, as these are deleted before."""
        young = select(Signature.id).where(Signature.state == "pending")
        query = select(Delivery.id).where(Delivery.settled_at.is_not(None), Delivery.subject_id.not_in(young))
        fold(db.session.scalars(query.limit(3)).all())

    def confirm(self, n):
        """Follow the link, if one was emailed."""
        signature = self.pick(n)
        if signature and signature.state == "pending" and self.was_mailed(signature):
            confirm_signature(signature)

    def was_mailed(self, signature):
        kinds = Delivery.kind.in_(["confirm_signature", "reminder"])
        query = select(func.count()).where(Delivery.subject_id == signature.id, kinds, Delivery.state == "sent")
        return db.session.scalar(query) > 0

    def withdraw(self, n):
        if signature := self.pick(n):
            self_service.withdraw(signature)

    def disown(self, n):
        if signature := self.pick(n):
            disown(signature)

    def erase(self, n):
        signature = self.pick(n)
        if signature and signature.state == "confirmed":
            self_service.erase(signature)

    def rectify(self, n, name, listed):
        if signature := self.pick(n):
            self_service.update_details(signature, {"name": name, **({"listed": "on"} if listed else {})})

    def staff(self, n, name):
        if signature := self.pick(n):
            form = {"reason": "they asked", "sure": "yes"}
            form |= {"name": "Zoé Durand", "email": f"m{n}@example.org"} if name == "correct" else {}
            perform_action(name, signature, form, "alix@example.org")

    def bulk(self):
        action = invalidate.prepare_bulk_invalidation(Filter(petition=self.petition.slug), "spam", "alix")
        self.run(action)

    def undo_bulk(self):
        if actions := runner.list_recent(invalidate.SUBJECT):
            self.run(invalidate.prepare_bulk_reinstatement(actions[0], "alix"))

    def run(self, action):
        runner.start(action)
        db.session.commit()
        runner.run_all()

    def merge(self):
        ids = db.session.scalars(select(Signature.id).where(Signature.party == "organisation")).all()
        organisations.merge(self.petition, ids, ids[0] if ids else 0)

    def unmerge(self):
        for signature in db.session.scalars(select(Signature).where(Signature.merged_into.is_not(None))):
            organisations.unmerge(signature)

    def paper(self):
        add_line(self.petition, {"name": "Ana Diaz", "city": f"Ville {next(NUMBERS)}"}, "alix")

    def undo_paper(self):
        file = db.session.scalar(select(PaperImport).limit(1))
        if file and (action := paper_bulk.prepare_removal(file, "alix")):
            self.run(action)

    def restore_backup(self, n, m):
        """Restore the backup of a moment ago, after people left; the journal keeps them out."""
        for number, leave in ((n, self.withdraw), (m, self.erase), (n + m, self.disown)):
            leave(number)
        entries = journal.list_all()
        db.session.rollback()
        replay.replay(db.session.connection(), entries)

    def expire(self):
        """Let what was never confirmed be deleted."""
        old = Signature.requested_at - timedelta(days=20)
        db.session.execute(update(Signature).where(Signature.state == "pending").values(requested_at=old))
        delete_expired()


def require_agreement(petition_id):
    """Fail unless every count is that of a recount, and no funnel has more confirmed than mailed."""
    for query in (
        queries.WRONG_COUNTERS, queries.WRONG_HOURS, queries.WRONG_LIST_TOTALS, queries.WRONG_STATE_COUNTS,
        queries.WRONG_FAILURE_GROUPS,
    ):  # fmt: skip
        assert db.session.execute(query).all() == []
    count = get_count(db.session.get(Petition, petition_id))
    rows = db.session.query(Signature).filter_by(petition_id=petition_id, state="confirmed")
    assert count.confirmed == rows.count()
    assert count.paper == db.session.scalar(text("SELECT count(*) FROM paper_signatures WHERE counted"))
    for domain in read_funnel(datetime.now(UTC) - timedelta(days=400)):
        assert 0 <= domain.confirmed <= domain.mailed, domain
    path = db.session.execute(text(CAMPAIGN_PATH_SQL), {"id": petition_id}).one()
    assert 0 <= path.reached <= path.mailed <= path.submitted, path
    db.session.rollback()


@pytest.fixture
def petition_clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.mark.parametrize(
    "meanwhile",
    [
        [("confirm", 0), ("withdraw", 0), ("fold",), ("sign", 0, "person", True, NAMES[0])],
        [("staff", 0, "invalidate"), ("fold",), ("staff", 0, "reinstate"), ("staff", 0, "resend")],
    ],
    ids=["withdrew", "invalidated"],
)
def test_somebody_whose_emails_were_folded_counts_once(app, sent_emails, meanwhile):
    life = Life(app)
    for act in [("sign", 0, "person", True, NAMES[0]), ("send",), *meanwhile, ("send",), ("roll up",), ("confirm", 0)]:
        life.do(act)
        require_agreement(life.petition.id)
    assert len([email for email in sent_emails if "/c/" in email.body]) == 2
    assert db.session.execute(text(CAMPAIGN_PATH_SQL), {"id": life.petition.id}).one() == (1, 1, 1)


def test_email_that_was_never_sent_is_no_earlier_one(app, sent_emails):
    life = Life(app)
    life.do(("sign", 0, "person", True, NAMES[0]))
    db.session.execute(update(Delivery).values(state="failed", settled_at=func.now()))
    db.session.commit()
    for act in [("staff", 0, "invalidate"), ("fold",), ("staff", 0, "reinstate"), ("staff", 0, "resend"), ("send",)]:
        life.do(act)
    assert db.session.execute(text(CAMPAIGN_PATH_SQL), {"id": life.petition.id}).one() == (1, 1, 0)


@pytest.mark.slow
def test_counts_agree_after_all_acts(app, sent_emails, monkeypatch, petition_clock):
    monkeypatch.setitem(app.config, "PETITION_MAILBOX_LIMIT", "1000000/day")
    monkeypatch.setitem(app.config, "PETITION_DOMAIN_LIMIT", "1000000/day")

    @settings(
        max_examples=EXAMPLES or 8, derandomize=not EXAMPLES, deadline=None, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(everything, st.booleans())
    def live(acts, ends):
        tables = ", ".join(table.name for table in db.metadata.sorted_tables)
        db.session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        db.session.commit()
        life = Life(app)
        for act in (*BEGINNING, *acts):
            life.do(act)
            note(f"after {act}")
            require_agreement(life.petition.id)
        if ends:
            petition_clock.offset = timedelta()
            close_long_ago(life.petition)
            announce_and_wait(petition_clock)
            anonymise_due(30)
            petition_clock.offset = timedelta()
            require_agreement(life.petition.id)

    live()
