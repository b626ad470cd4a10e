"""Pages that import signatures on paper: draft, add, undo; the signatures are counted apart."""

import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from support.factories import make_petition, make_signature, post_form, sign_in, spell

from petition.bulk_actions import runner
from petition.bulk_actions.tasks import run_bulk_actions
from petition.core import clock
from petition.core.db import db
from petition.operations.statistics.reconcile import reconcile
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.paper import importer
from petition.petitions.paper.models import PaperImport, PaperSignature
from petition.petitions.tasks import read_paper_files
from petition.signatures.confirm import confirm_signature
from petition.team.models import AuditEvent

CORPUS = Path(__file__).parents[1] / "paper" / "corpus"
VALID_CSV = (
    "name,profession,city,signed_on,reference\nZoé Martin,Juge,Lyon,2022-09-28,A1\nJean Roy,,Lyon,28/09/2022,A1\n"
)


@pytest.fixture(autouse=True)
def campaigner(client):
    return sign_in(client, "campaigner")


def upload(client, content, name="liste.csv"):
    content = content.encode() if isinstance(content, str) else content
    return post_form(client, "/desk/petitions/jardin/paper?lang=en", file=(io.BytesIO(content), name))


def upload_path(client, content):
    return upload(client, content).headers["Location"].split("?")[0]


def work(client, path, verb):
    """Ask for an action, and have the worker do it."""
    assert post_form(client, f"{path}/{verb}").status_code == 303
    run_bulk_actions()


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
    path = upload_path(client, VALID_CSV)
    for _ in range(2):
        assert post_form(client, f"{path}/add").status_code == 303
    assert paper_count() == 0, "a worker adds them"
    assert "The signatures are being added." in client.get(f"{path}?lang=en").text
    run_bulk_actions()
    assert paper_count() == 2
    assert "2 signatures added" in client.get(f"{path}?lang=en").text
    assert client.get("/api/v1/petitions/jardin/count").json["paper"] == 2
    assert "<strong>2</strong> signatures on paper" in client.get("/p/jardin?lang=en").text
    assert "<strong>2</strong> signatures sur papier" in client.get("/p/jardin?lang=fr").text
    assert get_count(petition).confirmed == 0, "signatures on paper are counted apart"
    assert reconcile() == []
    number = db.session.query(PaperSignature).order_by(PaperSignature.id).first().id
    for _ in range(2):
        post_form(client, f"{path}/{number}/strike")
    assert paper_count() == 1
    for _ in range(2):
        work(client, path, "undo")
    assert paper_count() == 0
    assert "the names are deleted" in client.get(f"{path}?lang=en").text
    assert db.session.query(PaperSignature).count() == 0
    assert actions() == ["paper.added", "paper.struck", "paper.undone"]
    assert "Zoé" not in str([(event.before, event.after) for event in db.session.query(AuditEvent)])
    assert reconcile() == []


def test_duplicates_are_recognised_even_if_added_after_the_draft(client):
    make_petition()
    make_petition(slug="autre")
    first, second = upload_path(client, VALID_CSV), upload_path(client, VALID_CSV + "Ana Diaz,,,,\n")
    work(client, first, "add")
    work(client, second, "add")
    assert paper_count() == 3
    assert client.get(f"{second}?lang=en").text.count("was added before") == 2
    third = upload_path(client, VALID_CSV)
    page = client.get(f"{third}?lang=en").text
    assert "0 signatures would be added" in page
    assert "/add" not in page
    assert post_form(client, f"{third}/add").status_code == 303
    assert actions() == ["paper.added", "paper.added"], "nothing to add is not an addition"
    work(client, first, "undo")
    assert paper_count() == 1


def test_reconciliation_repairs_the_paper_count(client):
    make_petition()
    work(client, upload_path(client, VALID_CSV), "add")
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
    many = "name,city\n" + "".join(f"Signer {spell(n)},Lyon\n" for n in range(3000))
    path = upload_path(client, many)
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


def test_a_long_file_is_read_by_a_worker(client, monkeypatch):
    make_petition()
    monkeypatch.setattr(importer, "MAX_BYTES_READ_AT_ONCE", 10)
    path = upload_path(client, VALID_CSV)
    page = client.get(f"{path}?lang=en").text
    assert "The file is being read: line 0 of 2" in page
    assert "ops.js" in page
    assert f'<noscript><a class="btn btn-sm btn-outline-secondary" href="{path}">Refresh' in page
    read_paper_files()
    page = client.get(f"{path}?lang=en").text
    assert "2 signatures would be added" in page
    assert "ops.js" not in page


