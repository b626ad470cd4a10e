"""Signing, by the page's form and by JSON, against a bare view with one INSERT, one COMMIT and one LPUSH."""

import itertools
from functools import partial

from harness import SLUG, compare_each, load, print_json, record_cpu, system, wait_for

runs = itertools.count(1)
WAYS = (("form", f"/p/{SLUG}/sign", 303), ("json", f"/api/v1/petitions/{SLUG}/signatures", 202))
REFERENCES = {"": "/insert", ", Flask-SQLAlchemy": "/insert-sqlalchemy"}


def _load(url: str, path: str, kind: str, status: int) -> dict:
    return load(url, "sign", path, kind, next(runs), status)


def measure() -> dict:
    """Return the requests per second of both ways, against both references."""
    found = {}
    with system() as it:
        it.database.execute("CREATE TABLE reference (id bigserial PRIMARY KEY, name text, email text)")
        ours, bare = it.serve("web", "wsgi:app"), it.serve("bare", "reference:app")
        for kind, path, status in WAYS:
            way = partial(_load, ours, path, kind, status)
            others = {name: partial(_load, bare, other, kind, 202) for name, other in REFERENCES.items()}
            results = compare_each(way, others)
            with record_cpu(it, results[""], web="web"):
                way()
            found |= {f"sign, {kind}{name}": result for name, result in results.items()}
        it.workers()
        wait_for(
            lambda: not it.fetch_value("SELECT count(*) FROM sign_requests"), 300, "the signatures of all requests"
        )
        query = "SELECT count(*) = (SELECT count(*) FROM deliveries) FROM signatures"
        assert it.fetch_value(query), "every signature has its email enqueued"
    return found


if __name__ == "__main__":
    print_json(measure())
