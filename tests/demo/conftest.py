"""A fake of the running stack with faults that a test chooses: for the demo's failure paths only."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

SLUG = "internet-en-prison"


class FakeSite:
    """The state of the fake, and its `faults`: the names of what it does wrong."""

    def __init__(self, faults: set[str]) -> None:
        self.faults = faults
        self.lock = threading.Lock()
        self.rows: list[dict[str, Any]] = []
        self.mails: list[dict[str, Any]] = []
        self.confirmed: set[int] = set()
        self.opened = 0
        self.networks: Counter[str] = Counter()
        self.url = ""

    def sign(self, row: dict[str, Any]) -> None:
        with self.lock:
            number = len(self.rows)
            self.rows.append(row)
            copies = 0 if "mail lost" in self.faults and number == 3 else 1
            copies += "mail twice" in self.faults and number == 3
            for _ in range(copies):
                text = f"Hello,\n\n{self.url}/c/{number}\n"
                self.mails.append({"id": len(self.mails) + 1, "to": row["email"], "text": text})

    def count(self) -> dict[str, int]:
        parties = Counter(self.rows[number]["party"] for number in self.confirmed)
        extra = self.opened if "opening counts" in self.faults else 0
        wrong = int("count one short" in self.faults and bool(self.confirmed))
        total = len(self.confirmed) + extra - wrong
        return {"confirmed": total, "people": parties["person"], "organisations": parties["organisation"]}

    def items(self) -> list[dict[str, Any]]:
        rows = [self.rows[number] for number in sorted(self.confirmed)]
        people = [row for row in rows if row["party"] == "person"]  # organisations wait for the team
        shown = [row for row in people if row.get("listed") or "everyone listed" in self.faults]
        names = ("party", "name", "profession", "organisation")
        return [{name: row.get(name) for name in names} for row in shown]


class FakeSiteHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    site: FakeSite

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, body: Any = "", **headers: str) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        url, site = urlsplit(self.path), self.site
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path.startswith("/c/"):
            site.opened += 1
            return self.answer(200, '<input type="hidden" name="seen" value="what the page showed">')
        if url.path == "/mailbox/messages.json":
            return self.answer(200, [mail for mail in site.mails if mail["id"] > int(query.get("after", 0))])
        if url.path.endswith("/count"):
            return self.answer(200, site.count())
        if url.path.endswith("/signatories"):
            first, items = int(query.get("after", 0)), site.items()
            following = str(first + 7) if first + 7 < len(items) else None
            return self.answer(200, {"items": items[first : first + 7], "next": following})
        shown = 5 if "page differs" in site.faults else site.count()["confirmed"]
        return self.answer(200, f'<p data-confirmed="{shown}">')

    def do_POST(self) -> None:
        site, body = self.site, self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        network = self.headers["X-Forwarded-For"]
        site.networks[network] += 1
        if "busy" in site.faults and site.networks[network] == 1:
            return self.answer(429, "", Retry_After="0")
        if self.path.startswith("/c/"):
            if parse_qs(body) != {"seen": ["what the page showed"]}:
                return self.answer(422, "not read")
            site.confirmed.add(int(self.path[3:]))
            return self.answer(303, "", Location="/me/token")
        if self.path.endswith("/signatures"):
            site.sign(json.loads(body))
            return self.answer(202, {"status": "check your email"})
        if "form refused" in site.faults:
            return self.answer(422, "no")
        site.sign({name: values[0] for name, values in parse_qs(body).items()})
        return self.answer(303, "", Location=f"/p/{SLUG}/check-your-email")


@pytest.fixture
def fake_site() -> Iterator[Callable[..., FakeSite]]:
    """Start a fake with the named faults."""
    servers: list[ThreadingHTTPServer] = []

    def start(*faults: str) -> FakeSite:
        made = FakeSite(set(faults))
        handler = type("HandlerOfFake", (FakeSiteHandler,), {"site": made})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        made.url = f"http://127.0.0.1:{server.server_port}"
        return made

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
