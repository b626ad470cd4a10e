"""The petition's page, against a bare view that returns the same bytes."""

import urllib.request

from harness import SLUG, compare, load, print_json, record_cpu, system


def measure() -> dict:
    """Return the pages per second; the list under the letter is full."""
    with system() as it:
        it.insert_signatures(1000, "confirmed", "p")
        web, path = it.serve("web", "wsgi:app"), it.folder / "page.html"
        request = urllib.request.Request(f"{web}/p/{SLUG}", headers={"Accept-Language": "fr"})
        path.write_bytes(urllib.request.urlopen(request).read())
        it.environ["REFERENCE_PAGE"] = str(path)
        bare, length = it.serve("bare", "reference:app"), path.stat().st_size
        result = compare(lambda: load(web, "get", f"/p/{SLUG}", length), lambda: load(bare, "get", "/page", length))
        with record_cpu(it, result, web="web"):
            load(web, "get", f"/p/{SLUG}", length)
    return {"page": {**result, "bytes": length}}


if __name__ == "__main__":
    print_json(measure())
