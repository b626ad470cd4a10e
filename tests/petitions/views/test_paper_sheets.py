"""Sheets of paper: typed line by line, found by their number, checked against scans, struck and put back as a whole."""

import io

import pytest
from support.factories import make_petition, post_form, sign_in

from petition.core.db import db
from petition.operations.statistics.reconcile import reconcile
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.paper import scans, sheets
from petition.petitions.paper.models import PaperImport, PaperScan, PaperSignature
from petition.retention import queries
from petition.team.models import AuditEvent

FORM = "/desk/petitions/jardin/paper/sheet"
PDF = b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n"


@pytest.fixture(autouse=True)
def campaigner(client):
    make_petition()
    return sign_in(client, "campaigner")


def type_sheet(client, *names, sheet="A 7", **fields):
    """Submit the form with a line for each name, and an empty one in between."""
    lines = [name for each in names for name in (each, "")]
    rows = {name: [""] * len(lines) for name in sheets.ROW_FIELDS} | {"name": lines}
    return post_form(client, f"{FORM}?lang=en", sheet=sheet, **rows | fields)


def paper_count():
    db.session.expire_all()
    return get_count(db.session.query(Petition).one()).paper


def path_of(sheet="A 7"):
    file = db.session.query(PaperImport).filter_by(sheet=sheet).one()
    return f"/desk/petitions/jardin/paper/{file.id}"


def actions():
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def test_lines_of_a_sheet_count_at_once_with_its_number_and_day(client):
    answer = type_sheet(client, "Zoé Martin", "Jean Roy", signed_on="2022-09-28")
    assert answer.status_code == 303
    assert "day=2022-09-28" in answer.headers["Location"]
    assert paper_count() == 2
    rows = db.session.query(PaperSignature).order_by(PaperSignature.line).all()
    assert [(row.name, row.line, row.reference, row.signed_on.isoformat()) for row in rows] == [
        ("Zoé Martin", 1, "A 7", "2022-09-28"), ("Jean Roy", 2, "A 7", "2022-09-28"),
    ]  # fmt: skip
    # The other side of it, later.
    assert type_sheet(client, "Ada Lenoir").status_code == 303
    assert db.session.query(PaperImport).one().added == 3
    assert actions() == ["paper.sheet_added"] * 2
    assert not [drift for drift in reconcile() if drift]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Zoé Martin", "12"], "There is no name"),
        (["Zoé Martin", "x" * 121], "too long"),
        (["Zoé Martin", "zoé MARTIN"], "as line 1"),
        (["Zoé Martin", "Jean Roy"], "was added before"),
    ],
)
def test_a_wrong_line_is_marked_in_its_place_and_nothing_is_lost_or_added(client, names, message):
    type_sheet(client, "Jean Roy", sheet="B")
    answer = type_sheet(client, *names)
    assert answer.status_code == 422
    row = answer.text.split('<th scope="row" class="n">3</th>')[1].split("</tr>")[0]
    assert message in row
    assert 'value="Zoé Martin"' in answer.text
    assert 'value="A 7"' in answer.text
    assert answer.text.count('class="invalid-feedback d-block"') == 1
    assert paper_count() == 1


@pytest.mark.parametrize(("sheet", "names"), [("", ["Zoé Martin"]), ("x" * 61, ["Zoé Martin"]), ("A", [])])
def test_a_sheet_needs_a_number_and_a_line(client, sheet, names):
    assert type_sheet(client, *names, sheet=sheet).status_code == 422
    assert db.session.query(PaperImport).count() == 0


def test_a_sheet_is_found_by_its_number(client):
    type_sheet(client, "Zoé Martin")
    type_sheet(client, "Jean Roy", sheet="B 1")
    client.get(FORM)  # which says what was added
    page = client.get("/desk/petitions/jardin/paper?lang=en&sheet=A+7").text
    assert "Sheet A 7" in page
    assert "Sheet B 1" not in page
    assert "There is no sheet of this number" in client.get("/desk/petitions/jardin/paper?lang=en&sheet=C").text


