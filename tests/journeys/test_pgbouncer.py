"""PgBouncer between the application and the database, in session mode: the loop, and every limit on waiting."""

import psycopg
import pytest
from factories import make_petition
from poolers import PGBOUNCER, ROLE, PgBouncer
from running import wait_for
from sqlalchemy import text

from petition.core.db import db

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("pgbouncer"),
    pytest.mark.skipif(PGBOUNCER is None, reason="needs Debian's pgbouncer"),
]


@pytest.fixture
def pgbouncer(app, tmp_path, database_url):
    for setting in ROLE:
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


def test_the_loop_by_way_of_pgbouncer(parts, pgbouncer, mail_server):
    parts.environ["DATABASE_URL"] = pgbouncer.url
    make_petition()
    parts.web()
    parts.worker()
    parts.beat()
    for n in range(30):  # often enough for statements to be prepared
        form = {"name": "Zoé Martin", "email": f"s{n}@example.org"}
        assert parts.site.ask("POST", "/p/jardin/sign", form=form, network=n).status == 303
    wait_for(lambda: len(mail_server.addresses) == 30, 20, "the links")
    for n in range(30):
        assert parts.site.ask("POST", mail_server.link_to(f"s{n}@example.org"), network=n).status == 303
    assert parts.site.count("jardin")["confirmed"] == 30
    with psycopg.connect(pgbouncer.url) as connection:
        for setting in ROLE:
            name, value = setting.split(" = ")
            assert connection.execute(f"SHOW {name}").fetchone()[0] == value.strip("'")
