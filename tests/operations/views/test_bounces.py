"""What came back and the suppression list, as operators and campaigners see them."""

import io

from support.factories import post_form, sign_in

from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.bounces.processing import process_message
from petition.delivery.suppressions import suppression_list
from petition.delivery.suppressions.models import Suppression
from petition.team.models import AuditEvent


def test_what_is_not_understood_is_shown_escaped_until_somebody_read_it(client):
    sign_in(client, "operator")
    process_message(b"Subject: <script>alert(1)</script>\r\n\r\n<b>what\0</b>", "maildir")
    db.session.commit()
    page = client.get("/ops/bounces/?kind=not_understood&lang=en").text
    assert "&lt;b&gt;what" in page
    assert "<script>alert" not in page
    bounce = db.session.query(Bounce).one()
    assert post_form(client, f"/ops/bounces/{bounce.id}/read").status_code == 303
    assert "&lt;b&gt;what" not in client.get("/ops/bounces/?kind=not_understood").text
    assert client.get(f"/ops/bounces/?before={10**30}").status_code == 200
    assert post_form(client, f"/ops/bounces/{10**30}/read").status_code == 404


def test_the_list_is_added_to_looked_up_and_taken_from_with_a_reason(client):
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


def test_a_list_is_shown_before_it_is_imported_with_every_bad_line(client):
    sign_in(client, "operator")
    text = "email;name\na@example.org;A\nnot an address\nB@example.org\na@example.org\n"
    page = post_form(client, "/ops/suppressions/import", file=(io.BytesIO(text.encode()), "l.csv"), reason="old list")
    assert "not an address" in page.text
    assert db.session.query(Suppression).count() == 0
    sure = {"listed": "a@example.org\nb@example.org", "reason": "old list", "sure": "1"}
    assert post_form(client, "/ops/suppressions/import", **sure).status_code == 303
    assert db.session.query(Suppression).count() == 2
    assert suppression_list.find_by_address("b@EXAMPLE.org").reason == "old list"
