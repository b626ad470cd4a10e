"""A running site, seen from outside."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[1]
full_scale_only = pytest.mark.skipif(os.environ.get("SCALE") != "full", reason="long: SCALE=full make test")


def wait_for(condition: Callable[[], object], limit: float = 20.0, what: str = "it") -> object:
    """Return the condition's first true value; fail after the limit, in seconds."""
    ends = time.monotonic() + limit
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {limit} s")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


_opener = urllib.request.build_opener(_NoRedirect)


class Response:
    """What a server answered."""

    def __init__(self, response) -> None:
        self.status = response.status if hasattr(response, "status") else response.code
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)


class SiteClient:
    """A client of a running site, from a network of its own for each caller's number."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(self, method: str, path: str, form=None, body=None, network: int = 0, **more: str) -> Response:
        headers = {"X-Forwarded-For": f"198.18.{network % 250}.7", "Accept-Language": "fr", **more}
        data = None
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if method == "POST" and data is None:
            data = b""
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            return Response(_opener.open(request, timeout=15))
        except urllib.error.HTTPError as error:
            return Response(error)

    def get(self, path: str) -> Response:
        return self.request("GET", path)

    def count(self, slug: str = "internet-en-prison") -> dict:
        return self.get(f"/api/v1/petitions/{slug}/count").json

    def mail_to(self, address: str) -> list[dict]:
        return self.get("/mailbox/messages.json?" + urllib.parse.urlencode({"to": address})).json

    def recipient_of(self, link: str) -> str:
        """Return whom a link was mailed to."""
        return next(m["to"] for m in self.get("/mailbox/messages.json").json if link in (m["text"] or ""))

    def link_to(self, address: str) -> str:
        """Return the path of the link in the newest email to an address."""
        messages = wait_for(lambda: self.mail_to(address), what=f"an email to {address}")
        return re.search(r"(/c/[\w.-]+)", messages[-1]["text"])[1]


class LocalStack(SiteClient):
    """`petition up`, as a process of its own."""

    def __init__(self, data: Path, port: int) -> None:
        super().__init__(f"http://127.0.0.1:{port}")
        self.data, self.port, self.output = data, port, data.parent / f"{data.name}.out"
        command = [sys.executable, "-m", "petition.cli", "up", "--port", str(port), "--data", str(data)]
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("PETITION_", "PYTEST_"))}
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env=environ, cwd=ROOT, start_new_session=True
            )

    def wait_until_started(self) -> "LocalStack":
        wait_for(lambda: self.process.poll() is not None or "Ctrl-C" in self.output.read_text(), 60, "the start")
        assert self.process.poll() is None, self.output.read_text()
        return self

    def settings(self) -> dict[str, str]:
        return json.loads((self.data / "stack.json").read_text())["environ"]

    def process_tree(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, sign: int = signal.SIGINT) -> tuple[float, list[psutil.Process]]:
        """Stop it; return how long that took, in seconds, and which of its processes were left."""
        family, began = self.process_tree(), time.monotonic()
        self.process.send_signal(sign)
        self.process.wait(30)
        took = time.monotonic() - began
        _, left = psutil.wait_procs(family, timeout=0.5)
        return took, left
