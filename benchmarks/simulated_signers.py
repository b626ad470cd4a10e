"""People who sign, wait for their email, open the link and press the button.

    python people.py URL SLUG MAILS FIRST N SECONDS

The client of the benchmark of the whole loop, a process of its own; prints what it saw as JSON.
"""

import json
import re
import statistics
import sys
import threading
import time
from pathlib import Path

import urllib3

MAIL = re.compile(rb"X-Rcpt-Args: <([^>]+)>.*?/c/([\w.-]+)", re.DOTALL)
EMAIL_TIMEOUT_SECONDS = 30.0  # seconds that an email may take


class Inbox:
    """The emails that the sink writes, by who they are for."""

    def __init__(self, path: Path) -> None:
        self.path, self.waiting, self.links = path, {}, {}

    def follow(self) -> None:
        """Read what is added, for as long as the process runs."""
        wait_until_there(self.path)
        with self.path.open("rb") as file:
            rest = b""
            while True:
                rest += file.read()
                *whole, rest = rest.split(b"\nX-Client-Addr:")
                for each in [*whole, *([rest] if rest.endswith(b"\n\n") else [])]:
                    self._take(each)
                time.sleep(0.005)

    def _take(self, raw: bytes) -> None:
        found = MAIL.search(raw.replace(b"=\n", b""))
        if found:
            address = found[1].decode()
            self.links[address] = found[2].decode()
            if address in self.waiting:
                self.waiting[address].set()

    def link(self, address: str) -> str:
        """Return the token that an address was sent."""
        arrived = self.waiting.setdefault(address, threading.Event())
        if address not in self.links:
            assert arrived.wait(EMAIL_TIMEOUT_SECONDS), "an email did not come"
        self.waiting.pop(address)
        return self.links.pop(address)


def wait_until_there(path: Path) -> None:
    """Wait for a file."""
    while not path.exists():
        time.sleep(0.01)


class SimulatedSigner(threading.Thread):
    """Somebody who goes the whole way again and again, as somebody else each time."""

    def __init__(self, number: int, url: str, slug: str, inbox: Inbox, ends: float) -> None:
        super().__init__()
        self.number, self.url, self.slug, self.inbox, self.ends = number, url, slug, inbox, ends
        self.took, self.error = [], None
        self.pool = urllib3.PoolManager(retries=False)

    def run(self) -> None:
        """Go the way until the time is over."""
        turn = 0
        try:
            while time.monotonic() < self.ends:
                turn += 1
                began = time.monotonic()
                self.once(f"p{self.number}.{turn}@bench.example", f"{11 + self.number}.{turn // 250}.{turn % 250}.7")
                self.took.append((began, time.monotonic() - began))
        except Exception as error:
            self.error = error

    def once(self, address: str, network: str) -> None:
        """Sign, wait, open the link, press the button."""
        headers = {"X-Forwarded-For": network, "Accept-Language": "fr"}
        form = {"name": "Zoé Martin", "email": address, "party": "person", "listed": "on"}
        self.request("POST", f"/p/{self.slug}/sign", 303, headers=headers, fields=form)
        path = f"/c/{self.inbox.link(address)}"
        page = self.request("GET", path, 200, headers=headers)
        seen = re.search(rb'name="seen" value="([^"]+)"', page.data)[1].decode()
        self.request("POST", path, 303, headers=headers, fields={"seen": seen})

    def request(self, method: str, path: str, wanted: int, **more):
        """Send a request and check its answer."""
        answer = (
            self.pool.request(method, self.url + path, redirect=False, encode_multipart=False, **more)
            if (method == "POST")
            else self.pool.request(method, self.url + path, redirect=False, **more)
        )
        assert answer.status == wanted, (path.split("/")[1], answer.status)
        return answer


ARGUMENT_TYPES = (
    str,
    str,
    Path,
    int,
    int,
    float,
)  # address, petition, emails, the first person's number, people, seconds


def main() -> None:
    """Let them all go, and tell how many loops a second they made once all were under way."""
    url, slug, mails, first, n, seconds = (kind(word) for kind, word in zip(ARGUMENT_TYPES, sys.argv[1:], strict=True))
    inbox = Inbox(mails)
    threading.Thread(target=inbox.follow, daemon=True).start()
    warm = time.monotonic() + 3
    people = [SimulatedSigner(number, url, slug, inbox, warm + seconds) for number in range(first, first + n)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    errors = [repr(person.error) for person in people if person.error]
    if errors:
        sys.exit(f"{len(errors)} of {n} stopped: {errors[0]}")
    took = sorted(took for person in people for began, took in person.took if began + took > warm)
    shares = statistics.quantiles(took, n=100)
    print(json.dumps({
        "rate": len(took) / seconds, "loops": sum(len(person.took) for person in people),
        "p50": shares[49], "p95": shares[94], "p99": shares[98],
    }))  # fmt: skip


if __name__ == "__main__":
    main()
