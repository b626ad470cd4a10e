"""The API conforms to its own description for any input (schemathesis), and never answers 5xx."""

from unittest.mock import patch

import pytest
from flask_babel import gettext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from support.api_tokens import make_token
from support.factories import make_mailing, make_petition, make_signature

from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.exports.documents import dossiers
from petition.petitions.paper import manual_entry
from petition.petitions.updates import editing
from petition.signatures.search.filters import parse_filter
from petition.signatures.staff.invalidate import prepare_bulk_invalidation
from petition.team.api_tokens.scopes import SCOPES

OPERATIONS = [
    ("GET", "/api/v1/petitions"),
    ("GET", "/api/v1/petitions/{slug}"),
    ("GET", "/api/v1/petitions/{slug}/count"),
    ("GET", "/api/v1/petitions/{slug}/statistics"),
    ("GET", "/api/v1/petitions/{slug}/signatories"),
    ("POST", "/api/v1/petitions/{slug}/signatures"),
    ("GET", "/api/v1/petitions/{slug}/challenge"),
    ("GET", "/api/v1/petitions/{slug}/consents"),
    ("POST", "/api/v1/confirmations"),
]
# For a token, with the scope that each needs.
OPERATIONS_BY_SCOPE = {
    ("GET", "/api/v1/petitions/{slug}/campaign-statistics"): "statistics:read",
    ("GET", "/api/v1/petitions/{slug}/signatures"): "signatures:read",
    ("POST", "/api/v1/signatures/search"): "signatures:manage",
    ("GET", "/api/v1/signatures/{number}"): "signatures:manage",
    ("POST", "/api/v1/signatures/{number}/actions"): "signatures:manage",
    ("GET", "/api/v1/desk/petitions"): "petitions:manage",
    ("POST", "/api/v1/desk/petitions"): "petitions:manage",
    ("GET", "/api/v1/desk/petitions/{slug}"): "petitions:manage",
    ("PATCH", "/api/v1/desk/petitions/{slug}"): "petitions:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/state"): "petitions:manage",
    ("GET", "/api/v1/mailings"): "mailings:manage",
    ("POST", "/api/v1/mailings"): "mailings:manage",
    ("GET", "/api/v1/mailings/{number}"): "mailings:manage",
    ("POST", "/api/v1/mailings/{number}/actions"): "mailings:manage",
    ("GET", "/api/v1/mailings/{number}/draft"): "mailings:manage",
    ("PATCH", "/api/v1/mailings/{number}/draft"): "mailings:manage",
    ("GET", "/api/v1/mailings/{number}/preview"): "mailings:manage",
    ("POST", "/api/v1/mailings/{number}/copies"): "mailings:manage",
    ("GET", "/api/v1/signatures/bulk-actions"): "signatures:manage",
    ("POST", "/api/v1/signatures/bulk-actions"): "signatures:manage",
    ("GET", "/api/v1/signatures/bulk-actions/{number}"): "signatures:manage",
    ("POST", "/api/v1/signatures/bulk-actions/{number}/steps"): "signatures:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/updates"): "petitions:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/updates"): "petitions:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/updates/{number}"): "petitions:manage",
    ("PATCH", "/api/v1/desk/petitions/{slug}/updates/{number}"): "petitions:manage",
    ("DELETE", "/api/v1/desk/petitions/{slug}/updates/{number}"): "petitions:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/updates/{number}/take-back"): "petitions:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/dossiers"): "petitions:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/dossiers"): "petitions:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/dossiers/{number}"): "petitions:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/dossiers/{number}/file"): "petitions:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/paper/lines"): "signatures:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/paper/imports"): "signatures:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/paper/imports"): "signatures:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/paper/imports/{number}"): "signatures:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/paper/imports/{number}/steps"): "signatures:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/paper/imports/{number}/signatures"): "signatures:manage",
    ("DELETE", "/api/v1/desk/petitions/{slug}/paper/imports/{number}/signatures/{signature}"): "signatures:manage",
    ("POST", "/api/v1/signatures/exports"): "signatures:manage",
    ("GET", "/api/v1/names"): "signatures:manage",
    ("GET", "/api/v1/names/decisions"): "signatures:manage",
    ("POST", "/api/v1/names/decisions"): "signatures:manage",
    ("DELETE", "/api/v1/names/decisions/{number}"): "signatures:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/copies"): "petitions:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/draft-links"): "petitions:manage",
    ("DELETE", "/api/v1/desk/petitions/{slug}/draft-links"): "petitions:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/images"): "petitions:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/images"): "petitions:manage",
    ("DELETE", "/api/v1/desk/petitions/{slug}/images/{name}"): "petitions:manage",
    ("GET", "/api/v1/desk/legal-notice"): "petitions:manage",
    ("PUT", "/api/v1/desk/legal-notice"): "petitions:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/legal-notice"): "petitions:manage",
    ("PUT", "/api/v1/desk/petitions/{slug}/legal-notice"): "petitions:manage",
    ("DELETE", "/api/v1/desk/petitions/{slug}/legal-notice"): "petitions:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/partners"): "petitions:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/partners"): "petitions:manage",
    ("PATCH", "/api/v1/desk/petitions/{slug}/partners/{number}"): "petitions:manage",
    ("DELETE", "/api/v1/desk/petitions/{slug}/partners/{number}"): "petitions:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/organisations"): "signatures:manage",
    ("PATCH", "/api/v1/desk/petitions/{slug}/organisations/{number}"): "signatures:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/organisations/merges"): "signatures:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/clusters"): "signatures:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/clusters/steps"): "signatures:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/paper/sheets"): "signatures:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/paper/imports/{number}/sheet-steps"): "signatures:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/paper/imports/{number}/scans"): "signatures:manage",
    ("POST", "/api/v1/desk/petitions/{slug}/paper/imports/{number}/scans"): "signatures:manage",
    ("GET", "/api/v1/desk/petitions/{slug}/paper/imports/{number}/scans/{scan}"): "signatures:manage",
    ("DELETE", "/api/v1/desk/petitions/{slug}/paper/imports/{number}/scans/{scan}"): "signatures:manage",
    ("GET", "/api/v1/mailings/{number}/recipients"): "mailings:manage",
    ("POST", "/api/v1/mailings/{number}/recipients/search"): "mailings:manage",
    ("PUT", "/api/v1/desk/petitions/{slug}/handed-over"): "petitions:manage",
}