def test_dates_that_may_begin_with_the_month_are_asked_about(client):
    make_petition()
    path = upload_path(client, "Horodateur,Nom,Prénom\n9/10/2022 14:05:33,Martin,Zoé\n10/9/2022 9:00:00,Roy,Jean\n")
    page = client.get(f"{path}?lang=en").text
    assert "What does “9/10/2022” mean in this file?" in page
    page = page.replace("\u00a0", " ")
    assert "Day first: 9 October 2022" in page
    assert "Month first: 10 September 2022" in page
    assert "/add" not in page
    post_form(client, f"{path}/add")
    assert post_form(client, f"{path}/dates?lang=en").status_code == 303
    assert "Choose what the dates mean" in client.get(f"{path}?lang=en").text
    for order in ("month", "day"):
        assert post_form(client, f"{path}/dates", order=order).status_code == 303
    assert db.session.query(PaperSignature.signed_on).order_by(PaperSignature.id).first()[0].isoformat() == "2022-09-10"
    assert "2 signatures would be added" in client.get(f"{path}?lang=en").text


def test_adding_is_stopped_and_undone(client, monkeypatch):
    make_petition()
    monkeypatch.setattr(runner, "BATCH_SIZE", 2)
    path = upload_path(client, "name\n" + "".join(f"Signer {letter}\n" for letter in "abcde"))
    post_form(client, f"{path}/add")
    next(runner.run_batches(1))
    assert paper_count() == 2
    post_form(client, f"{path}/stop")
    page = client.get(f"{path}?lang=en").text
    assert "Adding was stopped" in page
    assert "Undo the import" in page
    run_bulk_actions()
    assert paper_count() == 2
    assert reconcile() == []
    work(client, path, "resume")
    assert paper_count() == 5
    post_form(client, f"{path}/undo")
    next(runner.run_batches(2))
    post_form(client, f"{path}/stop")
    assert paper_count() == 3
    assert "Removing was stopped" in client.get(f"{path}?lang=en").text
    work(client, path, "resume")
    assert paper_count() == db.session.query(PaperSignature).count() == 0
    assert reconcile() == []
    assert actions() == [
        "paper.added", "paper.stopped", "paper.resumed", "paper.undone", "paper.stopped", "paper.resumed",
    ]  # fmt: skip


def test_an_import_is_undone_while_it_is_added(client, monkeypatch):
    make_petition()
    monkeypatch.setattr(runner, "BATCH_SIZE", 2)
    path = upload_path(client, "name\n" + "".join(f"Signer {letter}\n" for letter in "abcde"))
    post_form(client, f"{path}/add")
    next(runner.run_batches(1))
    work(client, path, "undo")
    post_form(client, f"{path}/resume")
    run_bulk_actions()
    assert paper_count() == db.session.query(PaperSignature).count() == 0
    assert db.session.get(PaperImport, 1).waiting == 0
    assert reconcile() == []


@pytest.mark.parametrize("verb", ["stop", "resume", "undo", "dates", "discard"])
def test_what_does_not_apply_changes_nothing(client, verb):
    make_petition()
    path = upload_path(client, VALID_CSV)
    post_form(client, f"{path}/add")
    if verb != "stop":
        run_bulk_actions()
        work(client, path, "undo") if verb == "undo" else None
    assert post_form(client, f"{path}/{verb}", order="day").status_code == 303
    run_bulk_actions()
    assert paper_count() == (0 if verb in ("stop", "undo") else 2)
    assert db.session.query(PaperImport).count() == 1


def test_one_signature_is_written_typed_and_counts_at_once(client):
    make_petition()
    path = "/desk/petitions/jardin/paper/line?lang=en"
    assert post_form(client, path, name="Zoé Martin", city="Lyon", signed_on="2022-09-28").status_code == 303
    assert post_form(client, path, name="Jean Roy", city="Lyon").status_code == 303
    assert paper_count() == 2
    assert actions().count("paper.written") == 2
    page = client.get("/desk/petitions/jardin/paper?lang=en").text
    assert "In total: 2." in page
    assert page.count("typed at the desk") == 2, "the hint, and one import for both lines"
    file = db.session.query(PaperImport).one()
    signature = db.session.query(PaperSignature).order_by(PaperSignature.id).first()
    post_form(client, f"/desk/petitions/jardin/paper/{file.id}/{signature.id}/strike")
    assert paper_count() == 1
    work(client, f"/desk/petitions/jardin/paper/{file.id}", "undo")
    assert paper_count() == 0
    assert post_form(client, path, name="Jean Roy").status_code == 303
    assert paper_count() == 1
    assert reconcile() == []


