"""Signatures on paper: read, shown, added as a whole, taken back as a whole, counted apart."""

import io
from datetime import timedelta

import pytest
from factories import make_petition, post, sign_in
from sqlalchemy import text

from petition.core import clock
from petition.core.db import db
from petition.core.errors import Refusal
from petition.operations.reconcile import reconcile
from petition.petitions import paper, paper_file
from petition.petitions.count import count_of
from petition.petitions.models import PaperImport, PaperSignature, Petition
from petition.team.models import AuditEvent

SOUND = "name,profession,city,signed_on,reference\nZoé Martin,Juge,Lyon,2022-09-28,A1\nJean Roy,,Lyon,28/09/2022,A1\n"


@pytest.fixture(autouse=True)
def campaigner(client):
    return sign_in(client, "campaigner")


def upload(client, content, name="liste.csv"):
    content = content.encode() if isinstance(content, str) else content
    return post(client, "/desk/petitions/jardin/paper?lang=en", file=(io.BytesIO(content), name))


def of_paper():
    db.session.expire_all()
    return count_of(db.session.query(Petition).filter_by(slug="jardin").one()).paper


def actions():
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize(("separator", "end"), [(",", "\n"), (";", "\r\n"), ("\t", "\r")])
def test_files_as_spreadsheets_write_them_are_read(encoding, separator, end):
    found = paper_file.read(SOUND.replace(",", separator).replace("\n", end).encode(encoding))
    assert found.problems == []
    assert [(row["name"], row["city"], row["signed_on"].isoformat(), row["line"]) for row in found.rows] == [
        ("Zoé Martin", "Lyon", "2022-09-28", 2),
        ("Jean Roy", "Lyon", "2022-09-28", 3),
    ]


def test_french_headings_and_quoted_lines_are_understood():
    found = paper_file.read(
        'Prénom;Nom;Métier;Code postal;Ville\nZoé;Martin;"Juge;\nà Lyon";69001;Lyon\nJo;Roy;;;\n'.encode()
    )
    assert [(row["name"], row["profession"], row["line"]) for row in found.rows] == [
        ("Zoé Martin", "Juge; à Lyon", 2), ("Jo Roy", None, 4),
    ]  # fmt: skip


def test_every_bad_line_is_named_with_its_number():
    lines = [
        "name,city,signed_on,colour",
        "Zoé Martin,Lyon,2022-09-28,",
        ",Lyon,,",
        "12345,Lyon,,",
        f"{'x' * 121},Lyon,,",
        "Jean Roy,Lyon,soon,",
        "Jean Roy,Lyon,2922-09-28,",
        "zoé MARTIN,lyon,28/09/2022,",
        "Jean Roy,Lyon,,blue,more",
        "",
        "Jean\u0007Roy,Lyon,,",
        "Jean Roy,Lyon,,",
        '"Ana,Lyon,,',
    ]
    found = paper_file.read("\n".join(lines).encode())
    assert [(line, kind) for line, kind, _ in found.problems] == [
        (1, "column"), (3, "name"), (4, "name"), (5, "long"), (6, "date"), (7, "day"), (8, "twice"), (9, "cells"),
        (11, "characters"), (13, "quotes"),
    ]  # fmt: skip
    assert [row["line"] for row in found.rows] == [2, 12]
    assert next(detail for line, _, detail in found.problems if line == 8) == "2"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "empty"), (b"PK\x03\x04rest", "spreadsheet"), (b"name\n\0", "not text"), (b"ville\nLyon", "no names"),
     (b"name\n" + b"a b\n" * 50_001, "too long")],
    ids=["empty", "spreadsheet", "not text", "no names", "too long"],
)  # fmt: skip
def test_what_is_no_such_file_is_refused(client, content, kind):
    make_petition()
    with pytest.raises(Refusal) as refusal:
        paper_file.read(content)
    assert refusal.value.errors == {"file": kind}
    answer = upload(client, content)
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text
    assert db.session.query(PaperImport).count() == 0


def test_a_dry_run_adds_nothing_and_says_what_it_would(client):
    make_petition()
    answer = upload(client, SOUND + ",Lyon,,,\n")
    page = client.get(answer.headers["Location"] + "?lang=en").text
    assert "2 signatures would be added" in page
    assert "1 line would be left out" in page
    assert "There is no name" in page
    assert "Zoé Martin" in page
    assert of_paper() == 0
    assert actions() == []


