"""Signatures as CSV and XLSX: the files, their language, the audit trail, and protection from formulas."""

import csv
import io
import re
import tempfile
import tracemalloc
import xml.etree.ElementTree as ET
import zipfile
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from flask import current_app
from sqlalchemy import text
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.exports import file_formats, signatures_export
from petition.exports.cli import export
from petition.exports.columns import COLUMNS
from petition.exports.file_formats import FILE_FORMATS, FileFormat
from petition.exports.signatures_export import SignaturesExport
from petition.signatures.confirm import disown
from petition.signatures.search.filters import Filter
from petition.signatures.staff.restriction import restrict
from petition.team.models import AuditEvent


@pytest.fixture
def campaigner(client):
    return sign_in(client, "campaigner")


@pytest.fixture
def petition(app):
    return make_petition()


def table(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def records():
    return [(event.action, event.after) for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def test_the_file_has_the_search_results_and_the_chosen_columns(client, campaigner, petition):
    make_signature(petition, name="Zoé Martin", email="zoe@example.org", profession='Juge, "émérite"')
    make_signature(petition, name="Léo", email="leo@other.example")
    path = post_form(client, "/desk/signatures/", domain="example.org").headers["Location"]
    number = path.rpartition("/")[2]
    page = client.get(f"/desk/signatures/export/{number}?lang=en").text
    assert 'value="email" id="column-email">' in page, "addresses are not exported by default"
    assert 'value="name" id="column-name" checked' in page
    answer = post_form(client, f"/desk/signatures/export/{number}?lang=en", column=["profession", "name", "listed"])
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.data.startswith("\ufeffName,Profession or role,In the public list\r\n".encode())
    assert answer.data.endswith(b"\r\n")
    assert table(answer.data)[1:] == [["Zoé Martin", 'Juge, "émérite"', "no"]]
    assert db.session.query(AuditEvent).order_by(AuditEvent.id.desc()).first().actor == campaigner.email
    assert records()[-2:] == [
        ("signatures.export", {"filter": {"domain": "example.org"}, "columns": ["name", "profession", "listed"]}),
        (
            "signatures.exported",
            {
                "filter": {"domain": "example.org"},
                "columns": ["name", "profession", "listed"],
                "rows": 1,
                "complete": True,
            },
        ),
    ]


def test_a_searched_name_is_not_in_the_audit_trail(client, campaigner, petition):
    make_signature(petition, name="Zoé Martin")
    number = post_form(client, "/desk/signatures/", name="zoé").headers["Location"].rpartition("/")[2]
    assert len(table(post_form(client, f"/desk/signatures/export/{number}", column="name").data)) == 2
    assert "zoé" not in str(records()).lower()


def test_a_name_that_looks_like_a_formula_is_exported_as_text(petition):
    signature = make_signature(petition)
    signature.name, signature.city = "=HYPERLINK(A1)", "-2+3"
    db.session.commit()
    assert table(b"".join(SignaturesExport(Filter(), ["name", "city"])))[1] == ["'=HYPERLINK(A1)", "'-2+3"]


def test_a_formula_after_another_separator_is_exported_as_text(client, campaigner, petition):
    signature = make_signature(petition)
    signature.profession, signature.city = "x;=1+1", 'y,"@SUM(1)"'
    db.session.commit()
    for file_format, separator in (("csv", ","), ("csv-semicolon", ";")):
        fields = {"format": file_format, "column": ["profession", "city"]}
        data = post_form(client, "/desk/signatures/export/?lang=fr", **fields).data.decode("utf-8-sig")
        assert list(csv.reader(io.StringIO(data, newline=""), delimiter=separator)) == [
            ["Profession ou qualité", "Ville"],
            ["x;'=1+1", 'y,"\'@SUM(1)"'],
        ]


CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheets(data):
    """Return the rows of each sheet of a workbook, every cell as (type, content), as its XML has them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = sorted(name for name in archive.namelist() if name.startswith("xl/worksheets/sheet"))
        found = []
        for name in names:
            root = ET.fromstring(archive.read(name))
            assert root.find(f".//{CELL}f") is None, "no formula"
            assert root.find(f".//{CELL}hyperlink") is None, "no link"
            found.append([[_content(cell) for cell in row.iter(f"{CELL}c")] for row in root.iter(f"{CELL}row")])
        return found


def _content(cell):
    return cell.get("t", "n"), "".join(cell.itertext())


def test_a_workbook_has_texts_as_texts_and_times_as_dates(client, campaigner, petition):
    signature = make_signature(petition)
    signature.name, signature.profession, signature.city = "https://evil.example/?a=1&b=<2>", "=1+1", "x;=1+1"
    signature.confirmed_at, signature.state = datetime(2026, 11, 27, 18, 30, tzinfo=UTC), "confirmed"
    db.session.commit()
    columns = ["id", "party", "name", "profession", "city", "state", "listed", "confirmed_at", "ended_at"]
    answer = post_form(client, "/desk/signatures/export/?lang=fr", format="xlsx", column=columns)
    assert answer.headers["Content-Type"].endswith("spreadsheetml.sheet")
    assert answer.headers["Content-Disposition"].endswith(".xlsx")
    ((headings, row),) = sheets(answer.data)
    assert [text for _type, text in headings][-2:] == ["Confirmée le (UTC)", "Terminée le (UTC)"]
    days = (signature.confirmed_at - datetime(1899, 12, 30, tzinfo=UTC)).total_seconds() / 86400
    assert row[0] == ("n", "1")
    assert [text for _type, text in row[1:7]] == [
        "personne", "https://evil.example/?a=1&b=<2>", "=1+1", "x;=1+1", "confirmée", "non",
    ]  # fmt: skip
    assert {kind for kind, _text in row[1:7]} == {"inlineStr"}
    assert row[7][0] == "n"
    assert float(row[7][1]) == pytest.approx(days)
    assert records()[-1] == (
        "signatures.exported",
        {"filter": {}, "columns": sorted(columns, key=list(COLUMNS).index), "rows": 1, "complete": True},
    )


def test_a_workbook_goes_on_in_another_sheet_where_excel_ends(petition, monkeypatch):
    monkeypatch.setattr(file_formats, "MAX_SHEET_ROWS", 3)
    for number in range(5):
        make_signature(petition, email=f"s{number}@example.org")
    found = sheets(b"".join(SignaturesExport(Filter(), ["email"], FileFormat.XLSX)))
    assert [[row[0][1] for row in rows] for rows in found] == [
        ["Email address", "s4@example.org", "s3@example.org"],
        ["Email address", "s2@example.org", "s1@example.org"],
        ["Email address", "s0@example.org"],
    ]


def test_a_workbook_leaves_no_file_behind(petition, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make_signature(petition)
    pieces = iter(SignaturesExport(Filter(), ["name"], FileFormat.XLSX))
    next(pieces)
    pieces.close()
    assert list(tmp_path.iterdir()) == []
    assert records()[-1][1]["complete"] is False


def test_headings_and_values_are_in_the_language_of_the_reader(petition):
    signature = make_signature(petition, party="organisation", organisation="Le Collectif", listed=True)
    signature.confirmed_at, signature.state = datetime(2026, 11, 27, 18, 30, tzinfo=UTC), "confirmed"
    db.session.commit()
    columns = ["party", "state", "listed", "updates", "confirmed_at"]
    assert table(b"".join(SignaturesExport(Filter(), columns, language="fr"))) == [
        ["Signé comme", "État", "Dans la liste publique", "Reçoit les nouvelles", "Confirmée le (UTC)"],
        ["organisation", "confirmée", "oui", "non", "27/11/2026 18:30:00"],
    ]
    assert table(b"".join(SignaturesExport(Filter(), columns)))[1] == [
        "organisation", "confirmed", "yes", "no", "2026-11-27 18:30:00",
    ]  # fmt: skip


def test_the_form_offers_each_format_and_says_what_is_wrong(client, campaigner, petition):
    page = client.get("/desk/signatures/export/?lang=en").text
    for name in FILE_FORMATS:
        assert f'value="{name}" id="format-{name}"' in page
    answer = post_form(client, "/desk/signatures/export/?lang=en", format="ods", column="email")
    assert answer.status_code == 422
    assert "Please choose one of these." in answer.text
    assert re.search(r'value="email" id="column-email" checked', answer.text), "nothing chosen is lost"


def test_the_details_of_a_disowned_signature_are_not_exported(petition):
    signature = make_signature(petition, state="confirmed", profession="Juge")
    disown(signature)
    db.session.commit()
    columns = ["name", "email", "profession", "state"]
    assert table(b"".join(SignaturesExport(Filter(), columns)))[1:] == [["", "", "", "disowned"]]


def test_no_column_and_unknown_columns_are_refused(client, campaigner, petition):
    assert post_form(client, "/desk/signatures/export/").status_code == 422
    assert post_form(client, "/desk/signatures/export/", column="password").status_code == 422
    assert post_form(client, "/desk/signatures/export/99", column="name").status_code == 404
    with pytest.raises(DomainError):
        SignaturesExport(Filter(), [])


def run_export(arguments):
    provider = AppProvider(lambda: nullcontext(current_app._get_current_object()))
    result = CliRunner().invoke(export, arguments, obj=provider)
    assert result.exit_code == 0, result.output


def test_the_command_writes_the_same_file(petition, tmp_path):
    make_signature(petition, name="Zoé")
    file = tmp_path / "signatures.csv"
    run_export([str(file), "--columns", "name,email", "--state", "pending"])
    assert file.read_bytes() == "\ufeffName,Email address\r\nZoé,zoe@example.org\r\n".encode()
    assert records()[-1][1]["rows"] == 1


def test_the_command_writes_a_workbook_in_french(petition, tmp_path):
    make_signature(petition, name="Zoé")
    file = tmp_path / "signatures.xlsx"
    run_export([str(file), "--columns", "name,state", "--language", "fr"])
    rows = [[text for _type, text in row] for row in sheets(file.read_bytes())[0]]
    assert rows == [["Nom", "État"], ["Zoé", "en attente"]]


def test_an_interrupted_export_is_recorded_as_incomplete(petition, monkeypatch):
    monkeypatch.setattr(signatures_export, "BATCH_SIZE", 1)
    for number in range(3):
        make_signature(petition, email=f"s{number}@example.org")
    pieces = iter(SignaturesExport(Filter(), ["id"], actor="test"))
    assert [next(pieces), next(pieces)] == ["\ufeffNumber\r\n".encode(), b"3\r\n"]
    pieces.close()
    assert records()[-1] == ("signatures.exported", {"filter": {}, "columns": ["id"], "rows": 1, "complete": False})


def test_a_slow_client_keeps_its_transaction(petition, monkeypatch):
    monkeypatch.setattr(signatures_export, "BATCH_SIZE", 1)
    monkeypatch.setattr(signatures_export, "IDLE_IN_TRANSACTION_TIMEOUT", "7min")
    for number in range(3):
        make_signature(petition, email=f"s{number}@example.org")
    pieces = iter(SignaturesExport(Filter(), ["id"]))
    next(pieces), next(pieces)
    idle = text("SHOW idle_in_transaction_session_timeout")
    assert db.session.scalar(idle) == "7min"
    assert len(list(pieces)) == 2
    assert db.session.scalar(idle) == "20s", "every other transaction has the short limit"


@pytest.mark.slow
@pytest.mark.parametrize("file_format", [FileFormat.CSV, FileFormat.XLSX])
def test_many_rows_are_exported_in_order_and_in_little_memory(petition, file_format):
    rows = 30_000
    db.session.execute(
        text("""
        INSERT INTO signatures (petition_id, party, state, name, email, email_canonical, locale, listed, updates,
                                source, generation, valid_from)
        SELECT 1, 'person', 'pending', 'Signer ' || n, n || '@d.fr', n || '@d.fr', 'fr', true, false, 'page', 1, 1
        FROM generate_series(1, :rows) AS n
    """),
        {"rows": rows},
    )
    db.session.commit()
    tracemalloc.start()
    try:
        last, pieces = b"", 0
        for piece in SignaturesExport(Filter(), list(COLUMNS), file_format):
            last, pieces = piece, pieces + 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if file_format == FileFormat.CSV:
        assert pieces == 1 + rows / signatures_export.BATCH_SIZE
        assert last.decode().rstrip().split("\r\n")[-1].startswith("1,jardin")
    assert records()[-1][1]["rows"] == rows
    assert peak < 8_000_000


def test_a_restricted_signature_is_in_no_export(petition):
    make_signature(petition, name="Zoé")
    restrict(make_signature(petition, name="Ada", email="b@example.org"))
    db.session.commit()
    assert table(b"".join(SignaturesExport(Filter(), ["name"])))[1:] == [["Zoé"]]
