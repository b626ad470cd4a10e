"""Pages that import signatures on paper: draft, add, undo; the signatures are counted apart."""

import io
from datetime import timedelta

import pytest
from sqlalchemy import text
from support.factories import make_petition, post_form, sign_in

from petition.core import clock
from petition.core.db import db
from petition.operations.reconcile import reconcile
from petition.petitions.counters import get_count
from petition.petitions.models import PaperImport, PaperSignature, Petition
from petition.petitions.paper import importer
from petition.team.models import AuditEvent

VALID_CSV = (
    "name,profession,city,signed_on,reference\nZoé Martin,Juge,Lyon,2022-09-28,A1\nJean Roy,,Lyon,28/09/2022,A1\n"
)


@pytest.fixture(autouse=True)
def campaigner(client):
    return sign_in(client, "campaigner")


def upload(client, content, name="liste.csv"):
    content = content.encode() if isinstance(content, str) else content
    return post_form(client, "/desk/petitions/jardin/paper?lang=en", file=(io.BytesIO(content), name))


def paper_count():
    db.session.expire_all()
    return get_count(db.session.query(Petition).filter_by(slug="jardin").one()).paper


def actions():
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rest", b"name\n\0", b"ville\nLyon"])
def test_other_files_are_refused(client, content):
    make_petition()
    answer = upload(client, content)
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text
    assert db.session.query(PaperImport).count() == 0


def test_draft_shows_what_it_would_add_and_counts_nothing(client):
    make_petition()
    answer = upload(client, VALID_CSV + ",Lyon,,,\n")
    page = client.get(answer.headers["Location"] + "?lang=en").text
    assert "2 signatures would be added" in page
    assert "1 line would be left out" in page
    assert "There is no name" in page
    assert "Zoé Martin" in page
    assert paper_count() == 0
    assert actions() == []


def test_import_is_added_once_and_undone_as_a_whole(client):
    petition = make_petition()
    path = upload(client, VALID_CSV).headers["Location"].split("?")[0]
    for _ in range(2):
        assert post_form(client, f"{path}/add").status_code == 303
    assert paper_count() == 2
    assert client.get("/api/v1/petitions/jardin/count").json["paper"] == 2
    assert "and 2 on paper" in client.get("/p/jardin?lang=en").text
    assert "et 2 sur papier" in client.get("/p/jardin?lang=fr").text
    assert get_count(petition).confirmed == 0, "signatures on paper are counted apart"
    assert reconcile() == []
    number = db.session.query(PaperSignature).order_by(PaperSignature.id).first().id
    for _ in range(2):
        post_form(client, f"{path}/{number}/strike")
    assert paper_count() == 1
    for _ in range(2):
        post_form(client, f"{path}/undo")
    assert paper_count() == 0
    assert db.session.query(PaperSignature).count() == 0
    assert actions() == ["paper.added", "paper.struck", "paper.undone"]
    assert "Zoé" not in str([(event.before, event.after) for event in db.session.query(AuditEvent)])
    assert reconcile() == []


def test_duplicates_are_recognised_even_if_added_after_the_draft(client):
    make_petition()
    make_petition(slug="autre")
    first = upload(client, VALID_CSV).headers["Location"].split("?")[0]
    second = upload(client, VALID_CSV + "Ana Diaz,,,,\n").headers["Location"].split("?")[0]
    post_form(client, f"{first}/add")
    post_form(client, f"{second}/add")
    assert paper_count() == 3
    assert client.get(f"{second}?lang=en").text.count("was added before") == 2
    third = upload(client, VALID_CSV).headers["Location"].split("?")[0]
    page = client.get(f"{third}?lang=en").text
    assert "0 signatures would be added" in page
    assert "/add" not in page
    post_form(client, f"{first}/undo")
    assert paper_count() == 1


def test_reconciliation_repairs_the_paper_count(client):
    make_petition()
    post_form(client, upload(client, VALID_CSV).headers["Location"].split("?")[0] + "/add")
    db.session.execute(text("UPDATE petition_counts SET paper = paper + 5"))
    db.session.commit()
    assert [(drift.what, drift.found, drift.expected) for drift in reconcile()] == [("count of papers", 7, 2)]
    assert paper_count() == 2


def test_drafts_are_deleted_after_a_day(client):
    make_petition()
    for content in (VALID_CSV, "name\nAna Diaz\n"):
        upload(client, content)
    old, new = db.session.query(PaperImport).order_by(PaperImport.id)
    old.created_at = clock.now() - timedelta(hours=25)
    db.session.commit()
    importer.delete_stale_drafts()
    assert [row.id for row in db.session.query(PaperImport)] == [new.id]
    assert db.session.query(PaperSignature).count() == 1
    post_form(client, f"/desk/petitions/jardin/paper/{new.id}/discard")
    assert db.session.query(PaperSignature).count() == 0


def test_long_list_has_pages_and_a_larger_file_is_refused(client):
    make_petition()
    many = "name,city\n" + "".join(f"Signer {chr(97 + n % 26)}{n},Lyon\n" for n in range(3000))
    path = upload(client, many).headers["Location"].split("?")[0]
    page = client.get(f"{path}?lang=en").text
    assert "More lines" in page
    assert "3,000" in page or "3000" in page
    assert upload(client, b"name\n" + b"x" * (5 * 1024 * 1024)).status_code == 413
    assert post_form(client, f"{path}/add", extra="x" * 100_000).status_code == 413, (
        "the limit is higher for uploads only"
    )


@pytest.mark.parametrize("end", ["9999", "99999999999999999999", "x"])
def test_unknown_imports_answer_404(client, end):
    make_petition()
    assert client.get(f"/desk/petitions/jardin/paper/{end}").status_code == 404
    assert post_form(client, f"/desk/petitions/jardin/paper/{end}/add").status_code == 404
    assert client.get("/desk/petitions/jardin/paper?after=x").status_code == 200
