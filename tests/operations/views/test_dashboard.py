"""Operators' pages: dashboard, failures, bulk actions, pauses, signature search and timeline."""

import csv
import re
from datetime import timedelta

import pytest
from sqlalchemy import event, func, insert, select, text, update
from support.factories import make_petition, make_signature, post_form, sign_in
from support.signing import process_requests

from petition.bulk_actions import runner
from petition.bulk_actions.models import BulkAction
from petition.core.db import db
from petition.delivery.bounces.models import BounceMailboxState
from petition.delivery.models import Attempt, Delivery, Pause
from petition.delivery.suppressions.suppression_list import suppress
from petition.delivery.worker import run_queue
from petition.operations import failures
from petition.operations.actions import delivery_actions
from petition.operations.statistics import confirmation_funnel, rollup
from petition.operations.statistics.snapshot import get_last_day, get_recent_funnel, take_snapshot
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.team.models import AuditEvent


@pytest.fixture
def operator(client):
    return sign_in(client, "operator")


@pytest.fixture
def failed_deliveries(app):
    """Six emails failed at one domain, two deferred at another, one due."""
    petition = make_petition()
    rows = {"refused.example": ("failed", "550 5.7.1", 6), "busy.example": ("deferred", "451 4.7.1", 2)}
    for domain, (state, cause, n) in rows.items():
        for number in range(n):
            signature = make_signature(petition, email=f"s{number}@{domain}")
            db.session.execute(
                update(Delivery)
                .where(Delivery.subject_id == signature.id)
                .values(
                    state=state,
                    cause=cause,
                    domain=domain,
                    reason=f"{cause} response",
                    tried_at=func.now(),
                    settled_at=func.now() if state == "failed" else None,
                    next_attempt_at=func.now() + text("interval '1 hour'"),
                )
            )
    make_signature(petition, email="fine@example.org")
    db.session.commit()
    return petition


def actions():
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def test_empty_queue_is_shown(client, operator):
    page = client.get("/ops/?lang=en").text
    assert "nobody waits for a link" in page
    assert "No email failed or is to be retried" in page
    assert client.get("/ops/?lang=fr").status_code == 200


def test_page_says_the_cause_before_who_waits(client, operator):
    make_signature(make_petition())
    page = client.get("/ops/?lang=en").text
    headline, cause, waiting = (page.index(f'<p class="{name}">') for name in ("headline", "cause", "waiting"))
    assert headline < cause < waiting
    assert "No worker takes the queues" in page[cause:waiting]
    assert "1 person waits for a link" in page[waiting:]


def test_dashboard_links_each_group_to_its_emails(client, operator, failed_deliveries):
    page = client.get("/ops/?lang=en").text
    assert "550 5.7.1" in page
    assert "451 4.7.1 response" in page
    links = re.findall(r'href="(/ops/failures\?[^"]*domain=refused[^"]*)"', page)
    rows = client.get(links[0].replace("&amp;", "&")).text
    assert rows.count("550 5.7.1 response") == 6
    assert "busy.example" not in rows


def test_failures_are_turned_page_by_page(client, operator, monkeypatch):
    """Also where all were tried in the same transaction; the last page, full as it is, leads to no empty one."""
    monkeypatch.setattr(failures, "PAGE_SIZE", 2)
    prepare_failed_emails(state="failed", n=4)
    wanted = list(db.session.scalars(select(Delivery.id).order_by(Delivery.tried_at.desc(), Delivery.id.desc())))
    first = client.get("/ops/failures?state=failed&lang=en").text
    older = re.search(r'href="(/ops/failures\?[^"]*before=[^"]*)"', first)[1].replace("&amp;", "&")
    last = client.get(older).text
    emails = [re.findall(r'href="/ops/emails/(\d+)', page) for page in (first, last)]
    assert [[int(number) for number in page] for page in emails] == [wanted[:2], wanted[2:]]
    assert f"~{wanted[3]}" not in last


