"""Page of bounce reports."""

from support.factories import post_form, sign_in

from petition.core.db import db
from petition.delivery.bounces.models import Bounce
from petition.delivery.bounces.processing import process_message


def test_unrecognised_report_is_shown_escaped_until_marked_read(client):
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
