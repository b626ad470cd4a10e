from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from factories import make_mailing

from petition.core import clock
from petition.core.db import db
from petition.delivery import holds, transport
from petition.delivery import record as recording
from petition.delivery.claim import claim
from petition.delivery.compose import return_path
from petition.delivery.dispatch import dispatch
from petition.delivery.lanes import CONFIRMATIONS, LANES, MAILINGS
from petition.delivery.letter import Letter
from petition.delivery.models import Delivery, Hold
from petition.delivery.record import Round, Settled, record
from petition.delivery.replies import accepted
from petition.delivery.suppress import suppress, suppressed_among
from petition.petitions.models import Petition

MANY = [f"s{n}@example.org" for n in range(130)]


def due_now():
    db.session.query(Delivery).update({"next_attempt_at": clock.now() - timedelta(seconds=1)})
    db.session.query(Hold).filter_by(scope="server").update({"until": clock.now() - timedelta(seconds=1)})
    db.session.commit()


def test_everyone_is_mailed_once_over_one_connection(server, owe, rows):
    owe(*MANY)
    assert dispatch("confirmations") == 130
    assert sorted(server.addresses) == sorted(MANY)
    assert {row.state for row in rows()} == {"sent"}
    assert server.connections <= 2
    assert dispatch("confirmations") == 0


def test_many_workers_at_once_mail_everyone_once(app, server, owe, rows):
    owe(*MANY)

    def work(_):
        with app.app_context(), transport.closed_afterwards():
            return dispatch("confirmations")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert sorted(server.addresses) == sorted(MANY)


def test_the_envelope_names_the_delivery(server, owe, rows):
    owe("zoe@example.org")
    dispatch("confirmations")
    (_, message), (row,) = server.accepted[0], rows()
    assert message["Message-ID"].startswith(f"<d{row.id}.")
    assert return_path(row.id) == return_path(row.id).lower()
    assert return_path(row.id) != return_path(row.id + 1)


@pytest.mark.parametrize(
    ("answer", "state", "gone"),
    [
        ("550 5.1.1 <s0@example.org> no such user", "failed", True),
        ("550 5.7.1 refused by policy", "failed", False),
        ("552 5.2.2 mailbox full", "failed", False),
        ("451 4.7.1 greylisted", "deferred", False),
        ("452 4.2.2 over quota", "deferred", False),
        ("550 5.7.1 what\0no database\x1bholds", "failed", False),
    ],
)
@pytest.mark.parametrize("stage", ["on_rcpt", "on_data"])
def test_an_answer_is_about_its_row_alone(server, owe, rows, stage, answer, state, gone):
    owe("s0@example.org", "s1@example.org")
    setattr(server, stage, lambda address: answer if address.startswith("s0") else None)
    dispatch("confirmations")
    refused, taken = rows()
    assert (refused.state, refused.smtp_code, refused.attempt) == (state, int(answer[:3]), 1)
    assert "s0@" not in refused.reason
    assert taken.state == "sent"
    assert bool(suppressed_among(["s0@example.org"])) is gone
    if state == "deferred":
        assert clock.now() - timedelta(seconds=1) < refused.next_attempt_at <= clock.now() + timedelta(seconds=30)
        setattr(server, stage, lambda address: None)
        due_now()
        dispatch("confirmations")
        assert rows()[0].state == "sent"


@pytest.mark.parametrize("answer", ["421 4.3.2 closing", "454 4.7.0 too busy"])
@pytest.mark.parametrize(("stage", "asked"), [("on_rcpt", 1), ("on_data", 0)])
def test_the_servers_own_trouble_is_held_against_nobody_but_who_was_asked_for(server, owe, rows, stage, asked, answer):
    owe(*MANY[:5])
    setattr(server, stage, lambda address: answer)
    dispatch("confirmations")
    assert [row.attempt for row in rows()] == [asked, 0, 0, 0, 0]
    assert [row.state for row in rows()] == ["deferred", "due", "due", "due", "due"]
    assert [hold.scope for hold in holds.holds()] == ["server"]
    assert dispatch("confirmations") == 0, "nothing is tried while the server rests"
    setattr(server, stage, lambda address: None)
    due_now()
    dispatch("confirmations")
    assert {row.state for row in rows()} == {"sent"}
    assert holds.holds() == []