def test_retry_changes_exactly_the_emails_shown(client, operator, failed_deliveries):
    answer = post_form(client, "/ops/actions", verb="retry", state="failed", domain="refused.example")
    shown = client.get(answer.headers["Location"] + "?lang=en").text
    assert ">6 emails</strong> will be sent again" in shown
    assert db.session.query(Delivery).filter_by(state="failed").count() == 6, "nothing is changed before it starts"
    # Between the preview and the start, one more fails and one is cancelled.
    late = make_signature(failed_deliveries, email="late@refused.example")
    db.session.execute(
        update(Delivery).where(Delivery.subject_id == late.id).values(state="failed", domain="refused.example")
    )
    first = db.session.query(Delivery).filter_by(state="failed", domain="refused.example").order_by(Delivery.id).first()
    first.state = "cancelled"
    db.session.commit()
    for _ in range(2):
        assert post_form(client, answer.headers["Location"] + "/start").status_code == 303
    runner.run_all()
    db.session.expire_all()
    action = db.session.query(BulkAction).one()
    assert (action.state, action.total, action.done, action.skipped) == ("done", 6, 5, 1)
    assert db.session.query(Delivery).filter_by(state="due").count() == 5 + 1
    assert db.session.query(Delivery).filter_by(subject_id=late.id).one().state == "failed"
    assert actions().count("deliveries.retry") == 1
    assert "5" in client.get(answer.headers["Location"]).text


def test_retry_skips_confirmed_and_suppressed_signers(client, operator, failed_deliveries, sent_emails):
    rows = db.session.query(Delivery).filter_by(state="failed").order_by(Delivery.id).all()
    confirm_signature(db.session.get(Signature, rows[0].subject_id))
    suppress(db.session.get(Signature, rows[1].subject_id).email, "complained")
    action = delivery_actions.prepare("retry", failures.DeliveryFilter(state="failed"), "test")
    runner.start(action)
    db.session.commit()
    list(runner.run_batches(action.id))
    run_queue("confirmations")
    states = dict(db.session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())
    assert states == {"sent": 5, "cancelled": 1, "suppressed": 1, "deferred": 2}
    assert len(sent_emails) == 5


def test_stopped_action_continues(client, operator, failed_deliveries, monkeypatch):
    monkeypatch.setattr(runner, "BATCH_SIZE", 2)
    answer = post_form(client, "/ops/actions", verb="discard", state="failed")
    path = answer.headers["Location"]
    post_form(client, path + "/start")
    action_id = db.session.query(BulkAction).one().id
    next(runner.run_batches(action_id))
    post_form(client, path + "/stop")
    assert list(runner.run_batches(action_id)) == []
    db.session.expire_all()
    action = db.session.query(BulkAction).one()
    assert (action.state, action.done) == ("stopped", 2)
    assert "Not reached" in client.get(path + "?lang=en").text
    post_form(client, path + "/start")
    list(runner.run_batches(action_id))
    db.session.expire_all()
    assert db.session.query(Delivery).filter_by(state="cancelled").count() == 6
    post_form(client, path + "/stop")
    assert db.session.query(BulkAction).one().state == "done"


def test_only_unknown_emails_are_marked_as_sent(client, operator, failed_deliveries):
    answer = post_form(client, "/ops/actions", verb="mark-sent", state="failed")
    assert "/ops/failures" in answer.headers["Location"]
    db.session.execute(update(Delivery).where(Delivery.state == "deferred").values(state="unknown"))
    db.session.commit()
    action = delivery_actions.prepare("mark-sent", failures.DeliveryFilter(), "test")
    runner.start(action)
    db.session.commit()
    list(runner.run_batches(action.id))
    assert db.session.query(Delivery).filter_by(state="sent").count() == 2


