"""Checks of the source tree as a whole: schema, access rules, templates, translations, queues, schedule."""

import ast
import importlib
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import flask_security
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from babel.messages.pofile import read_po
from jinja2 import meta, nodes
from sqlalchemy import CheckConstraint
from support.settings import environment

import petition
from config import Config
from petition.app import create_app
from petition.core.db import db
from petition.core.languages.language_codes import SHIPPED_LANGUAGES, SOURCE_LANGUAGE
from petition.delivery.queues import QUEUE_NAMES
from petition.local_stack import app_processes
from petition.team.models import TEAM_ROLES
from petition.team.sessions import TEAM_PATH_PREFIXES

ROOT = Path(__file__).parents[2]
SQL_STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
# Where else a statement of several lines may stand, and why.
SQL_ELSEWHERE = {
    "petition/core/migrations.py": "of every table, whichever feature has it",
}
TEMPLATES = ROOT / "petition" / "templates"
FLASK_SECURITY_TEMPLATES = Path(flask_security.__file__).parent / "templates" / "security"
LANGUAGES_WITH_CATALOGUE = sorted(
    path.parts[-3] for path in ROOT.glob("petition/translations/*/LC_MESSAGES/messages.po")
)
EMAIL_TEMPLATES = {"subject.txt", "body.txt", "body.html"}
ACCESS_RULES = {"public", "holder of the link", "developer", "machine", "token", "team", *TEAM_ROLES}
# Public: API documentation, health checks, assets, sign-in, and the mailbox of embedded mode.
UNRESTRICTED_BLUEPRINTS = {"api-docs", "api_docs", "health", "mailbox", "bootstrap", "security"}

# What reads `flask.request` beside views and APIs: it wraps every request, or decides who may make it.
REQUEST_READERS = {
    "app.py", "core/error_handlers.py", "core/health.py", "core/i18n.py", "core/logging.py", "core/security_headers.py",
    "core/web/assets.py", "core/web/compression.py", "core/web/trusted_hosts.py", "local_stack/mailbox_views.py",
    "operations/web_requests.py", "safeguards/rate_limits.py", "team/api_tokens/access.py", "team/auth/forms.py",
    "team/auth/setup.py", "team/auth/view_checks.py", "team/permissions.py", "team/template_context.py",
}  # fmt: skip


def test_services_do_not_read_the_request():
    readers = {
        path.relative_to(ROOT / "petition").as_posix()
        for path in (ROOT / "petition").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "flask"
        if any(alias.name == "request" for alias in node.names)
    }
    assert {name for name in readers if not re.search(r"(^|/)(views|api)(/|\.py$)", name)} == REQUEST_READERS


def test_migrations_create_the_schema_of_the_models(app):
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, db.metadata) == []
        sequences = {row[0] for row in connection.exec_driver_sql("SELECT sequencename FROM pg_sequences")}
    assert "confirmation_numbers" in sequences


def test_check_constraints_allow_the_values_of_the_models(app):
    """Alembic does not compare CHECK constraints, which list the states of the enumerations."""
    query = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
    with db.engine.connect() as connection:
        in_database = {name: quoted_values(definition) for name, definition in connection.exec_driver_sql(query)}
    constraints = [
        constraint
        for table in db.metadata.sorted_tables
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    ]
    assert constraints
    for constraint in constraints:
        assert in_database[constraint.name] == quoted_values(str(constraint.sqltext)), constraint.name


def quoted_values(sql):
    return set(re.findall(r"'(\w+)'", sql))


def test_every_blueprint_declares_its_access_rule(app):
    for name, blueprint in app.blueprints.items():
        if name in UNRESTRICTED_BLUEPRINTS:
            continue
        assert set(sys.modules[blueprint.import_name].ACCESS.split(" or ")) <= ACCESS_RULES, name


def test_public_pages_set_no_cookie(client):
    for rule in client.application.url_map.iter_rules():
        if "GET" in rule.methods and not rule.arguments and not rule.rule.startswith(TEAM_PATH_PREFIXES):
            assert "Set-Cookie" not in client.get(rule.rule).headers, rule.rule


def test_no_stylesheet_has_container_queries():
    """Chromium shows a container around <details> empty where the page arrives slowly, in one of seven attempts."""
    sheets = list(Path(petition.__file__).parent.glob("static/**/*.css"))
    assert sheets
    assert [sheet.name for sheet in sheets if re.search(r"container-type|@container", sheet.read_text())] == []


def test_every_template_parses_and_is_used(app):
    used = {f"emails/{kind}/{name}" for kind in app.extensions["petition.composers"] for name in EMAIL_TEMPLATES}
    used |= {f"security/{path.name}" for path in FLASK_SECURITY_TEMPLATES.iterdir()}  # found by these names
    for path in (ROOT / "petition").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    for name in app.jinja_env.list_templates():
        tree = app.jinja_env.parse(app.jinja_env.loader.get_source(app.jinja_env, name)[0])
        used |= {found for found in meta.find_referenced_templates(tree) if found}
    names = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.*")}
    assert sorted(names - used) == []


def names_set_at_the_top(node):
    """Return the names that a template sets for every block of a page that extends it."""
    found = set()
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Assign | nodes.AssignBlock):
            found |= {name.name for name in child.target.find_all(nodes.Name)} | (
                {child.target.name} if isinstance(child.target, nodes.Name) else set()
            )
        elif not isinstance(child, nodes.With | nodes.For | nodes.Block | nodes.Macro | nodes.CallBlock):
            found |= names_set_at_the_top(child)
    return found