def test_a_sheet_is_struck_as_a_whole_and_put_back(client):
    type_sheet(client, "Zoé Martin", "Jean Roy", "Ada Lenoir")
    type_sheet(client, "Omar Petit", sheet="B")
    path = path_of()
    for _ in range(2):
        assert post_form(client, f"{path}/strike-sheet").status_code == 303
        assert paper_count() == 1
    assert "Struck on" in client.get(f"{path}?lang=en").text
    assert not [drift for drift in reconcile() if drift]
    # Meanwhile one of its lines is added with another sheet.
    type_sheet(client, "Jean Roy", sheet="C")
    for _ in range(2):
        post_form(client, f"{path}/restore-sheet")
        assert paper_count() == 4
    file = db.session.get(PaperImport, int(path.rpartition("/")[2]))
    assert (file.added, file.waiting, file.struck_at) == (2, 0, None)
    assert actions()[2:] == ["paper.sheet_struck", "paper.sheet_added", "paper.sheet_restored"]
    assert not [drift for drift in reconcile() if drift]


def test_a_struck_sheet_takes_no_more_lines(client):
    type_sheet(client, "Zoé Martin")
    post_form(client, f"{path_of()}/strike-sheet")
    type_sheet(client, "Jean Roy")
    assert paper_count() == 1
    assert db.session.query(PaperImport).filter_by(sheet="A 7").count() == 2


def test_one_line_typed_by_itself_is_in_no_sheet(client):
    type_sheet(client, "Zoé Martin")
    post_form(client, "/desk/petitions/jardin/paper/line", name="Jean Roy")
    assert {file.sheet: file.added for file in db.session.query(PaperImport)} == {"A 7": 1, None: 1}


def test_a_scan_is_kept_and_served_as_a_file_to_save(client):
    type_sheet(client, "Zoé Martin")
    path = path_of()
    post_form(client, f"{path}/scans", file=(io.BytesIO(PDF), "feuille.html"))
    scan = db.session.query(PaperScan).one()
    assert "Scan 1" in client.get(f"{path}?lang=en").text
    answer = client.get(f"{path}/scans/{scan.id}")
    assert answer.data == PDF
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get(f"{path}/scans/999").status_code == 404
    make_petition(slug="autre")
    assert client.get(f"{path}/scans/{scan.id}".replace("jardin", "autre")).status_code == 404
    post_form(client, f"{path}/scans/{scan.id}/delete")
    assert db.session.query(PaperScan).count() == 0
    assert actions()[1:] == ["paper.scan_added", "paper.scan_deleted"]


@pytest.mark.parametrize("content", [b"", b"<html><script>", b"\x89PNG", b"MZ", b"GIF89a"])
def test_what_is_no_scan_is_not_kept(client, content):
    type_sheet(client, "Zoé Martin")
    assert post_form(client, f"{path_of()}/scans", file=(io.BytesIO(content), "scan.pdf")).status_code == 303
    assert db.session.query(PaperScan).count() == 0


def test_scans_are_bounded(client, monkeypatch):
    type_sheet(client, "Zoé Martin")
    path = path_of()
    for _ in range(scans.MAX_SCANS + 1):
        post_form(client, f"{path}/scans", file=(io.BytesIO(PDF), "a.pdf"))
    assert db.session.query(PaperScan).count() == scans.MAX_SCANS
    large = io.BytesIO(PDF + b"\0" * (scans.MAX_SCAN_BYTES + 100_000))
    assert post_form(client, f"{path}/scans", file=(large, "a.pdf")).status_code == 413


def test_scans_go_with_the_names(client):
    type_sheet(client, "Zoé Martin")
    post_form(client, f"{path_of()}/scans", file=(io.BytesIO(PDF), "a.pdf"))
    petition = db.session.query(Petition).one()
    for query in (queries.DELETE_PAPER_SCANS, queries.CLEAR_PAPER_IMPORTS):
        db.session.execute(query, {"petition_id": petition.id})
    db.session.commit()
    assert db.session.query(PaperScan).count() == 0
    assert db.session.query(PaperImport).one().sheet is None
