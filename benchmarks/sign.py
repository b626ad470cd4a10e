"""Signing, by the page's form and by JSON, against a bare view with one INSERT, one COMMIT and one LPUSH."""

import itertools

from harness import SLUG, cpu, load, shown, system, versus

runs = itertools.count(1)
WAYS = (("form", f"/p/{SLUG}/sign", 303), ("json", f"/api/v1/petitions/{SLUG}/signatures", 202))
REFERENCES = {"": "/insert", ", Flask-SQLAlchemy": "/insert-sqlalchemy"}


def measure() -> dict:
    """Return the requests per second of both ways, against both references."""
    found = {}
    with system() as it:
        it.database.execute("CREATE TABLE reference (id bigserial PRIMARY KEY, name text, email text)")
        ours, bare = it.serve("web", "wsgi:app"), it.serve("bare", "reference:app")
        for kind, path, status in WAYS:
            for name, reference in REFERENCES.items():
                found[f"sign, {kind}{name}"] = result = versus(
                    lambda path=path, kind=kind, status=status: load(ours, "sign", path, kind, next(runs), status),
                    lambda kind=kind, reference=reference: load(bare, "sign", reference, kind, next(runs), 202),
                )
                with cpu(it, result, web="web"):
                    load(ours, "sign", path, kind, next(runs), status)
        query = "SELECT count(*) = (SELECT count(*) FROM deliveries) FROM signatures"
        assert it.ask(query), "every signature is owed its email"
    return found


if __name__ == "__main__":
    shown(measure())
