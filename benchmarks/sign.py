"""Signing, by the page's form and by JSON, against a bare view with one INSERT, one COMMIT and one LPUSH."""

import itertools

from harness import SLUG, cpu, load, system, versus

runs = itertools.count(1)


def measure() -> dict:
    """Return the requests per second of both ways, and of the reference, in the same run."""
    with system() as it:
        it.database.execute("CREATE TABLE reference (id bigserial PRIMARY KEY, name text, email text)")
        ours, bare = it.serve("web", "wsgi:app"), it.serve("bare", "reference:app")
        found = {}
        for kind, path, status in (
            ("form", f"/p/{SLUG}/sign", 303), ("json", f"/api/v1/petitions/{SLUG}/signatures", 202),
        ):  # fmt: skip
            found[kind] = versus(
                lambda path=path, kind=kind, status=status: load(ours, "sign", path, kind, next(runs), status),
                lambda kind=kind: load(bare, "sign", "/insert", kind, next(runs), 202),
            )
            with cpu(it, found[kind], web="web"):
                load(ours, "sign", path, kind, next(runs), status)
        made, owed = it.ask("SELECT count(*) FROM signatures"), it.ask("SELECT count(*) FROM deliveries")
        assert made == owed, "every signature is owed its email"
    return found


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=1))