def test_a_server_that_is_down_is_left_alone_longer_each_time(app, owe, rows, monkeypatch):
    monkeypatch.setattr(app.extensions["mail"], "port", 1)
    owe("zoe@example.org")
    rests = []
    for _ in range(4):
        dispatch("confirmations")
        hold = db.session.query(Hold).one()
        db.session.refresh(hold)
        rests.append((hold.until - clock.now()).total_seconds())
        due_now()
    assert rests == sorted(rests)
    assert rests[0] < 1.5 < rests[-1] <= 60
    assert [(row.state, row.attempt) for row in rows()] == [("deferred", 0)]


def test_a_connection_that_breaks_in_the_middle_is_tried_again(server, owe, rows):
    owe("zoe@example.org")
    server.on_data = lambda address: "hang up"
    dispatch("confirmations")
    (row,) = rows()
    assert (row.state, row.attempt) == ("deferred", 1)
    server.on_data = lambda address: None
    due_now()
    dispatch("confirmations")
    assert server.addresses == ["zoe@example.org"]


def test_attempts_end(server, owe, rows):
    owe("zoe@example.org")
    server.on_rcpt = lambda address: "451 4.7.1 later"
    for _ in range(CONFIRMATIONS.max_attempts):
        due_now()
        dispatch("confirmations")
    (row,) = rows()
    assert row.state == "failed"
    assert row.reason.startswith(f"gave up after {CONFIRMATIONS.max_attempts} attempts")


def test_backoff_grows_to_its_cap():
    for attempt in (1, 5, 9, 15, 100):
        waits = [recording.backoff(attempt).total_seconds() for _ in range(300)]
        bound = min(30 * 2 ** (attempt - 1), 4 * 3600)
        assert bound / 2 <= min(waits) < bound * 0.6, "none at once: tries that follow at once meet the same trouble"
        assert bound * 0.9 < max(waits) <= bound


def test_a_dead_workers_rows_are_sent_by_another(server, owe, rows):
    owe("zoe@example.org")
    claim(CONFIRMATIONS, "a worker that dies")
    db.session.commit()
    assert dispatch("confirmations") == 0
    db.session.query(Delivery).update({"lease_until": clock.now() - timedelta(seconds=1)})
    db.session.commit()
    assert dispatch("confirmations") == 1
    assert server.addresses == ["zoe@example.org"]


def test_a_dead_workers_mailing_is_not_sent_again_by_itself(server, owe, rows):
    owe("zoe@example.org")
    mailing = make_mailing(db.session.query(Petition).one(), state="sending")
    db.session.query(Delivery).update({"lane": "mailings", "mailing_id": mailing.id})
    db.session.commit()
    token, claims = claim(MAILINGS, "a worker that dies")
    assert record(MAILINGS, token, [], Round("dies"), claims) == (0, {claims[0].id})
    db.session.query(Delivery).update({"lease_until": clock.now() - timedelta(seconds=1)})
    db.session.commit()
    dispatch("mailings")
    assert [row.state for row in rows()] == ["unknown"]
    assert server.addresses == []


def test_an_outcome_without_the_claim_is_not_recorded(server, owe, rows):
    owe("zoe@example.org")
    stale, (item,) = claim(CONFIRMATIONS, "slow")
    db.session.query(Delivery).update({"state": "due", "claim_token": None})
    db.session.commit()
    claim(CONFIRMATIONS, "quick")
    assert record(CONFIRMATIONS, stale, [Settled(item, accepted(b"OK"), None, clock.now())], Round("slow"))[0] == 0
    assert rows()[0].state == "sending"


@pytest.mark.parametrize("scope", ["confirmations", "all"])
def test_a_lane_that_is_held_sends_nothing_until_it_is_let_go(server, owe, rows, scope):
    owe("zoe@example.org")
    holds.hold(scope, "a test")
    db.session.commit()
    assert dispatch("confirmations") == 0
    holds.unhold(scope)
    db.session.commit()
    assert dispatch("confirmations") == 1


def test_a_suppressed_address_is_not_mailed(server, owe, rows):
    owe("zoe@example.org", "ann@example.org")
    suppress("Zoe@Example.org", "asked")
    db.session.commit()
    dispatch("confirmations")
    assert [row.state for row in rows()] == ["suppressed", "sent"]
    assert server.addresses == ["ann@example.org"]