def test_queue_is_paused_and_resumed(client, operator):
    assert post_form(client, "/ops/lanes/confirmations/pause", reason="the provider asked").status_code == 303
    page = client.get("/ops/?lang=en").text
    assert "the provider asked" in page
    assert db.session.query(Pause).one().by == "Alix"
    assert post_form(client, "/ops/lanes/confirmations/resume").status_code == 303
    assert db.session.query(Pause).count() == 0
    assert actions()[-2:] == ["queue.paused", "queue.resumed"]
    assert post_form(client, "/ops/lanes/nonsense/pause").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/ops/failures?state=nonsense&queue=x&cause=%00&domain=%00",
        "/ops/failures?before=x",
        "/ops/failures?before=2026-01-01~1",
        "/ops/failures?before=2026-01-01T00:00:00%2B00:00~99999999999999999999",
        "/ops/actions/999999",
        "/ops/actions/99999999999999999999",
        "/ops/signatures/99999999999999999999",
        "/ops/emails/99999999999999999999",
        "/ops/emails/999999",
        "/ops/plots/nonsense.svg",
    ],
)
def test_malformed_urls_are_no_server_error(client, operator, path):
    assert client.get(path).status_code in (200, 404)


def test_malformed_forms_are_no_server_error(client, operator):
    assert post_form(client, "/ops/actions", verb="explode", id="-1").status_code == 303
    assert post_form(client, "/ops/actions", verb="retry", id="9" * 30).status_code == 303
    for query in ("", "\0", "a@b@c", "%", "_" * 500, "\\", "9" * 19, "#" + "9" * 18, "f" * 32, "<d99.x@y>", "²"):
        assert post_form(client, "/ops/signatures", query=query).status_code == 200


def test_signature_is_found_with_its_timeline(client, operator, sent_emails):
    signature = make_signature(make_petition(), name="Zoé Martin", email="zoe@example.org")
    run_queue("confirmations")
    confirm_signature(signature)
    db.session.commit()
    for query in ("ZOE@example.org", "zoé"):
        page = post_form(client, "/ops/signatures", query=query)
        assert f"/ops/signatures/{signature.id}" in page.text
    assert "Nothing found" not in post_form(client, "/ops/signatures?lang=en", query="zoé").text
    assert "Nothing found" in post_form(client, "/ops/signatures?lang=en", query="nobody").text
    timeline = client.get(f"/ops/signatures/{signature.id}?lang=en").text
    for message in (
        "Signed for the first time",
        "enqueued: link to confirm",
        "claimed by",
        ": sent.",
        "Confirmed, and counted",
    ):
        assert message in timeline, message
    assert actions().count("signature.searched") == 4
    assert "signature.viewed" in actions()
    trail = " ".join(str((e.before, e.after, e.subject_id)) for e in db.session.query(AuditEvent))
    assert "zoe" not in trail.lower()
    assert "zoé" not in trail.lower()


def read_timeline(client, signature):
    """Return the events of the timeline, in their order, as text."""
    page = client.get(f"/ops/signatures/{signature.id}?lang=en").text
    return [" ".join(re.sub(r"<[^>]+>", " ", item).split()) for item in re.findall(r"<li>(.*?)</li>", page, re.DOTALL)]


def test_timeline_says_how_each_email_ended_and_what_comes_next(client, operator):
    """Discarded, suppressed, sent again and by whom, the next attempt, the request: in words."""
    petition = make_petition()
    signature = make_signature(petition, email="zoe@example.org")
    email = db.session.query(Delivery).one()
    early = text("now() - interval '1 hour'")
    attempt = {"delivery_id": email.id, "woken_by": "wakeup", "worker": "host/1/2", "state": "deferred"}
    db.session.execute(insert(Attempt).values(**attempt, woken_at=early, claimed_at=early, ended_at=func.now()))
    later = text("now() + interval '5 minutes'")
    changes = {"state": "deferred", "cause": "451", "next_attempt_at": later, "request_id": "f" * 32}
    db.session.execute(update(Delivery).values(**changes))
    db.session.commit()
    events = read_timeline(client, signature)
    assert "Signed for the first time" in events[0], "nothing before it, though the worker was awake already"
    assert not any("woken" in event for event in events)
    assert any(f"request {'f' * 32}" in event for event in events)
    assert any("to be retried" in event for event in events)
    assert "next attempt, not before this time" in events[-1]
    for verb, message in (("retry", "had it sent again"), ("discard", "discarded it; it is never sent")):
        db.session.execute(update(Delivery).values(state="deferred"))
        action = delivery_actions.prepare(verb, failures.DeliveryFilter(), "terminal:ada", [email.id])
        runner.start(action)
        db.session.commit()
        runner.run_all()
        events = read_timeline(client, signature)
        assert any(f"ada, at the terminal of the server {message}" in event for event in events), verb
    db.session.execute(update(Delivery).values(state="suppressed", settled_at=func.now(), reason="on the list"))
    db.session.commit()
    assert read_timeline(client, signature)[-1].endswith("suppressed. on the list")


