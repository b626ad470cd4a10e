"""Pages that open, close and archive a petition."""

import re

from support.factories import make_petition, post_form, sign_in

from petition.core.db import db
from petition.petitions.models import Petition
from petition.team.models import AuditEvent


def actions():
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def reload_petition():
    db.session.expire_all()
    return db.session.query(Petition).one()


def test_each_change_of_state_explains_itself_and_happens_once(client):
    sign_in(client, "campaigner")
    make_petition(state="draft")
    for change, expected, after in (
        ("open", "Everyone can read it", "open"),
        ("close", "can still confirm until", "closed"),
        ("open", "is kept", "open"),
        ("close", "You can open it again", "closed"),
        ("archive", "You can put it back online", "archived"),
        ("won", "what it asks for was granted", "archived"),
        ("not-won", "no longer says that it is won", "archived"),
        ("restore", "can be read again", "closed"),
        ("archive", "what it was, when, and how many signed", "archived"),
    ):
        path = f"/desk/petitions/jardin/state/{change}"
        page = client.get(f"{path}?lang=en").text
        assert expected in page or expected.replace("is kept", "are kept") in page
        version = re.search(r'name="version" value="(\d+)"', page)[1]
        assert post_form(client, path, version=version).status_code == 303
        assert reload_petition().state_now == after
        assert post_form(client, path, version=version).status_code == 409, "a second click does nothing"
    assert actions() == ["petition.state"] * 9
    assert (
        post_form(client, "/desk/petitions/jardin/state/open", version=str(reload_petition().version)).status_code
        == 422
    )
