"""The handing over of a petition for a token."""

from datetime import timedelta

from support.api_tokens import make_token
from support.factories import make_petition
from support.retention import today as current_day

from petition.core.db import db
from petition.petitions.models import Petition

PATH = "/api/v1/desk/petitions/jardin/handed-over"


def day():
    db.session.rollback()
    moment = db.session.query(Petition).filter_by(slug="jardin").one().handed_over_at
    return moment and (moment + timedelta(hours=12)).date()  # kept as the beginning of the day, in its time zone


def test_the_day_is_recorded_and_taken_back(client):
    make_petition()
    _, headers = make_token("petitions:manage")
    today = current_day()
    planned = client.put(PATH, headers=headers, json={"on": today.isoformat()})
    assert (planned.status_code, planned.json["state"]) == (200, "open")
    assert day() == today
    assert client.put(PATH, headers=headers, json={"on": None}).status_code == 200
    assert day() is None
    later = client.put(PATH, headers=headers, json={"on": (today + timedelta(days=3)).isoformat()})
    assert (later.status_code, list(later.json["errors"])) == (422, ["on"])
    _, other = make_token("petitions:manage", petition=make_petition(slug="autre"), email="own@example.org")
    assert client.put(PATH, headers=other, json={"on": None}).status_code == 403