@pytest.mark.parametrize(("woken_by", "message"), [("wakeup", "woken for it"), ("sweep", "woken by the regular sweep")])
def test_timeline_says_what_woke_the_worker(client, operator, woken_by, message):
    signature = make_signature(make_petition())
    attempt = {"woken_by": woken_by, "worker": "host/1/2", "state": "sent"}
    at = {"woken_at": func.now(), "claimed_at": func.now(), "ended_at": func.now()}
    db.session.execute(insert(Attempt).values(delivery_id=db.session.query(Delivery).one().id, **attempt, **at))
    db.session.commit()
    assert any(f"a worker was {message}." in event for event in read_timeline(client, signature))


def test_timeline_lists_emails_of_one_moment_in_the_order_of_their_numbers(client, operator):
    signature = make_signature(make_petition())
    first = db.session.query(Delivery).one()
    second = Delivery(
        kind="reminder",
        queue=first.queue,
        petition_id=first.petition_id,
        subject_id=signature.id,
        generation=1,
        created_at=first.created_at,
    )
    db.session.add(second)
    db.session.commit()
    db.session.execute(update(Delivery).where(Delivery.id == first.id).values(cause="451"))
    db.session.execute(update(Delivery).where(Delivery.id == first.id).values(state="deferred"))
    db.session.commit()  # PostgreSQL now finds the row of the first behind that of the second
    enqueued = [event for event in read_timeline(client, signature) if " enqueued" in event]
    assert [re.search(r"Email (\d+)", event)[1] for event in enqueued] == [str(first.id), str(second.id)]


def test_form_that_no_worker_has_taken_is_a_due_confirmation(client, operator):
    petition, client.processes_requests = make_petition(), False
    form = {"name": "Zoé Martin", "email": "zoe@example.org"}
    assert client.post(f"/api/v1/petitions/{petition.slug}/signatures", json=form).status_code == 202
    snapshot = take_snapshot()
    assert snapshot.queues["confirmations"].depth["due"] == snapshot.facts.waiting == 1
    assert snapshot.queues["confirmations"].oldest is not None
    assert snapshot.seconds_to_empty("confirmations") is None, "nothing moves"
    assert "1 person waits for a link" in client.get("/ops/?lang=en").text
    process_requests()
    assert take_snapshot().queues["confirmations"].depth["due"] == 1, "not counted twice"


def test_times_name_their_zone(client, operator):
    make_signature(make_petition())
    db.session.execute(update(Delivery).values(state="failed", tried_at=func.now()))
    db.session.commit()
    page = client.get("/ops/?lang=en").text
    for start in ("Not known since", "Last updated:</span> <time>", "Links requested since"):
        assert re.search(rf"{start} ?\d+ \w+ \d{{4}}, \d\d:\d\d UTC", page), start
    assert "Last attempt (UTC)" in client.get("/ops/failures?lang=en").text


def test_domain_with_few_confirmations_is_flagged(client, operator):
    petition = make_petition()
    rows = [(domain, n) for domain in ("orange.fr", "gmail.com", "free.fr") for n in range(25)]
    for domain, n in rows:
        signature = make_signature(petition, email=f"s{n}@{domain}")
        db.session.execute(
            update(Delivery)
            .where(Delivery.subject_id == signature.id)
            .values(state="sent", domain=domain, settled_at=func.now())
        )
        if (domain != "orange.fr" and n < 20) or n < 2:
            confirm_signature(signature)
    db.session.commit()
    for _ in range(2):
        found = {
            d.name: d
            for d in confirmation_funnel.read_funnel(confirmation_funnel.start_of_previous_hour(take_snapshot().at))
        }
        assert {name: (d.mailed, d.confirmed) for name, d in found.items()} == {
            "orange.fr": (25, 2),
            "gmail.com": (25, 20),
            "free.fr": (25, 20),
        }
        assert [name for name, d in found.items() if d.problem] == ["orange.fr"]
        rollup.roll_up()
    assert "far fewer confirmations" in client.get("/ops/?lang=en").text


