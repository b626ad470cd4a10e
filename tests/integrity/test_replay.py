"""What a replay of attacks writes by SQL looks to the rules like what forms and links make of the same people."""

import sys

from sqlalchemy import text
from support.factories import confirm_by_link, make_form, make_petition
from support.settings import ROOT

from petition.core import clock
from petition.core.db import db
from petition.integrity import queries
from petition.petitions.counters import get_count
from petition.signatures.links import make_confirm_token
from petition.signatures.models import Signature

sys.path.insert(0, str(ROOT / "benchmarks/forge"))
import replay
from crowds import People, catch_all

SIGNATURES = 24
ELSEWHERE = "192.0.2.9"
# A test takes no hours: when people sign and confirm is the same in neither.
OF_TIME = {"settled", "quick", "old_settled", "old_quick", "dispersion", "slices"}


def address_of(network):
    return f"198.{18 + network // 250 % 2}.{network % 250}.7"


def sign_by_the_form(client, petition, events):
    """Sign and confirm over HTTP, each from the network that its event says, or from another one."""
    for event in events:
        boxes = {name: "on" for name in ("listed", "updates") if getattr(event, name)}
        form = make_form(name=event.name, email=f"{event.local}@{event.domain}", **boxes)
        network = {"X-Forwarded-For": address_of(event.network)}
        assert client.post(f"/p/{petition.slug}/sign", data=form, headers=network).status_code == 303
        if event.delay is not None:
            signature = db.session.query(Signature).filter_by(petition_id=petition.id, email=form["email"]).one()
            network = network if event.same_network else {"X-Forwarded-For": ELSEWHERE}
            link = f"/c/{make_confirm_token(signature)}"
            assert confirm_by_link(client, link, headers=network).status_code == 303


def write_by_sql(petition, events):
    """Sign and confirm as the replay does."""
    waiting, start = {}, clock.now()
    replay._sign(petition.id, [(0.0, 0, event) for event in events], start, {}, waiting)
    replay._confirm([row for rows in waiting.values() for row in rows], start, {})
    db.session.commit()


def read_profile(petition):
    ids = db.session.scalars(text("SELECT id FROM signatures WHERE petition_id = :id"), {"id": petition.id}).all()
    row = db.session.execute(queries.PROFILE, {"petition_id": petition.id, "ids": list(ids), "now": clock.now()}).one()
    return {name: value for name, value in row._mapping.items() if name not in OF_TIME}


def test_the_rules_see_the_same_of_a_replay_and_of_requests(client, sent_emails):
    by_form, by_sql = make_petition(slug="form"), make_petition(slug="sql")
    people = People(7)
    forged = catch_all(people, SIGNATURES).events
    genuine = [people.person(0, "gmail.com", next(people.networks)) for _ in range(SIGNATURES)]
    events = [*forged, *genuine]
    sign_by_the_form(client, by_form, events)
    write_by_sql(by_sql, events)
    seen, replayed = read_profile(by_form), read_profile(by_sql)
    assert seen == replayed
    assert seen["n"] == 2 * SIGNATURES
    assert 0 < seen["same"] <= seen["known"] == seen["confirmed"] == get_count(by_form).confirmed
    assert get_count(by_form).people == get_count(by_sql).people
