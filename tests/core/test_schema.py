"""A schema that is empty, behind, newer or unknown is one line everywhere, and never a traceback or an HTML 500."""

import subprocess
import sys

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text
from support.settings import ROOT, environment

from config import Config
from petition.app import create_app
from petition.core import migrations, schema
from petition.core.db import db
from petition.core.health import GATE, StartRefused, require_database
from petition.core.schema import Schema

HEAD = schema.head_revision()
BEFORE = schema.known_revisions()[HEAD]
FIRST_THAT_STATES = "0033"
EMPTY = f"the database is empty, this code needs {HEAD}: run petition db upgrade"
BEHIND = f"the database is at {BEFORE}, this code needs {HEAD}: run petition db upgrade"
TOO_NEW = (
    f"the database is at 9999, which needs the code of 9998 or later; this code is of {HEAD}:"
    " start the newer version, or restore the backup from before its upgrade"
)
UNKNOWN = TOO_NEW.replace("needs the code of 9998 or later", "is unknown to it")
STATES = {
    "empty": (Schema(None), EMPTY),
    "behind": (Schema(BEFORE, BEFORE), BEHIND),
    "current": (Schema(HEAD, HEAD), None),
    "newer": (Schema("9999", HEAD), None),
    "too new": (Schema("9999", "9998"), TOO_NEW),
    "unknown": (Schema("9999"), UNKNOWN),
}


@pytest.fixture
def database(new_database, worker_number):
    """Return a function that makes a database in one of the states and returns its URL."""

    def make(state):
        url = new_database(f"schema_{worker_number}")
        found = STATES[state][0]
        with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
            if found.revision is None:
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
            else:
                values = (found.revision, found.compatible_from)
                connection.execute("UPDATE alembic_version SET version_num = %s, compatible_from = %s", values)
        return url

    return make


