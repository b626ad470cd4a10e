"""An HTTP client for a running site."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

from support.waiting import wait_for


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


_opener = urllib.request.build_opener(_NoRedirect)


class Response:
    """A server's response: status, headers and text."""

    def __init__(self, response) -> None:
        self.status = response.status if hasattr(response, "status") else response.code
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)


class SiteClient:
    """A client of a running site; each `network` number is a client address in another network."""

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
            return Response(_opener.open(request, timeout=60))
        except urllib.error.HTTPError as error:
            return Response(error)

    def get(self, path: str) -> Response:
        return self.request("GET", path)

    def confirm(self, link: str, network: int = 0) -> Response:
        """Open a confirmation page and submit its form, as a browser does, again if it asks so; return the answer.

        It asks a client that does not read, from another network than that of signing.
        """
        answer = self.request("GET", link, network=network)
        for _press in range(2):
            form = dict(re.findall(r'name="(seen|stamp)" value="([^"]+)"', answer.text))
            if answer.status == 200 and form:
                answer = self.request("POST", link, form=form, network=network)
        return answer

    def count(self, slug: str = "internet-en-prison") -> dict:
        return self.get(f"/api/v1/petitions/{slug}/count").json

    def mail_to(self, address: str) -> list[dict]:
        return self.get("/mailbox/messages.json?" + urllib.parse.urlencode({"to": address})).json

    def recipient_of(self, link: str) -> str:
        """Return the address that a link was mailed to."""
        return next(m["to"] for m in self.get("/mailbox/messages.json").json if link in (m["text"] or ""))

    def link_to(self, address: str) -> str:
        """Return the path of the link in the newest email to an address."""
        messages = wait_for(lambda: self.mail_to(address), what=f"an email to {address}")
        return re.search(r"(/c/[\w.-]+)", messages[-1]["text"])[1]
