"""A small OpenID provider on loopback: discovery, codes with PKCE, tokens, userinfo. It can misbehave."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "petition", "a secret of the client"


def unsigned(claims: dict[str, Any], **header: str) -> str:
    """Return a token that nobody signed (`alg` is `none`)."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none", **header}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


class OidcProvider:
    """What the provider says of who signs in (`person`), and how it misbehaves."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.published = [self.key]
        self.person: dict[str, Any] = {}
        self.changed: dict[str, Any] = {}  # claims of the ID token in place of the right ones; None leaves one out
        self.make_token: Callable[[dict[str, Any]], str] = self.sign
        self.metadata: dict[str, Any] = {}
        self.in_userinfo: dict[str, Any] = {}
        self.asked: list[str] = []  # paths
        self.authorizations: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.break_at: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            """One request, given to the provider."""

            def do_GET(self) -> None:
                provider.answer(self, {})

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                provider.answer(self, dict(parse_qsl(self.rfile.read(length).decode())))

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.released = threading.Event()
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop, and let go of who was kept waiting."""
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a token signed by the provider's key."""
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def answer(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        """Answer a request."""
        url = urlsplit(handler.path)
        self.asked.append(url.path)
        if url.path in self.break_at:
            self.break_at[url.path](handler)
            return
        if url.path == "/authorize":
            handler.send_response(302)
            handler.send_header("Location", self.authorize(dict(parse_qsl(url.query))))
            handler.end_headers()
            return
        status, body = {
            "/.well-known/openid-configuration": self._configuration,
            "/jwks": lambda: (200, {"keys": [key.as_dict(private=False) for key in self.published]}),
            "/token": lambda: self._token(handler, form),
            "/userinfo": lambda: (200, {"sub": self.person.get("sub"), **self.in_userinfo}),
        }[url.path]()
        content = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _configuration(self) -> tuple[int, Any]:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            **self.metadata,
        }
        return 200, {name: value for name, value in found.items() if value is not None}

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser is sent back to, with a code."""
        self.authorizations.append(query)
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def _token(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> tuple[int, Any]:
        credentials = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if handler.headers["Authorization"] != f"Basic {credentials}":
            return 401, {"error": "invalid_client"}
        query = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not query or query["code_challenge"] != challenge or query["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": query["nonce"],
            "auth_time": now,
            **self.person,
            **self.changed,
        }
        token = self.make_token({name: value for name, value in claims.items() if value is not None})
        return 200, {"access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": token}


def query_of(url: str) -> dict[str, str]:
    """Return the query of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
