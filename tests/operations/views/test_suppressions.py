"""Page of the suppression list: look up, add, remove, import."""

import io

from support.factories import post_form, sign_in

from petition.core.db import db
from petition.delivery.suppressions import suppression_list
from petition.delivery.suppressions.models import Suppression
from petition.team.models import AuditEvent


def test_address_is_added_found_and_removed_with_a_reason(client):
    sign_in(client, "campaigner")
    assert post_form(client, "/ops/suppressions/add", address="Zoé@Exemple.fr", reason="").status_code == 422
    assert post_form(client, "/ops/suppressions/add", address="Zoe@Example.org", reason="asked").status_code == 303
    assert "asked" in post_form(client, "/ops/suppressions/find", address=" zoe@example.org ").text
    assert post_form(client, "/ops/suppressions/remove", address="zoe@example.org", reason="").status_code == 422
    assert suppression_list.find_by_address("zoe@example.org")
    assert (
        post_form(client, "/ops/suppressions/remove", address="zoe@example.org", reason="a mistake").status_code == 303
    )
    assert suppression_list.find_by_address("zoe@example.org") is None
    trail = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert trail == ["suppression.add", "suppression.remove"]
    assert "example" not in str([(e.before, e.after) for e in db.session.query(AuditEvent)])


def test_import_is_previewed_with_its_bad_lines(client):
    sign_in(client, "operator")
    text = "email;name\na@example.org;A\nnot an address\nB@example.org\na@example.org\n"
    page = post_form(client, "/ops/suppressions/import", file=(io.BytesIO(text.encode()), "l.csv"), reason="old list")
    assert "not an address" in page.text
    assert db.session.query(Suppression).count() == 0
    sure = {"listed": "a@example.org\nb@example.org", "reason": "old list", "sure": "1"}
    assert post_form(client, "/ops/suppressions/import", **sure).status_code == 303
    assert db.session.query(Suppression).count() == 2
    assert suppression_list.find_by_address("b@EXAMPLE.org").reason == "old list"