MODES = [(*operation, mode) for operation in OPERATIONS for mode in GenerationMode]
# Any text may be asked for as a slug: nothing is negative there.
MODES = [
    mode
    for mode in MODES
    if mode[2] is not GenerationMode.NEGATIVE or not mode[1].endswith(("/count", "/statistics", "/challenge"))
]


@pytest.mark.parametrize(("method", "path", "mode"), MODES)
def test_the_api_conforms_to_its_description(app, api, examples, method, path, mode):
    make_petition()
    operation = api[path][method]

    @settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def check(case, known):
        if known and "slug" in (case.path_parameters or {}):
            case.path_parameters["slug"] = "jardin"
        # A schema cannot say which names and addresses are valid, nor that a token or a code is needed; every other
        # rule of the API is in it.
        case.call_and_validate(excluded_checks=[positive_data_acceptance] if method == "POST" else [])

    check()


@pytest.mark.parametrize(("method", "path"), OPERATIONS_BY_SCOPE)
def test_what_a_token_may_do_conforms_too(app, api, examples, method, path):
    petition = make_petition()
    numbers = _make_known(petition)
    _, headers = make_token(*SCOPES)
    operation = api[path][method]

    @settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE), known=st.booleans())
    def check(case, known):
        if known and "slug" in (case.path_parameters or {}):
            case.path_parameters["slug"] = "jardin"
        for part, number in numbers.items():
            if known and f"{part}/{{number}}" in path:
                case.path_parameters["number"] = number
        # Which petition is there, and in which state it allows what, no schema says.
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance, ignored_auth])

    with patch("petition.team.api_tokens.access.TOKEN_LIMITS", "1000000/minute"):
        check()


def _make_known(petition):
    """Return the number of one of each that an operation may be asked for, by what stands before it in the path."""
    signature = make_signature(petition)
    update = editing.create(
        petition, editing.read_values({"kind": "update", "happened_on": "2022-10-10", "fr.title": "x"}), publish=False
    )
    numbers = {
        "/v1/signatures": signature.id, "/mailings": make_mailing(petition).id, "/updates": update.id,
        "/dossiers": dossiers.ask_for(petition, "fr", "x").id,
        "/bulk-actions": prepare_bulk_invalidation(parse_filter({"petition": "jardin"}), "x", "x").id,
        "/imports": manual_entry.add_line(petition, {"name": "Zoé Martin"}, "x").id,
    }  # fmt: skip
    db.session.commit()
    return numbers


def test_each_operation_for_tokens_names_its_scope(client):
    spec = client.get("/api/v1/openapi.json").json
    assert spec["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for (method, path), scope in OPERATIONS_BY_SCOPE.items():
        assert {"token": [scope]} in spec["paths"][path][method.lower()]["security"]


def test_the_description_has_every_operation(client):
    paths = client.get("/api/v1/openapi.json").json["paths"]
    described = {
        (method.upper(), path) for path, methods in paths.items() for method in methods if method != "parameters"
    }
    assert described == {*OPERATIONS, *OPERATIONS_BY_SCOPE}


def test_errors_are_problem_documents(client):
    for answer in (
        client.get("/api/v1/petitions/none"),
        client.get("/api/v1/nothing"),
        client.post("/api/v1/petitions"),
        client.post("/api/v1/confirmations", data="{", content_type="application/json"),
        client.post("/api/v1/confirmations", json={}),
    ):
        assert answer.content_type == "application/problem+json"
        assert answer.json["status"] == answer.status_code < 500


def test_every_operation_has_an_example_that_its_schema_accepts(client):
    spec = client.get("/api/v1/openapi.json").json
    page = {language: client.get(f"/api/v1/docs?lang={language}").text for language in LANGUAGES}
    for method, path in OPERATIONS:
        operation = spec["paths"][path][method.lower()]
        status = next(code for code in operation["responses"] if code.startswith("2"))
        example = operation["responses"][status]["content"]["application/json"]["example"]
        assert example
        if method == "POST":
            assert operation["requestBody"]["content"]["application/json"]["example"]
        for language in page:
            assert page[language].count("curl ") == len(OPERATIONS) + len(OPERATIONS_BY_SCOPE)
    assert "Lire une pétition avec son texte." in page["fr"]
    assert "Return a petition with its text." in page["en"]


def test_every_text_of_the_description_is_translated(app, client):
    """What `N_` does not mark, the French page would show in English."""
    with app.test_request_context("/?lang=fr"):
        spec = client.get("/api/v1/openapi.json").json
        texts = [spec["info"]["title"], spec["info"]["description"]]
        texts += [operation["summary"] for path in spec["paths"].values() for operation in path.values()
                  if isinstance(operation, dict)]  # fmt: skip
        del spec["components"]["schemas"]["PaginationMetadata"]  # of the library, and used by no operation
        for schema in spec["components"]["schemas"].values():
            texts += [field["description"] for field in schema.get("properties", {}).values() if "description" in field]
        same = {"Markdown", "ISO 3166-1 alpha-2"}
        assert {text for text in texts if gettext(text) == text} <= same