def test_no_layout_sets_a_name_that_its_pages_are_given(app):
    """It would replace what the view passes by that name."""
    environment = app.jinja_env
    trees = {
        name: environment.parse(environment.loader.get_source(environment, name)[0])
        for name in environment.list_templates() if "/security/" not in name
    }  # fmt: skip
    checked = 0
    for page, tree in trees.items():
        name = page
        while extended := next(iter(trees[name].find_all(nodes.Extends)), None):
            name = extended.template.value
            assert not names_set_at_the_top(trees[name]) & meta.find_undeclared_variables(tree), (page, name)
            checked += 1
    assert checked > 50


def test_a_template_is_in_the_folder_of_a_view_that_renders_it():
    """`<feature>/views/<view>.py` renders `templates/<feature>/<view>/` or `templates/<feature>/<view>.html`."""
    rendered_by = defaultdict(set)
    for path in (ROOT / "petition").glob("*/views/*.py"):
        for name in re.findall(r'"([a-z_]+/[a-z_/]+)\.(?:html|xml)"', path.read_text(encoding="utf-8")):
            rendered_by[name].add(f"{path.parents[1].name}/{path.stem}")
    misplaced = {
        name: views for name, views in rendered_by.items()
        if not any(name == view or name.startswith(f"{view}/") for view in views)
    }  # fmt: skip
    assert misplaced == {}


def test_every_email_has_its_three_templates(app):
    for kind in app.extensions["petition.composers"]:
        assert {path.name for path in (TEMPLATES / "emails" / kind).iterdir()} == EMAIL_TEMPLATES


@pytest.fixture(scope="module")
def texts_to_translate(tmp_path_factory):
    pot = tmp_path_factory.mktemp("texts") / "messages.pot"
    command = [
        sys.executable,
        "-m",
        "babel.messages.frontend",
        "-q",
        "extract",
        "-F",
        "petition/translations/babel.cfg",
        "-k",
        "lazy_gettext",
        "-k",
        "N_",
        "-o",
        str(pot),
        "petition",
    ]
    subprocess.run(command, cwd=ROOT, check=True, timeout=240)
    return {
        message.id if isinstance(message.id, str) else message.id[0]
        for message in read_po(pot.open("rb"))
        if message.id
    }


@pytest.mark.parametrize("language", LANGUAGES_WITH_CATALOGUE)
def test_every_text_is_translated(texts_to_translate, language):
    path = ROOT / f"petition/translations/{language}/LC_MESSAGES/messages.po"
    catalogue = read_po(path.open("rb"), locale=language)
    wanted, missing, stale = set(texts_to_translate), [], []
    for message in catalogue:
        if not message.id:
            continue
        identifier = message.id if isinstance(message.id, str) else message.id[0]
        texts = [message.string] if isinstance(message.string, str) else list(message.string)
        if message.fuzzy or not all(texts):
            missing.append(identifier)
        if identifier not in wanted:
            stale.append(identifier)
        for text in texts:
            names = set(re.findall(r"%\((\w+)\)", str(message.id)))
            assert set(re.findall(r"%\((\w+)\)", text)) <= names, identifier
            assert sorted(re.findall(r"\{\{ \w+ \}\}|`[^`]+`", text)) == sorted(
                re.findall(r"\{\{ \w+ \}\}|`[^`]+`", identifier)
            ), identifier
        if isinstance(message.id, str):
            assert len(texts) == 1, identifier
        else:
            assert len(texts) == catalogue.num_plurals, identifier
        wanted.discard(identifier)
    assert (sorted(wanted), missing, stale) == ([], [], [])


def test_every_shipped_language_has_its_catalogue_and_its_templates():
    assert {SOURCE_LANGUAGE, *LANGUAGES_WITH_CATALOGUE} == set(SHIPPED_LANGUAGES)


def test_every_queue_has_one_worker_in_embedded_mode(tmp_path):
    served = [
        word for program in app_processes.list_processes(tmp_path, 8000) for word in ",".join(program.argv).split(",")
    ]
    for queue in QUEUE_NAMES:
        assert served.count(queue) == 1, queue


def test_beat_schedule_names_existing_tasks_and_queues(session_app, monkeypatch, database_url, redis_url):
    for name, value in environment(database_url, redis_url).items():
        monkeypatch.setenv(name, value)

    worker = importlib.import_module("worker")  # reads the settings when imported
    worker.app.loader.import_default_modules()
    for entry in worker.app.conf.beat_schedule.values():
        assert entry["task"] in worker.app.tasks
        assert entry["options"]["queue"] in QUEUE_NAMES


def test_second_application_can_be_created(database_url, redis_url):
    assert create_app(Config(environment(database_url, redis_url)))


def find_long_statements(path):
    """Return the lines at which SQL of more than one line is given to `sqlalchemy.text`, whole or as an f-string."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] == "text":
            parts = node.args[0].values if isinstance(node.args[0], ast.JoinedStr) else [node.args[0]]
            sql = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
            if "\n" in sql and SQL_STATEMENT.match(sql):
                yield node.lineno


def test_statements_of_several_lines_stand_in_modules_of_queries():
    paths = [path for path in (ROOT / "petition").rglob("*.py") if "migrations" not in path.parts]
    found = {str(path.relative_to(ROOT)): list(find_long_statements(path)) for path in paths}
    assert found["petition/signatures/queries.py"], "the statements are found where they are"
    elsewhere = {name: lines for name, lines in found.items() if lines and not name.endswith("queries.py")}
    assert elsewhere.keys() == SQL_ELSEWHERE.keys(), elsewhere
