"""Dossiers to hand over: made once, kept as they are, on the audit trail."""

import hashlib
import io
from datetime import timedelta

import pikepdf
import pytest
from flask_babel import force_locale
from sqlalchemy import select, update
from support.documents import MOMENT, NAMES, add_names, read_text, squeeze
from support.factories import make_petition, post_form, sign_in

from petition.core import clock
from petition.core.db import db
from petition.exports.documents import dossiers, tasks
from petition.exports.documents.models import Dossier
from petition.exports.documents.rendering import Rendered, RenderingError, render_parts
from petition.petitions.counters import increment
from petition.petitions.presenter import present
from petition.team.models import AuditEvent

PATH = "/desk/petitions/jardin/documents"


@pytest.fixture
def rendered(monkeypatch):
    """Stand in for the renderer."""
    monkeypatch.setattr(dossiers, "render_parts", lambda _jobs, _moment, report: report(50) or Rendered(b"%PDF", 7))


@pytest.fixture
def campaigner(client):
    return sign_in(client, "campaigner", name="Alix")


def make(petition, language="fr"):
    jobs, named = dossiers.describe_dossier(petition, language, MOMENT, "jardin-20261127-1")
    db.session.commit()  # no transaction is open meanwhile
    return render_parts(jobs, MOMENT), named


def test_a_dossier_has_its_parts_in_order(app):
    petition = make_petition(kind="open_letter", reply_to="contact@example.org")
    petition.texts["fr"].body = "# Demande\n\nUn *jardin*."
    db.session.commit()
    increment(petition.id, 1, "person", 30)
    increment(petition.id, 1, "paper", 4)
    add_names(petition, NAMES, profession="Avocate")
    add_names(petition, ["x"], party="organisation", organisation="Ban public")
    made, named = make(petition)
    assert named == len(NAMES) + 1
    text = squeeze(read_text(made.content))
    parts = (
        "Lettre ouverte à la maire", "Pour un jardin", "jardin-20261127-1", "Le texte", "Demande", "Un jardin.",
        "Statistiques", "30 personnes", "Ban public", "Élodie Lefèvre, avocate", "#include \"/etc/passwd\"",
        "Comment les signatures ont été recueillies", f"page {made.pages} sur {made.pages}",
    )  # fmt: skip
    assert all(squeeze(part) in text for part in parts), [part for part in parts if squeeze(part) not in text]
    order = ("jardin-20261127-1", "Letexte", "Statistiques", "Banpublic", "ÉlodieLefèvre", "Commentlessignatures")
    positions = [text.index(part) for part in order]
    assert positions == sorted(positions)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_same_input_gives_the_same_bytes_for_archives(app, language):
    petition = make_petition()
    add_names(petition, NAMES)
    first, second = make(petition, language)[0].content, make(petition, language)[0].content
    assert first == second
    with pikepdf.open(io.BytesIO(first)) as pdf:
        assert pdf.Root.Lang == language
        assert pdf.Root.MarkInfo.Marked
        metadata = pdf.open_metadata()
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"], metadata["pdfuaid:part"]) == ("2", "A", "1")


def test_statistics_tell_nobody_apart(app):
    petition = make_petition()
    for profession, n in (("Juge", 7), ("Avocate", 6), ("Astronaute", 2)):
        add_names(petition, [f"{profession} {number}" for number in range(n)], profession=profession)
    with force_locale("en"):
        tables = dossiers._list_tables(petition, present(petition, "en"))
    [rows] = [table["rows"] for table in tables if table["heading"] == "Professions or roles"]
    assert rows == [["Juge", "7"], ["Others, or not said", "8"]], "6 would leave a remainder of 2"


def test_a_dossier_is_asked_for_made_and_kept(client, campaigner, rendered):
    make_petition()
    page = client.get(PATH).text
    assert "Aucun pour l’instant." in page
    assert post_form(client, PATH, language="en").status_code == 303
    assert 'data-every="2"' in client.get(PATH).text, "the page follows its progress"
    tasks.make_dossiers()
    tasks.make_dossiers()
    [dossier] = db.session.scalars(select(Dossier))
    assert (dossier.state, dossier.pages, dossier.sha256) == ("done", 7, hashlib.sha256(b"%PDF").hexdigest())
    assert dossier.reference == f"jardin-{dossier.as_of:%Y%m%d}-{dossier.id}"
    page = client.get(PATH).text
    assert dossier.sha256 in page
    assert "refresh" not in page
    answer = post_form(client, f"{PATH}/{dossier.id}")
    assert answer.data == b"%PDF"
    assert f"{dossier.reference}.pdf" in answer.headers["Content-Disposition"]
    actions = list(db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))
    assert actions == ["dossier.requested", "dossier.made", "dossier.downloaded"]
    made = db.session.scalars(select(AuditEvent).filter_by(action="dossier.made")).one()
    assert (made.actor, made.after["sha256"]) == ("Alix", dossier.sha256)


def test_a_dossier_stays_as_it_was_until_its_signers_are_anonymised(client, campaigner, rendered, monkeypatch):
    petition = make_petition()
    post_form(client, PATH, language="fr")
    tasks.make_dossiers()
    [dossier] = db.session.scalars(select(Dossier))
    digest = dossier.sha256
    tasks.run_retention()
    assert post_form(client, f"{PATH}/{dossier.id}").status_code == 200
    petition.anonymised_at = clock.now()
    db.session.commit()
    tasks.run_retention()
    assert post_form(client, f"{PATH}/{dossier.id}").status_code == 404
    page = client.get(PATH).text
    assert "n’est plus conservé" in page
    assert digest in page


def test_what_cannot_be_made_is_said(client, campaigner, monkeypatch):
    make_petition()

    def fail(*_):
        raise RenderingError("x")

    monkeypatch.setattr(dossiers, "render_parts", fail)
    post_form(client, PATH, language="fr")
    tasks.make_dossiers()
    assert "n’a pas pu être préparé" in client.get(PATH).text


def test_a_worker_that_died_leaves_it_to_the_next(client, campaigner, rendered):
    make_petition()
    post_form(client, PATH, language="fr")
    for age, state in ((timedelta(seconds=1), "waiting"), (dossiers.CLAIM_TIMEOUT, "done")):
        db.session.execute(update(Dossier).values(claimed_at=clock.now() - age))
        db.session.commit()
        tasks.make_dossiers()
        assert db.session.scalar(select(Dossier.state)) == state


def test_an_unknown_language_is_refused_and_strangers_get_none(client, campaigner):
    make_petition()
    answer = post_form(client, PATH, language="xx")
    assert answer.status_code == 422
    assert not list(db.session.scalars(select(Dossier)))
    assert post_form(client, f"{PATH}/1").status_code == 404
    assert post_form(client, f"{PATH}/{2**70}").status_code == 404
