"""`petition petitions import-paper` and `undo-paper`."""

import json
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from support.factories import make_petition

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.operations.statistics.reconcile import reconcile
from petition.petitions.cli import petitions
from petition.petitions.counters import get_count
from petition.petitions.paper.models import PaperImport
from petition.team.models import AuditEvent

LIST = "Prénom;Nom;Ville;Date\nZoé;Martin;Lyon;28/09/2022\nJean;Roy;Lyon;\n;;Lyon;\n"


@pytest.fixture
def invoke(app, tmp_path):
    def run(*arguments, content=None, **options):
        if content is not None:
            (tmp_path / "list.csv").write_text(content, encoding="utf-8")
            arguments = (*arguments, str(tmp_path / "list.csv"))
        return CliRunner().invoke(petitions, arguments, obj=AppProvider(lambda: nullcontext(app)), **options)

    return run


def test_a_file_is_shown_added_and_undone(invoke):
    petition = make_petition()
    result = invoke("import-paper", "jardin", content=LIST, input="y\n")
    assert "3 lines read, 2 signatures would be added" in result.output
    assert "line 4: There is no name" in result.output
    assert "add: 2 done" in result.output
    assert (result.exit_code, get_count(petition).paper) == (0, 2)
    result = invoke("undo-paper", "jardin", "1", "--yes", "--json")
    assert (result.exit_code, json.loads(result.output)["done"]) == (0, 2)
    assert get_count(petition).paper == 0
    assert reconcile() == []
    assert [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)] == [
        "paper.added", "paper.undone",
    ]  # fmt: skip


def test_nothing_is_added_without_a_yes(invoke):
    petition = make_petition()
    result = invoke("import-paper", "jardin", content=LIST, input="n\n")
    assert "Nothing was done" in result.output
    assert (result.exit_code, get_count(petition).paper) == (1, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ville\nLyon\n", "No line names the columns"),
        ("nom\n123\n", "there is no signature to add"),
        ("nom;date\nZoé Martin;03/04/2022\n", "is 03/04/2022 written with the day or with the month first?"),
    ],
)
def test_what_cannot_be_added_is_said_in_a_line(invoke, content, message):
    make_petition()
    result = invoke("import-paper", "jardin", "--yes", content=content)
    assert message in result.output
    assert result.exit_code == 1


def test_the_order_of_dates_is_an_option(invoke):
    petition = make_petition()
    result = invoke(
        "import-paper", "jardin", "--yes", "--json", "--dates", "month", content="nom;date\nA B;03/04/2022\n"
    )
    assert (json.loads(result.output)["done"], get_count(petition).paper) == (1, 1)
    assert db.session.query(PaperImport).one().date_order == "month"


def test_an_import_is_undone_once(invoke):
    make_petition()
    invoke("import-paper", "jardin", "--yes", content=LIST)
    assert invoke("undo-paper", "jardin", "1", "--yes").exit_code == 0
    assert "nothing to remove" in invoke("undo-paper", "jardin", "1", "--yes").output
