"""Signatures as CSV: the file, the audit trail, and protection from spreadsheet formulas."""

import csv
import io
import tracemalloc
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from flask import current_app
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from support.factories import make_petition, make_signature, post_form, sign_in

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.exports import signatures_csv as exports_csv
from petition.exports.cli import export
from petition.exports.signatures_csv import COLUMNS, SignaturesExport, escape_cell
from petition.signatures.search.filters import Filter
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
    answer = post_form(client, f"/desk/signatures/export/{number}", column=["profession", "name", "listed"])
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.data.startswith(b"\xef\xbb\xbfname,profession,listed\r\n")
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


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20))
def test_no_cell_is_a_formula(value):
    assert not escape_cell(value).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert escape_cell(value).removeprefix("'") == value.removeprefix("'")


def test_a_name_that_looks_like_a_formula_is_exported_as_text(petition):
    signature = make_signature(petition)
    signature.name, signature.city = "=HYPERLINK(A1)", "-2+3"
    db.session.commit()
    rows = list(csv.reader(io.StringIO("".join(SignaturesExport(Filter(), ["name", "city"])), newline="")))
    assert rows[1] == ["'=HYPERLINK(A1)", "'-2+3"]


def test_no_column_and_unknown_columns_are_refused(client, campaigner, petition):
    assert post_form(client, "/desk/signatures/export/").status_code == 422
    assert post_form(client, "/desk/signatures/export/", column="password").status_code == 422
    assert post_form(client, "/desk/signatures/export/99", column="name").status_code == 404
    with pytest.raises(DomainError):
        SignaturesExport(Filter(), [])


def test_the_command_writes_the_same_file(petition, tmp_path):
    make_signature(petition, name="Zoé")
    file = tmp_path / "signatures.csv"
    arguments = [str(file), "--columns", "name,email", "--state", "pending"]
    result = CliRunner().invoke(
        export, arguments, obj=AppProvider(lambda: nullcontext(current_app._get_current_object()))
    )
    assert result.exit_code == 0, result.output
    assert file.read_bytes() == "\ufeffname,email\r\nZoé,zoe@example.org\r\n".encode()
    assert records()[-1][1]["rows"] == 1


def test_an_interrupted_export_is_recorded_as_incomplete(petition, monkeypatch):
    monkeypatch.setattr(exports_csv, "BATCH_SIZE", 1)
    for number in range(3):
        make_signature(petition, email=f"s{number}@example.org")
    pieces = iter(SignaturesExport(Filter(), ["id"], actor="test"))
    assert [next(pieces), next(pieces)] == ["\ufeffid\r\n", "3\r\n"]
    pieces.close()
    assert records()[-1] == ("signatures.exported", {"filter": {}, "columns": ["id"], "rows": 1, "complete": False})


def test_a_slow_client_keeps_its_transaction(petition, monkeypatch):
    monkeypatch.setattr(exports_csv, "BATCH_SIZE", 1)
    monkeypatch.setattr(exports_csv, "IDLE_IN_TRANSACTION_TIMEOUT", "7min")
    for number in range(3):
        make_signature(petition, email=f"s{number}@example.org")
    pieces = iter(SignaturesExport(Filter(), ["id"]))
    next(pieces), next(pieces)
    idle = text("SHOW idle_in_transaction_session_timeout")
    assert db.session.scalar(idle) == "7min"
    assert len(list(pieces)) == 2
    assert db.session.scalar(idle) == "20s", "every other transaction has the short limit"


def test_many_rows_are_exported_in_order_and_in_little_memory(petition):
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
        size, last, pieces = 0, "", 0
        for piece in SignaturesExport(Filter(), list(COLUMNS)):
            size, last, pieces = size + len(piece), piece, pieces + 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert pieces == 1 + rows / exports_csv.BATCH_SIZE
    assert last.rstrip().split("\r\n")[-1].startswith("1,jardin")
    assert records()[-1][1]["rows"] == rows
    assert peak < 8_000_000
