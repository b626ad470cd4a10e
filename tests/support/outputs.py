"""All that the product shows of signatures to anybody but their signers: every page, file, command and log line."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from structlog.testing import capture_logs
from support.factories import post_form

from petition.core import clock
from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.exports.columns import COLUMNS
from petition.exports.documents.content import describe
from petition.exports.documents.dossiers import describe_dossier
from petition.exports.file_formats import FileFormat
from petition.exports.signatures_export import SignaturesExport
from petition.petitions.models import Petition
from petition.signatures.cli import signatures as signatures_command
from petition.signatures.listing.public_list import list_signatories
from petition.signatures.search.filters import Filter
from petition.signatures.search.search import search
from petition.signatures.staff.team_view import all_for_team

Output = tuple[str, str]  # where, and what it says
SIGNERS_OWN = "holder of the link"
PARAMETER = re.compile(r"<(?:[^:<>]*:)?(\w+)>")


def read_quick(petition: Petition) -> Iterator[Output]:
    """Read what most outputs are made of: the public list, the documents, an export, the team's search."""
    yield "list", repr(list_signatories(petition).items)
    yield "documents", repr(describe(petition, "signatories", "fr", clock.now()))
    found = SignaturesExport(Filter(petition=petition.slug), list(COLUMNS), FileFormat.CSV, "fr", "a test")
    yield "export", b"".join(found).decode()
    rows = all_for_team(search(Filter(petition=petition.slug)).items)
    yield "search", repr([(row.name, row.email, row.profession, row.city, row.organisation) for row in rows])


def read_all(
    app: Flask, client: FlaskClient, petition: Petition, values: dict[str, str], criteria: dict[str, str]
) -> Iterator[Output]:
    """Read every page that a GET request gets, as whoever is signed in, with what `values` has for its parameters.

    Also the searches for `criteria`, the commands, every document, what is logged meanwhile, and what the tables hold.
    """
    with capture_logs() as lines:
        for rule in app.url_map.iter_rules():
            if "GET" in rule.methods and _access(app, rule) != SIGNERS_OWN and "token" not in rule.arguments:
                path = PARAMETER.sub(lambda found: values.get(found[1], "1"), rule.rule)
                answer = client.get(f"{path}?lang=en")
                assert answer.status_code < 500, path
                yield path, answer.data.decode("utf-8", "replace")
                answer.close()
        yield from _read_searches(client, values, criteria)
        yield from read_quick(petition)
        for kind in ("letter", "signatories", "poster", "sheet", "card"):
            yield kind, repr(describe(petition, kind, "fr", clock.now()))
        yield "dossier", repr(describe_dossier(petition, "fr", clock.now(), "X"))
        yield from _run_commands(app, values, criteria)
    yield "log", json.dumps(lines, default=str)


def _access(app: Flask, rule: Any) -> str | None:
    blueprint = app.blueprints.get(rule.endpoint.rpartition(".")[0])
    return getattr(sys.modules[blueprint.import_name], "ACCESS", None) if blueprint else None


def _read_searches(client: FlaskClient, values: dict[str, str], criteria: dict[str, str]) -> Iterator[Output]:
    for field, value in criteria.items():
        answer = post_form(client, "/desk/signatures/", **{field: value})
        yield f"desk, by {field}", client.get(answer.headers["Location"]).text.replace(f'value="{value}"', "")
    for field, query in (*criteria.items(), ("number", values["signature_id"])):
        answer = post_form(client, "/ops/signatures", query=query)
        yield f"operators, by {field}", answer.text.replace(f'value="{query}"', "")
    answer = post_form(client, f"/desk/mailings/{values['mailing_id']}/recipients", address=criteria["email"])
    yield "recipients, by address", answer.text.replace(f'value="{criteria["email"]}"', "")


def _run_commands(app: Flask, values: dict[str, str], criteria: dict[str, str]) -> Iterator[Output]:
    for command in (
        ["list"], ["list", "--json"], ["list", "--email", criteria["email"]], ["show", values["signature_id"]],
        ["show", values["signature_id"], "--json"],
    ):  # fmt: skip
        result = CliRunner().invoke(signatures_command, command, obj=AppProvider(lambda: nullcontext(app)))
        assert result.exit_code == 0, result.output
        yield f"command {' '.join(command)}", result.output


def find_in_tables(fragment: str) -> set[str]:
    """Return the tables and columns, `table.column`, that hold a text, whatever its case."""
    found = set()
    for table in db.metadata.sorted_tables:
        query = text(f"""
            SELECT DISTINCT field.key FROM {table.name} AS t, jsonb_each_text(to_jsonb(t)) AS field
            WHERE field.value ILIKE :pattern
        """)
        found |= {f"{table.name}.{key}" for key in db.session.scalars(query, {"pattern": f"%{fragment}%"})}
    return found