@pytest.mark.parametrize("read", [get_last_day, get_recent_funnel])
def test_expensive_statistics_are_cached(app, monkeypatch, read):
    monkeypatch.setitem(app.config, "PETITION_CACHE_TTL", 0.5)
    app.extensions["petition.cache"].clear()
    moment = take_snapshot().at
    first = read(moment)
    assert list_statements(lambda: read(moment)) == []
    assert read(moment + timedelta(seconds=2)) is first
    app.extensions["petition.cache"].clear()


def list_statements(action):
    """Return the queries that an action makes."""
    found = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.lstrip().startswith(("SELECT", "WITH")):
            found.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        action()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return found


@pytest.mark.usefixtures("new_tables")
@pytest.mark.parametrize("rows", [8_000, pytest.param(60_000, marks=pytest.mark.slow)])
def test_no_query_of_the_page_reads_a_whole_table(app, rows):
    make_petition()
    db.session.execute(
        text("""
        INSERT INTO deliveries (kind, queue, petition_id, subject_id, generation, state, attempt, cause, domain, reason,
                                settled_at, tried_at)
        SELECT 'confirm_signature', 'confirmations', 1, n, 1,
               CASE WHEN n % 500 = 0 THEN 'failed' WHEN n % 777 = 0 THEN 'deferred'
                    WHEN n > :rows - 100 THEN 'due' ELSE 'sent' END,
               1, CASE WHEN n % 500 = 0 THEN '550 5.7.1' WHEN n % 777 = 0 THEN '451' ELSE '' END,
               'd' || n % 50 || '.fr', 'response', now(), now() FROM generate_series(1, :rows) AS n
    """),
        {"rows": rows},
    )
    attempts = "INSERT INTO attempts (delivery_id, ended_at, state) SELECT id, now(), 'sent' FROM deliveries"
    db.session.execute(text(attempts))
    db.session.commit()
    while rollup.roll_up():
        pass
    db.session.execute(text("ANALYZE"))
    db.session.commit()

    def page():
        now = take_snapshot()
        get_last_day(now.at)
        failures.list_deliveries(failures.DeliveryFilter("confirmations", "failed", "550 5.7.1", "d0.fr"))

    found = list_statements(page)
    assert len(found) > 8
    for statement, parameters in found:
        with db.engine.connect() as connection:
            plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))
        assert not re.search(r"Seq Scan on (deliveries|signatures|attempts)", plan), f"{statement}\n{plan}"


def test_failure_groups_are_right_before_and_after_rollup(app):
    for domain, n in (("a.fr", 5), ("b.fr", 4), ("c.fr", 3)):
        values = {"domain": domain, "n": n}
        db.session.execute(
            text("INSERT INTO failure_groups VALUES ('confirmations', 'failed', '550 5.1.1', :domain, :n)"), values
        )
    log = "INSERT INTO state_change_log (subject, queue, state, cause, domain, change, entered) VALUES "
    for domain, change in (("a.fr", -3), ("b.fr", -4), ("d.fr", 2)):
        row = "('delivery', 'confirmations', 'failed', '550 5.1.1', :domain, :change, 0)"
        db.session.execute(text(log + row), {"domain": domain, "change": change})
    db.session.commit()
    before = [(group.domain, group.n) for group in failures.list_groups(limit=1)]
    assert before == [("c.fr", 3)]
    assert [(g.domain, g.n) for g in failures.list_groups()] == [("c.fr", 3), ("a.fr", 2), ("d.fr", 2)]
    rollup.roll_up()
    assert [(g.domain, g.n) for g in failures.list_groups()] == [("c.fr", 3), ("a.fr", 2), ("d.fr", 2)]


