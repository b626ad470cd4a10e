"""Requests of persons: found over all petitions, performed once, in time, and on the record without the address."""

from datetime import date, timedelta

import pytest
from support.factories import make_account, make_petition, make_signature

from petition.backups.models import JournalEntry
from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import InvalidTransition, NotFound, ValidationError
from petition.delivery.bounces.models import Bounce
from petition.delivery.suppressions.suppression_list import find_by_address
from petition.petitions.counters import get_count
from petition.privacy import deadlines, person_requests
from petition.privacy.held_data import collect_held_data
from petition.privacy.models import PersonRequest
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature
from petition.signatures.personal.data_copy import collect_data
from petition.signatures.request_models import AddressChange, ListRequest, SignRequest
from petition.signatures.search.models import SavedSearch
from petition.team.models import AuditEvent

ADDRESS = "zoe@example.org"


@pytest.fixture
def petitions(app):
    return [make_petition(), make_petition(slug="verger")]


@pytest.fixture
def signatures(petitions):
    """Return the signatures of one address on two petitions; somebody else signed too."""
    rows = [make_signature(petition, updates=True, listed=True) for petition in petitions]
    other = make_signature(petitions[0], email="other@example.org", updates=True, listed=True)
    for row in (*rows, other):
        confirm_signature(row)
    db.session.commit()
    return rows


def record(kind, email=ADDRESS, **values):
    values = {"channel": "letter", "received_on": clock.now().date(), **values}
    request = person_requests.record_request(kind, email=email, **values)
    db.session.commit()
    return request


def perform(kind):
    outcome = person_requests.perform(record(kind))
    db.session.commit()
    db.session.expire_all()
    return outcome


def others():
    return db.session.query(Signature).filter_by(email="other@example.org").one()


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ((2026, 1, 15), (2026, 2, 15)), ((2026, 1, 31), (2026, 2, 28)), ((2028, 1, 31), (2028, 2, 29)),
        ((2026, 12, 3), (2027, 1, 3)),
    ],
)  # fmt: skip
def test_an_answer_is_due_within_a_month(received, due):
    assert deadlines.add_months(date(*received), deadlines.MONTHS) == date(*due)