@pytest.mark.parametrize(
    ("values", "message"),
    [({"name": ""}, "There is no name"), ({"name": "12"}, "There is no name"),
     ({"name": "Zoé", "signed_on": "2999-01-01"}, "has not come yet"),
     ({"name": "Zoé", "signed_on": "soon"}, "is not a date"),
     ({"name": "Zoé", "city": "x" * 200}, "Town is too long"), ({"name": "a\0b\ufffd"}, "cannot be shown")],
)  # fmt: skip
def test_typed_line_has_the_rules_of_a_file_and_loses_nothing(client, values, message):
    make_petition()
    answer = post_form(client, "/desk/petitions/jardin/paper/line?lang=en", **values | {"reference": "Feuille A"})
    assert answer.status_code == 422
    assert message in answer.text
    assert 'value="Feuille A"' in answer.text
    assert paper_count() == 0


def test_typed_line_is_not_counted_twice(client):
    make_petition()
    for status in (303, 422):
        answer = post_form(client, "/desk/petitions/jardin/paper/line?lang=en", name="Zoé Martin", city="Lyon")
        assert answer.status_code == status
    assert "as a signature that was added before" in answer.text
    assert paper_count() == 1


def test_columns_are_shown_and_corrected_before_anything_counts(client):
    make_petition()
    path = upload_path(client, "Nom;Lieu;Note\nZoé Martin;Lyon;Juge\nJean Roy;Nîmes;\n")
    page = client.get(f"{path}?lang=en").text
    assert 'id="columns"' in page
    assert re.findall(r'<bdi>(Nom|Lieu|Note)</bdi>.*?<option value="(\w*)" selected', page, re.S)[0] == (
        "Nom",
        "last_name",
    )
    answer = post_form(client, f"{path}/columns?lang=en", column=["full_name", "city", "profession"])
    assert answer.status_code == 303
    rows = db.session.query(PaperSignature).order_by(PaperSignature.line).all()
    assert [(row.name, row.city, row.profession) for row in rows] == [
        ("Zoé Martin", "Lyon", "Juge"), ("Jean Roy", "Nîmes", None),
    ]  # fmt: skip
    assert paper_count() == 0
    assert "is not used" not in client.get(f"{path}?lang=en").text
    work(client, path, "add")
    assert paper_count() == 2
    db.session.expire_all()
    assert db.session.query(PaperImport).one().content is None
    post_form(client, f"{path}/columns", column=["full_name", "", ""])
    assert paper_count() == 2


@pytest.mark.parametrize(
    "chosen", [["", "city", ""], ["full_name", "city", "city"], ["full_name", "other", ""], ["full_name"], []]
)
def test_columns_that_cannot_be_are_refused(client, chosen):
    make_petition()
    path = upload_path(client, "Nom;Lieu;Note\nZoé Martin;Lyon;Juge\n")
    assert post_form(client, f"{path}/columns", column=chosen).status_code == 303
    db.session.expire_all()
    (row,) = db.session.query(PaperSignature)
    assert (row.name, row.city) == ("Zoé Martin", None)


def test_who_signed_by_email_too_is_shown_and_not_left_out(client):
    petition = make_petition()
    for email, name, city in (("a@example.org", "Zoé Martin", "Lyon"), ("b@example.org", "Jean Roy", "Paris")):
        confirm_signature(make_signature(petition, email=email, name=name, city=city))
    make_signature(petition, email="c@example.org", name="Ada Lenoir")
    db.session.commit()
    path = upload_path(client, "Nom;Prénom;Ville\nMARTIN;Zoe;lyon\nRoy;Jean;Nîmes\nLenoir;Ada;\n")
    file = db.session.query(PaperImport).one()
    assert [(line, kind) for line, kind, _ in file.problems] == [(2, "online")]
    page = client.get(f"{path}?lang=en").text
    assert "signed by email too" in page
    assert "3 signatures would be added" in page
    assert "would be left out" not in page


def test_a_workbook_is_imported_as_a_file_is(client):
    make_petition()
    content = (CORPUS / "deux-feuilles.xlsx").read_bytes()
    path = upload(client, content, "signatures.xlsx").headers["Location"].split("?")[0]
    page = client.get(f"{path}?lang=en").text
    assert "The sheet “Lisez-moi” is not read" in page
    work(client, path, "add")
    assert paper_count() == 2