def prepare_failed_emails(state="unknown", queue="mailings", n=3):
    petition = make_petition()
    for number in range(n):
        make_signature(petition, email=f"u{number}@example.org")
    db.session.execute(update(Delivery).values(state=state, queue=queue, cause="worker died"))
    db.session.commit()
    return list(db.session.scalars(select(Delivery.id).order_by(Delivery.id)))


def test_emails_of_unknown_outcome_have_a_warning_and_are_never_retried_with_others(client, operator):
    ids = prepare_failed_emails()
    assert "3 emails have an unknown outcome" in client.get("/ops/?lang=en").text
    listed = client.get("/ops/failures?lang=en&state=unknown").text
    assert "Sending one again may mail somebody twice" in listed
    assert listed.count('aria-label="Mark email ') == 3
    answer = post_form(client, "/ops/actions", verb="retry")
    assert answer.headers["Location"].endswith("/ops/failures"), "a retry of everything leaves them out"
    answer = post_form(client, "/ops/actions", verb="retry", state="unknown")
    assert "gets it twice" in client.get(answer.headers["Location"] + "?lang=en").text
    answer = post_form(client, "/ops/actions", verb="mark-sent", state="unknown", selected="1", id=ids[:2])
    shown = client.get(answer.headers["Location"] + "?lang=en").text
    assert "gets it twice" not in shown
    assert ">2 emails</strong> will count as sent" in shown
    post_form(client, answer.headers["Location"] + "/start")
    runner.run_all()
    assert [row.state for row in db.session.query(Delivery).order_by(Delivery.id)] == ["sent", "sent", "unknown"]


def test_selection_of_nothing_does_nothing(client, operator):
    prepare_failed_emails()
    answer = post_form(client, "/ops/actions", verb="mark-sent", state="unknown", selected="1")
    assert answer.headers["Location"].endswith("/ops/failures?state=unknown")
    assert db.session.query(BulkAction).count() == 0


def test_due_emails_are_discarded_only_while_their_queue_is_paused(client, operator):
    """After a restore, what was sent since the backup looks due again."""
    prepare_failed_emails("due")
    values = {"verb": "discard", "state": "due", "queue": "mailings"}
    assert post_form(client, "/ops/actions", **values).headers["Location"].endswith("?queue=mailings&state=due")
    assert db.session.query(BulkAction).count() == 0
    post_form(client, "/ops/lanes/all/pause", reason="restored")
    assert 'href="/ops/failures?queue=mailings&amp;state=due"' in client.get("/ops/").text
    page = client.get("/ops/failures?lang=en&queue=mailings&state=due").text
    assert page.count("worker stopped while sending") == 3
    assert "Mark as sent" in page
    assert "Send again" not in page
    answer = post_form(client, "/ops/actions", **values)
    post_form(client, answer.headers["Location"] + "/start")
    runner.run_all()
    assert {row.state for row in db.session.query(Delivery)} == {"cancelled"}


def test_resume_of_all_queues_says_what_stays_paused(client, operator):
    for scope in ("all", "mailings"):
        post_form(client, f"/ops/lanes/{scope}/pause", reason="restored")
    answer = post_form(client, "/ops/lanes/all/resume?lang=en")
    assert "still paused on its own: mailings" in client.get(answer.headers["Location"] + "?lang=en").text


def test_old_failures_leave_the_daily_view_for_a_list_of_their_own(client, operator):
    ids = prepare_failed_emails()
    old = {"tried_at": func.now() - timedelta(days=8), "state": "failed", "cause": "550 5.1.1", "domain": "old.example"}
    db.session.execute(update(Delivery).where(Delivery.id == ids[0]).values(**old))
    db.session.commit()

    def listed(path):
        return {int(number) for number in re.findall(r'name="id" value="(\d+)" aria-label', client.get(path).text)}

    assert listed("/ops/failures?lang=en") == set(ids[1:])
    assert listed("/ops/failures?lang=en&age=dead") == {ids[0]}
    assert listed("/ops/failures?lang=en&age=") == set(ids)
    page = client.get("/ops/?lang=en").text
    daily, _, dead = page[page.index('id="failures"') :].partition('id="dead"')
    assert "old.example" not in daily
    assert "old.example" in dead
    answer = post_form(client, "/ops/actions", verb="retry", age="dead")
    assert ">1 email</strong>" in client.get(answer.headers["Location"] + "?lang=en").text


