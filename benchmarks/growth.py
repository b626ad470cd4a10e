"""Each thing that people do, with 5 million signatures in the database and with 5,000, in turn."""

import hashlib
import itertools
import os
from contextlib import ExitStack

from confirm import write_confirmation_links
from harness import FULL, SLUG, compare, load, print_json, system
from operations_page import fill
from support.factories import sign_in

from config import Config
from petition.app import create_app
from petition.core.db import db
from petition.signatures.search.filters import parse_filter
from petition.signatures.search.saved import save_search

SMALL, LARGE = 5_000, 5_000_000 if FULL else 100_000
SECONDS = 6 if FULL else 1  # of one measurement
ROUNDS = 3 if FULL else 1
CONFIRMING = 60_000 if FULL else 10_000
runs = itertools.count(1)
READS = {
    "page": f"/p/{SLUG}",
    "count": f"/api/v1/petitions/{SLUG}/count",
    "list": f"/p/{SLUG}/signatories",
    "list, far down": f"/p/{SLUG}/signatories?after=1000",
}
# What a desk looks for all day: one row, or as many as fill a page; benchmarks/desk_search.py has the hard ones.
SURNAME = "n" + hashlib.md5(b"4321", usedforsecurity=False).hexdigest()[:8]
SEARCHES = ({"email": "s777@"}, {"name": SURNAME}, {"state": "pending"})
PREPARE_SQL = """
    INSERT INTO petition_counts (petition_id, slot, people)
    SELECT 1, 0, count(*) FROM signatures WHERE state = 'confirmed' AND petition_id = 1;
    SELECT setval('confirmation_numbers', (SELECT max(confirmed_no) FROM signatures));
    CHECKPOINT
"""


class Campaign:
    """A campaign of a size: its web server, and the application in this process for what the team does."""

    def __init__(self, it, rows: int) -> None:
        self.it, self.used = it, 0
        self.app = create_app(Config({**os.environ, **it.environ}))
        with self.app.app_context():
            fill(rows)
        it.database.execute(PREPARE_SQL)
        it.database.execute("VACUUM (ANALYZE)")
        self.links = None
        with self.app.app_context():
            client = self.app.test_client()
            account = sign_in(client, "operator", "campaigner")
            kept = [save_search(parse_filter(typed), account.id) for typed in SEARCHES]
            db.session.commit()
            self.searches = ["/desk/signatures/", *(f"/desk/signatures/searches/{each.id}" for each in kept)]
            self.member = f"team={client.get_cookie('team').value}"
        self.web = it.serve("web", "wsgi:app")

    def get(self, path: str) -> dict:
        """Read a page over and over."""
        return load(self.web, "get", path, 0, seconds=SECONDS)

    def sign(self) -> dict:
        """Sign, somebody new each time."""
        return load(self.web, "sign", f"/p/{SLUG}/sign", "form", next(runs), 303, seconds=SECONDS)

    def confirm(self) -> dict:
        """Confirm, one link after the other."""
        # Made as late as this: until people sign, 5,000 signatures are 5,000.
        self.links = self.links or write_confirmation_links(self.it, "c", CONFIRMING)
        found = load(self.web, "lines", self.links, self.used, 303, seconds=SECONDS)
        self.used += found["requests"] + 100
        return found

    def team(self, *paths: str) -> dict:
        """Read pages of the team's, signed in, one request at a time: they are the longest to make."""
        return load(self.web, "get", ",".join(paths), 0, self.member, seconds=SECONDS, connections=1)


def measure() -> dict:
    """Return the rates at both sizes."""
    with ExitStack() as stack:
        small, large = (Campaign(stack.enter_context(system()), rows) for rows in (SMALL, LARGE))
        # Reading first: what is written keeps the database busy for a while.
        ways = {name: lambda campaign, path=path: campaign.get(path) for name, path in READS.items()}
        ways |= {
            "desk": lambda campaign: campaign.team(*campaign.searches),
            "ops": lambda campaign: campaign.team("/ops/"),
            "sign": Campaign.sign,
            "confirm": Campaign.confirm,
        }
        found = {}
        for name, way in ways.items():
            found[f"growth, {name}"] = compare(
                lambda way=way: way(large), lambda way=way: way(small), ROUNDS
            ) | {"rows": LARGE}  # fmt: skip
    return found


if __name__ == "__main__":
    print_json(measure())