def test_an_import_is_added_once_shown_everywhere_and_taken_back_whole(client):
    petition = make_petition()
    path = upload(client, SOUND).headers["Location"].split("?")[0]
    for _ in range(2):
        assert post(client, f"{path}/add").status_code == 303
    assert of_paper() == 2
    assert client.get("/api/v1/petitions/jardin/count").json["paper"] == 2
    assert "and 2 on paper" in client.get("/p/jardin?lang=en").text
    assert "et 2 sur papier" in client.get("/p/jardin?lang=fr").text
    assert count_of(petition).confirmed == 0, "paper is apart"
    assert reconcile() == []
    number = db.session.query(PaperSignature).order_by(PaperSignature.id).first().id
    for _ in range(2):
        post(client, f"{path}/{number}/strike")
    assert of_paper() == 1
    for _ in range(2):
        post(client, f"{path}/undo")
    assert of_paper() == 0
    assert db.session.query(PaperSignature).count() == 0
    assert actions() == ["paper.added", "paper.struck", "paper.undone"]
    assert "Zoé" not in str([(event.before, event.after) for event in db.session.query(AuditEvent)])
    assert reconcile() == []


def test_what_was_added_before_is_recognised_also_between_the_look_and_the_button(client):
    make_petition()
    make_petition(slug="autre")
    first = upload(client, SOUND).headers["Location"].split("?")[0]
    second = upload(client, SOUND + "Ana Diaz,,,,\n").headers["Location"].split("?")[0]
    post(client, f"{first}/add")
    post(client, f"{second}/add")
    assert of_paper() == 3
    assert client.get(f"{second}?lang=en").text.count("was added before") == 2
    third = upload(client, SOUND).headers["Location"].split("?")[0]
    page = client.get(f"{third}?lang=en").text
    assert "0 signatures would be added" in page
    assert "/add" not in page
    post(client, f"{first}/undo")
    assert of_paper() == 1


def test_the_nightly_look_mends_the_count_of_paper(client):
    make_petition()
    post(client, upload(client, SOUND).headers["Location"].split("?")[0] + "/add")
    db.session.execute(text("UPDATE petition_counts SET paper = paper + 5"))
    db.session.commit()
    assert [(drift.what, drift.found, drift.expected) for drift in reconcile()] == [("count of papers", 7, 2)]
    assert of_paper() == 2


def test_a_file_that_nobody_adds_is_forgotten_after_a_day(client):
    make_petition()
    for content in (SOUND, "name\nAna Diaz\n"):
        upload(client, content)
    old, new = db.session.query(PaperImport).order_by(PaperImport.id)
    old.created_at = clock.now() - timedelta(hours=25)
    db.session.commit()
    paper.forget_drafts()
    assert [row.id for row in db.session.query(PaperImport)] == [new.id]
    assert db.session.query(PaperSignature).count() == 1
    post(client, f"/desk/petitions/jardin/paper/{new.id}/discard")
    assert db.session.query(PaperSignature).count() == 0


def test_a_long_list_is_taken_and_a_longer_file_is_not(client):
    make_petition()
    many = "name,city\n" + "".join(f"Signer {chr(97 + n % 26)}{n},Lyon\n" for n in range(3000))
    path = upload(client, many).headers["Location"].split("?")[0]
    page = client.get(f"{path}?lang=en").text
    assert "More lines" in page
    assert "3,000" in page or "3000" in page
    assert upload(client, b"name\n" + b"x" * (5 * 1024 * 1024)).status_code == 413
    assert post(client, f"{path}/add", extra="x" * 100_000).status_code == 413, "elsewhere forms stay short"


@pytest.mark.parametrize("end", ["9999", "99999999999999999999", "x"])
def test_imports_that_are_not_there(client, end):
    make_petition()
    assert client.get(f"/desk/petitions/jardin/paper/{end}").status_code == 404
    assert post(client, f"/desk/petitions/jardin/paper/{end}/add").status_code == 404
    assert client.get("/desk/petitions/jardin/paper?after=x").status_code == 200
