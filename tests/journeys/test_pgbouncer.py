"""PgBouncer between the application and the database, in session mode: the loop, and every limit on waiting."""

import psycopg
import pytest
from sqlalchemy import text
from support.factories import make_petition
from support.pgbouncer import PGBOUNCER, ROLE_SETTINGS, PgBouncer
from support.waiting import wait_for

from petition.core.db import db

pytestmark = [
    pytest.mark.slow,
    pytest.mark.journey,
    pytest.mark.xdist_group("pgbouncer"),
    pytest.mark.skipif(PGBOUNCER is None, reason="needs PgBouncer: apt-get install pgbouncer"),
]


@pytest.fixture
def pgbouncer(app, tmp_path, database_url):
    for setting in ROLE_SETTINGS:
        db.session.execute(text(f"ALTER ROLE petition IN DATABASE {db.engine.url.database} SET {setting}"))
    db.session.commit()
    folder = tmp_path / "pgbouncer"
    folder.mkdir()
    pooler = PgBouncer(folder, database_url, "session").start()
    yield pooler
    pooler.stop()
    db.session.rollback()
    db.session.execute(text(f"ALTER ROLE petition IN DATABASE {db.engine.url.database} RESET ALL"))
    db.session.commit()


def test_the_loop_by_way_of_pgbouncer(app_processes, pgbouncer, mail_server):
    app_processes.environ["DATABASE_URL"] = pgbouncer.url
    make_petition()
    app_processes.web()
    app_processes.worker()
    app_processes.beat()
    for n in range(30):  # often enough for statements to be prepared
        form = {"name": "Zoé Martin", "email": f"s{n}@example.org"}
        assert app_processes.site.request("POST", "/p/jardin/sign", form=form, network=n).status == 303
    wait_for(lambda: len(mail_server.addresses) == 30, 20, "the links")
    for n in range(30):
        assert app_processes.site.confirm(mail_server.link_to(f"s{n}@example.org"), network=n).status == 303
    assert app_processes.site.count("jardin")["confirmed"] == 30
    with psycopg.connect(pgbouncer.url) as connection:
        for setting in ROLE_SETTINGS:
            name, value = setting.split(" = ")
            assert connection.execute(f"SHOW {name}").fetchone()[0] == value.strip("'")