def test_one_email_that_cannot_be_composed_does_not_hold_up_the_others(server, owe, rows):
    owe("zoe@example.org", "ann@example.org")
    db.session.query(Delivery).filter_by(id=1).update({"kind": "no such kind"})
    db.session.commit()
    dispatch("confirmations")
    assert [row.state for row in rows()] == ["failed", "sent"]


def test_what_is_in_hand_is_given_back_when_the_worker_stops(server, owe, rows):
    owe(*MANY[:30])
    answers = iter([True] * 6 + [False] * 100)
    dispatch("confirmations", may_go_on=lambda: next(answers))
    states = [row.state for row in rows()]
    assert set(states) == {"sent", "due"}
    assert {row.attempt for row in rows() if row.state == "due"} == {0}


def test_addresses_in_any_script_are_mailed(server, owe):
    owe("zoé@example.org", "ann@bücher.example")
    dispatch("confirmations")
    assert sorted(server.addresses) == ["ann@xn--bcher-kva.example", "zoé@example.org"]


def test_every_lane_is_known_by_its_name():
    assert all(name == lane.name for name, lane in LANES.items())


def test_one_email_that_cannot_be_built_does_not_hold_up_the_others(server, owe, rows, monkeypatch):
    owe("zoe@example.org", "ann@example.org")
    sound = Letter.as_bytes

    def fail(letter):
        if letter.to.startswith("zoe"):
            raise ValueError("no octets for this")
        return sound(letter)

    monkeypatch.setattr(Letter, "as_bytes", fail)
    dispatch("confirmations")
    assert [row.state for row in rows()] == ["failed", "sent"]


def test_what_a_dead_worker_had_claimed_and_not_begun_is_sent_by_another(server, owe, rows):
    owe("zoe@example.org")
    mailing = make_mailing(db.session.query(Petition).one(), state="sending")
    db.session.query(Delivery).update({"lane": "mailings", "mailing_id": mailing.id})
    claim(MAILINGS, "a worker that dies")
    db.session.query(Delivery).update({"lease_until": clock.now() - timedelta(seconds=1)})
    db.session.commit()
    dispatch("mailings")
    assert server.addresses == ["zoe@example.org"]


def test_a_refused_email_leaves_the_next_as_it_was(server, owe, rows):
    server.on_data = lambda address: "554 5.7.1 spam" if address.startswith("s1@") else None
    owe(*MANY[:5])
    dispatch("confirmations")
    assert [row.state for row in rows()] == ["sent", "failed", "sent", "sent", "sent"]
    assert server.addresses == [address for address in MANY[:5] if address != "s1@example.org"]
    assert server.connections <= 2, "one connection serves on"


@pytest.mark.parametrize("answer", ["421 4.3.2 closing", "hang up"])
def test_nothing_is_left_announced_where_a_batch_ends_early(server, owe, rows, answer):
    server.on_data = lambda address: answer if address.startswith("s1@") else None
    owe(*MANY[:5])
    dispatch("confirmations")
    server.on_data = lambda address: None
    due_now()
    dispatch("confirmations")
    assert {row.state for row in rows()} == {"sent"}
    assert sorted(server.addresses) == sorted(MANY[:5])
    assert all(len(message.get_body(("plain",)).get_content()) > 100 for _, message in server.accepted)


def test_an_email_that_cannot_be_built_does_not_spoil_the_next(server, owe, rows, monkeypatch):
    as_bytes = Letter.as_bytes

    def fails_for_one(letter):
        if letter.to == "s1@example.org":
            raise ValueError("no")
        return as_bytes(letter)

    monkeypatch.setattr(Letter, "as_bytes", fails_for_one)
    owe(*MANY[:5])
    dispatch("confirmations")
    assert [row.state for row in rows()] == ["sent", "failed", "sent", "sent", "sent"]
    assert len(server.addresses) == 4


def test_a_worker_that_stops_hangs_up_on_what_it_announced(server, owe, rows):
    owe(*MANY[:5])
    turns = iter([True, True, True, False, False])
    assert dispatch("confirmations", may_go_on=lambda: next(turns)) == 2
    assert transport._thread.connection.host is None or transport._thread.connection.host.ahead is None
    assert dispatch("confirmations") == 3
    assert sorted(server.addresses) == sorted(MANY[:5])
