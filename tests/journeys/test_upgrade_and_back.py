"""Version N, N+1, back to N and forwards again, while people sign: nobody is lost, and no request fails with 500."""

import shutil

import pytest
from support.app_processes import AppProcesses
from support.faults.load import SLUG, SignerLoad
from support.settings import ROOT
from support.waiting import wait_for

from petition.core import schema

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("upgrade")]

HEAD = schema.head_revision()
MIGRATION = '''"""The next version's."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"
compatible_from = "{compatible_from}"


def upgrade() -> None:
    """Change what is busiest."""
    op.execute("""{sql}""")
'''
ADDED = """
    ALTER TABLE signatures ADD COLUMN next_text TEXT;
    ALTER TABLE deliveries ADD COLUMN next_number INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE next_table (id BIGINT PRIMARY KEY);
"""


def make_version(folder, revision, before, compatible_from, sql):
    """Copy this code into a folder, with one more migration."""
    for name in ("config.py", "worker.py", "wsgi.py"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "petition", folder / "petition", ignore=shutil.ignore_patterns("__pycache__"))
    text = MIGRATION.format(revision=revision, before=before, compatible_from=compatible_from, sql=sql)
    (folder / f"petition/migrations/versions/{revision}_next.py").write_text(text)
    return folder


@pytest.fixture
def processes(no_idle_timeout, tmp_path, new_database, worker_number, broker, mail_server):
    """Yield the processes around a database that is dropped with them: the application's others keep their schema."""
    (tmp_path / "run").mkdir()
    url = new_database(f"upgrade_{worker_number}")
    parts = AppProcesses(tmp_path / "run", url, broker.url, mail_server.controller.port)
    parts.environ["PETITION_SIGN_LIMIT"] = "10000/minute"
    yield parts
    parts.stop()


def restart(processes, root):
    """Replace web, worker and beat by those of a version, in the order of docs/deployment.md."""
    processes.root = root
    for name, start in (("web", processes.web), ("worker", processes.worker), ("beat", processes.beat)):
        if name in processes.running:
            processes.end(name)
        start()


def test_way_there_and_back_under_load(processes, mail_server, tmp_path):
    (tmp_path / "next").mkdir()
    following = make_version(tmp_path / "next", "9001", HEAD, HEAD, ADDED)
    campaign = (ROOT / "petition/demo/internet-en-prison.md").read_text()
    (tmp_path / "campaign.md").write_text(campaign)
    for command in (("create", str(tmp_path / "campaign.md")), ("open", SLUG)):
        assert processes.petition("petitions", *command).returncode == 0
    restart(processes, ROOT)
    with SignerLoad(processes.site, mail_server, "upgrade", rate=10) as load:
        wait_for(lambda: len(load.model.confirmed) > 10, 60, "signatures before the upgrade")
        processes.root = following
        upgraded = processes.petition("db", "upgrade")
        assert upgraded.stdout == "Upgraded to 9001.\n", upgraded.stderr
        for root in (following, ROOT, following):
            before = len(load.model.confirmed)
            restart(processes, root)
            wait_for(lambda: len(load.model.confirmed) > before + 10, 60, "signatures by the version")  # noqa: B023
            said = processes.petition("db", "upgrade")
            assert said.returncode == 0, said.stderr
            newer = f"The database is at 9001, newer than this code ({HEAD}), which may run on it.\n"
            assert said.stdout == (newer if root == ROOT else "Already at 9001.\n")
        load.stop_signing()
        wait_for(load.is_idle, 60, "the rest")
        assert load.model.unexpected_answers == []
        assert load.model.slowest < 5
        assert processes.site.count()["confirmed"] == len(load.model.confirmed)
    for name in ("web", "worker", "beat"):
        assert "Traceback" not in processes.log(name).read_text(), name
    assert "a newer version migrated the database" in processes.log("web").read_text()


def test_a_version_that_older_code_cannot_follow_is_refused_in_one_line(processes, tmp_path):
    (tmp_path / "next").mkdir()
    processes.root = make_version(tmp_path / "next", "9001", HEAD, "9001", "DROP TABLE web_requests")
    assert processes.petition("db", "upgrade").stdout == "Upgraded to 9001.\n"
    processes.root = ROOT
    for command in (["gunicorn", "--preload", "wsgi:app"], ["celery", "-A", "worker", "worker"]):
        processes.start("refused", *command)
        assert processes.running["refused"].wait(120) != 0
    lines = [line for line in processes.log("refused").read_text().splitlines() if line.startswith("petition: ")]
    assert len(lines) == 2
    assert set(lines) == {f"petition: {schema.Schema('9001', '9001').problem}"}
    assert "Traceback" not in processes.log("refused").read_text()
    ended = processes.petition("db", "upgrade")
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, lines[0])