@pytest.fixture
def make_app(database, redis_url):
    """Return a function that makes an application on such a database."""
    apps = []

    def make(state):
        app = create_app(Config(environment(database(state), redis_url)))
        apps.append(app)
        return app

    yield make
    for app in apps:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def run(database, redis_url):
    """Return a function that runs a command on such a database, as a process."""

    def run_command(state, *command):
        environ = environment(database(state), redis_url, PATH="/usr/bin:/bin", PYTHONPATH=str(ROOT))
        return subprocess.run(
            [sys.executable, "-m", *command],
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_command


def test_revisions_are_those_of_alembic():
    script = ScriptDirectory.from_config(migrations._config())
    assert script.get_current_head() == HEAD
    assert {each.revision: each.down_revision for each in script.walk_revisions()} == schema.known_revisions()


def test_every_migration_states_from_which_version_older_code_may_run():
    script = ScriptDirectory.from_config(migrations._config())
    stated = [
        (each.revision, getattr(each.module, "compatible_from", None))
        for each in reversed(list(script.walk_revisions()))
        if each.revision >= FIRST_THAT_STATES
    ]
    assert not [revision for revision, since in stated if since not in schema.known_revisions()]
    assert [since for _, since in stated] == sorted(since for _, since in stated), "compatibility once lost stays lost"


def test_the_database_has_what_its_last_migration_stated(app):
    module = ScriptDirectory.from_config(migrations._config()).get_revision(HEAD).module
    assert migrations.read_schema() == Schema(HEAD, getattr(module, "compatible_from", HEAD))


@pytest.mark.parametrize("state", STATES)
def test_state_is_read_and_named(make_app, state):
    found, problem = STATES[state]
    with make_app(state).app_context():
        read = migrations.read_schema()
    assert (read, read.problem, read.is_newer) == (found, problem, state == "newer")


@pytest.mark.parametrize("state", ["empty", "behind", "too new", "unknown"])
def test_worker_refuses_to_start_in_one_line(make_app, state):
    with pytest.raises(StartRefused) as raised:
        require_database(make_app(state))
    assert str(raised.value) == STATES[state][1]


def test_web_and_workers_start_on_a_newer_schema_that_lets_them(make_app):
    app = make_app("newer")
    require_database(app)
    require_database(app, waits_for_schema=True)
    client = app.test_client()
    assert client.get("/readyz").json["parts"]["database"] == "ok"
    assert client.get("/p/nothing").status_code == 404


@pytest.mark.parametrize("state", ["too new", "unknown"])
def test_web_refuses_a_schema_that_is_too_new(make_app, state):
    with pytest.raises(StartRefused):
        require_database(make_app(state), waits_for_schema=True)


def test_web_waits_for_the_migrations_and_serves_after_them(make_app, monkeypatch):
    app = make_app("empty")
    require_database(app, waits_for_schema=True)
    client = app.test_client()
    answer = client.get("/p/nothing", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "The server is busy" in answer.text
    assert client.get("/api/v1/petitions").mimetype == "application/problem+json"
    assert client.get("/healthz").status_code == 200
    assert (client.get("/readyz").status_code, client.get("/readyz").json["parts"]["database"]) == (503, EMPTY)
    with app.app_context():
        migrations.upgrade()
    monkeypatch.setattr(app.extensions[GATE], "_ask_at", 0)
    assert client.get("/readyz").json["parts"]["database"] == "ok"
    assert client.get("/p/nothing").status_code == 404


def test_a_dropped_key_is_found_although_the_web_started_before_the_migrations(make_app, monkeypatch):
    app = make_app("empty")
    app.extensions["petition.start_checks"] = [refuse]
    require_database(app, waits_for_schema=True)
    with app.app_context():
        migrations.upgrade()
    assert app.test_client().get("/readyz").json["parts"]["database"] == "the key is missing"


def refuse():
    raise StartRefused("the key is missing")


@pytest.mark.parametrize(("path", "kind"), [("/p/a", "text/html"), ("/api/v1/petitions", "application/problem+json")])
def test_a_running_web_answers_unavailable_when_the_schema_is_gone(make_app, path, kind):
    app = make_app("current")
    require_database(app)
    with app.app_context():
        db.session.execute(text("DROP SCHEMA public CASCADE"))
        db.session.execute(text("CREATE SCHEMA public"))
        db.session.commit()
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.mimetype) == (503, kind)
    assert app.test_client().get("/readyz").json["parts"]["database"] == EMPTY


def test_a_missing_name_on_the_right_schema_stays_a_bug(make_app):
    app = make_app("current")
    app.add_url_rule("/bug", view_func=lambda: db.session.execute(text("SELECT 1 FROM nothing")))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert app.test_client().get("/bug").status_code == 500


@pytest.mark.parametrize(
    ("state", "command"),
    [
        ("empty", ("queue",)),
        *(
            pytest.param(state, command, marks=pytest.mark.slow)  # a process for each
            for state in ("empty", "behind", "too new")
            for command in (("queue",), ("petitions", "list"), ("db", "skip-ids"))
            if (state, command) != ("empty", ("queue",))
        ),
    ],
)
def test_commands_say_what_is_missing(run, state, command):
    ended = run(state, "petition.cli", *command)
    assert (ended.returncode, ended.stderr, ended.stdout) == (1, f"petition: {STATES[state][1]}\n", "")


@pytest.mark.slow
@pytest.mark.parametrize("state", ["empty", "behind"])
def test_check_of_the_queue_says_it_too(run, state):
    ended = run(state, "petition.cli", "queue", "check")
    problem = STATES[state][1]
    assert (ended.returncode, ended.stderr) == (2, "")
    assert ended.stdout == f"PETITION CRITICAL - {problem[0].upper()}{problem[1:]}\n"


@pytest.mark.slow
def test_doctor_says_that_a_newer_release_migrated(run):
    ended = run("newer", "petition.cli", "doctor")
    assert "newer than this" in ended.stdout
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("state", "code", "line"),
    [
        pytest.param("current", 0, f"Already at {HEAD}.", marks=pytest.mark.slow),
        pytest.param(
            "newer",
            0,
            f"The database is at 9999, newer than this code ({HEAD}), which may run on it.",
            marks=pytest.mark.slow,
        ),
        ("too new", 1, f"petition: {TOO_NEW}"),
        pytest.param("unknown", 1, f"petition: {UNKNOWN}", marks=pytest.mark.slow),
    ],
)
def test_upgrade_treats_a_newer_schema_as_what_it_is(run, state, code, line):
    ended = run(state, "petition.cli", "db", "upgrade")
    assert (ended.returncode, ended.stdout + ended.stderr) == (code, f"{line}\n")


def test_upgrade_waits_for_a_lock_and_says_who_holds_it_up(make_app, database, monkeypatch):
    app = make_app("empty")
    monkeypatch.setattr(migrations, "LOCK_PAUSE_SECONDS", 0)
    monkeypatch.setattr(migrations, "LOCK_ATTEMPTS", 2)
    with app.app_context():
        migrations.command.upgrade(migrations._config(), BEFORE)
        with db.engine.connect() as connection:
            connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
            # Reading the revision would wait for it too.
            monkeypatch.setattr(migrations, "read_schema", lambda: Schema(BEFORE))
            with pytest.raises(migrations.SchemaLocked, match="run petition db upgrade again"):
                migrations.upgrade()
        monkeypatch.undo()
        migrations.upgrade()
        assert migrations.read_schema().revision == HEAD