def test_list_is_filtered_by_time_worker_and_attempts(client, operator):
    ids = prepare_failed_emails()
    db.session.add(Attempt(delivery_id=ids[1], worker="mail-2/77/3", ended_at=func.now(), state="failed"))
    values = {"tried_at": "2026-01-02T03:04:05+00:00", "attempt": 7}
    db.session.execute(update(Delivery).where(Delivery.id == ids[2]).values(**values))
    db.session.commit()

    def listed(query):
        page = client.get(f"/ops/failures?lang=en&{query}").text
        return [int(number) for number in re.findall(r'name="id" value="(\d+)" aria-label', page)]

    assert listed("worker=mail-2/77") == [ids[1]]
    assert listed("attempts=7") == [ids[2]]
    assert listed("since=2026-01-02T03:04&until=2026-01-02T03:05") == [ids[2]]
    assert listed("until=2026-01-02T03:04") == []
    assert len(listed("since=nonsense&attempts=-1&worker=%00&age=x")) == 3


@pytest.mark.parametrize("name", ["hours", "domains", "failures"])
def test_statistics_are_csv_without_formulas(client, operator, failed_deliveries, name):
    db.session.execute(update(Delivery).where(Delivery.state == "failed").values(cause="=cmd()", reason="@SUM(1)"))
    db.session.commit()
    answer = client.get(f"/ops/statistics/{name}.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    rows = list(csv.reader(answer.get_data().decode("utf-8-sig").splitlines()))
    assert len({len(row) for row in rows}) == 1
    assert not any(cell.startswith(("=", "@")) for row in rows for cell in row)
    if name == "failures":
        assert rows[1][:5] == ["6", "failed", "confirmations", "'=cmd()", "refused.example"]
    if name == "hours":
        assert len(rows) == 25
    assert client.get("/ops/statistics/nonsense.csv").status_code == 404


@pytest.mark.usefixtures("within_one_hour")
def test_p95_is_shown_by_domain(client, operator):
    petition = make_petition()
    for domain, seconds in (("quick.example", 0.3), ("slow.example", 60)):
        signature = make_signature(petition, email=f"zoe@{domain}")
        sent = {"state": "sent", "domain": domain, "settled_at": Delivery.created_at + timedelta(seconds=seconds)}
        db.session.execute(update(Delivery).where(Delivery.subject_id == signature.id).values(**sent))
    db.session.commit()
    for _ in range(2):
        found = {each.name: each for each in confirmation_funnel.read_funnel(db.session.scalar(select(func.now())))}
        assert found["quick.example"].p95 == pytest.approx(0.33, rel=0.2)
        assert found["slow.example"].p95 == pytest.approx(68, rel=0.2)
        assert found["slow.example"].mailed == 1
        rollup.roll_up()
        db.session.commit()


def test_each_reason_links_to_what_to_do(client, operator):
    page = client.get("/ops/?lang=en").text
    names = set(re.findall(r'href="/ops/runbook#(\w+)"', page))
    assert names
    runbook = client.get("/ops/runbook").text
    assert all(f'<section id="{name}">' in runbook for name in names)


def test_bounce_mailbox_is_shown_with_its_servers_words(client, operator):
    assert "Bounce mailbox" not in client.get("/ops/?lang=en").text
    state = BounceMailboxState(id=1, problem="full", response="999 of 1000 are used", since=func.now(), failed=2)
    db.session.add(state)
    db.session.commit()
    page = client.get("/ops/?lang=en").text
    assert "cannot be read: it is full: new reports are refused" in page
    assert "999 of 1000 are used" in page
    assert "2 messages cannot be processed" in page
    assert 'href="/ops/runbook#BounceMailboxUnreadable"' in page
    state.problem, state.since, state.waiting = "", None, 1
    db.session.commit()
    page = client.get("/ops/?lang=fr").text
    assert "1 message en attente" in page