def test_a_request_is_recorded_with_its_deadline_and_no_address_in_the_audit_trail(app):
    request = record("erase", channel="phone", email=" Zoe@Example.org ")
    assert request.due_on == deadlines.add_months(clock.now().date(), 1)
    (event,) = db.session.query(AuditEvent).filter_by(subject="person_request")
    assert (event.action, event.subject_id) == ("request.recorded", str(request.id))
    assert "zoe" not in str(event.after).lower()
    assert person_requests.list_open() == [request]
    assert person_requests.navigation_count() == "1"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "sing"}, "kind"), ({"channel": "pigeon"}, "channel"), ({"email": "zoe"}, "email"),
        ({"received_on": date.min}, "received_on"), ({"received_on": date.max}, "received_on"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_field(app, values, field):
    fields = {"kind": "erase", "channel": "letter", "email": ADDRESS, "received_on": clock.now().date(), **values}
    with pytest.raises(ValidationError) as raised:
        person_requests.record_request(**fields)
    assert list(raised.value.errors) == [field]


def test_erasure_deletes_every_signature_and_whatever_names_the_address(signatures, petitions, app):
    account = make_account().id
    db.session.add_all(
        [
            SavedSearch(account_id=account, filter={"email": ADDRESS}),
            SavedSearch(account_id=account, filter={"email": "other@example.org"}),
            SignRequest(petition_id=petitions[0].id, party="organisation", name="Zoé", email=ADDRESS,
                        email_canonical=ADDRESS, locale="fr", listed=False, updates=False, source="page"),
            Bounce(kind="not_understood", status="", response="", source="mailbox", digest="1",
                   raw=b"To: zoe@example.org\n\xff"),
            Bounce(kind="not_understood", status="", response="", source="mailbox", digest="2", raw=b"To: other"),
        ]
    )  # fmt: skip
    assert perform("erase") == {"erased": 2, "forgotten": 3}
    assert [row.email for row in db.session.query(Signature)] == ["other@example.org"]
    assert [get_count(petition).people for petition in petitions] == [1, 0]
    assert [row.filter for row in db.session.query(SavedSearch)] == [{"email": "other@example.org"}]
    assert [row.raw for row in db.session.query(Bounce).order_by(Bounce.digest)] == [None, b"To: other"]
    assert db.session.query(SignRequest).count() == 0
    assert [row.act for row in db.session.query(JournalEntry)] == ["erased", "erased"]
    row = db.session.query(PersonRequest).one()
    assert (row.state, row.email, row.outcome) == ("done", None, {"erased": 2, "forgotten": 3})
    assert "zoe" not in str([event.after for event in db.session.query(AuditEvent)]).lower()


def test_the_news_stop_and_the_signatures_stay(signatures):
    assert perform("stop_updates") == {"stopped": 2}
    assert {(row.state, row.updates) for row in signatures} == {("confirmed", False)}
    assert others().updates


def test_an_objection_blocks_the_address(signatures):
    assert perform("object") == {"stopped": 2, "suppressed": 1}
    assert find_by_address(ADDRESS).reason == "objected"
    assert find_by_address("other@example.org") is None
    assert perform("object") == {"stopped": 0, "suppressed": 0}, "asked twice"
    acts = [row.act for row in db.session.query(JournalEntry).order_by(JournalEntry.id)]
    assert acts == ["unsubscribed", "unsubscribed", "objected", "objected"]


def test_a_restriction_takes_signatures_out_of_use(signatures, petitions):
    assert perform("restrict") == {"restricted": 2}
    assert all(row.restricted_at and not row.listed and not row.updates for row in signatures)
    assert get_count(petitions[0]).people == 2, "it still counts"
    assert others().restricted_at is None
    assert perform("restrict") == {"restricted": 0}


def test_a_copy_changes_nothing(signatures):
    assert perform("access") == {"found": 2}
    assert all(row.updates and row.listed for row in signatures)


def test_a_closed_request_cannot_be_performed_refused_or_extended(signatures):
    request = record("erase")
    person_requests.refuse(request, "it was not them")
    for act in (
        lambda: person_requests.perform(request), lambda: person_requests.refuse(request, "again"),
        lambda: person_requests.extend(request, "again"),
    ):  # fmt: skip
        with pytest.raises(InvalidTransition):
            act()
    assert (request.state, request.email, request.reason) == ("refused", None, "it was not them")
    assert db.session.query(Signature).count() == 3


def test_the_time_is_extended_once_and_with_a_reason(app):
    request = record("access", received_on=clock.now().date() - timedelta(days=3))
    with pytest.raises(ValidationError):
        person_requests.extend(request, " ")
    person_requests.extend(request, "many petitions")
    assert request.due_on == deadlines.add_months(request.received_on, 3)
    with pytest.raises(InvalidTransition):
        person_requests.extend(request, "again")


def test_all_that_is_held_is_found_over_all_petitions(signatures, petitions):
    first = record("stop_updates")
    person_requests.perform(first)
    request = record("access")
    address = person_requests.require_open(request)
    held = collect_held_data(address, person_requests.hash_person(address.canonical))
    assert [each["petition"] for each in held["signatures"]] == ["jardin", "verger"]
    assert [entry["label"] for entry in held["journal"]] == ["désinscription des nouvelles"] * 2
    assert [row["kind"] for row in held["requests"]] == ["stop_updates", "access"]
    assert (held["suppressed"], held["waiting_requests"], held["account_of_the_team"]) == (None, [], None)
    assert "other@example.org" not in str(held)
    assert [row["kind"] for row in collect_data(signatures[0])["requests"]] == ["stop_updates", "access"]


def test_an_address_of_which_nothing_is_held(app):
    request = record("erase", email="nobody@example.org")
    assert person_requests.perform(request) == {"erased": 0, "forgotten": 0}


def test_a_request_that_does_not_exist(app):
    for number in (1, 2**63):
        with pytest.raises(NotFound):
            person_requests.get_request(number)


def test_every_table_with_a_plain_address_is_looked_up_and_forgotten(app, signatures):
    tables = {
        table.name
        for table in db.metadata.sorted_tables
        if {"email", "email_canonical", "address"} & {column.name for column in table.columns}
    }
    assert tables == {
        "signatures", "sign_requests", "address_changes", "list_requests", "person_requests",
        "accounts", "link_requests",  # the team's own
        "imprints",  # of the publisher, which is public
    }, "a new table: add it to petition/privacy/held_data.py and to erasure, or say here why not"  # fmt: skip
    other, asked = "new@example.org", clock.now()
    values = {"email": other, "email_canonical": other, "generation": 2, "requested_at": asked}
    db.session.add_all([AddressChange(signature_id=others().id, **values), ListRequest(email_canonical=other)])
    db.session.commit()
    request = record("erase", other)
    held = collect_held_data(person_requests.require_open(request), person_requests.hash_person(other))
    assert held["given_as_new_address"] == [{"requested_at": asked}]
    assert held["asked_for_list"] == 1
    assert person_requests.perform(request)["forgotten"] == 2
    db.session.commit()
    assert db.session.query(AddressChange).count() == db.session.query(ListRequest).count() == 0
    assert others().email == "other@example.org"
