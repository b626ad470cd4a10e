"""A bounce mailbox on an IMAP server (RFC 3501), over TLS whose certificate and host name are verified.

Every answer is bounded: messages are listed by their number, some at a time, as a search would name all of a mailbox of
50,000 in one line, and of each only the beginning is read.
"""

import base64
import imaplib
import re
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote

from petition.delivery.bounces.mailbox_access import (
    MailboxProblem,
    MailboxUnreadable,
    MessageUnreadable,
    errors_explained,
    explain_response,
)

PORT = 993
TIMEOUT_SECONDS = 10  # for each reply
ALMOST_FULL = 0.95  # of a quota: from there on a larger report is refused
QUOTA_PATTERN = re.compile(rb"(?:STORAGE|MESSAGE) (\d+) (\d+)", re.I)
UID_PATTERN = re.compile(rb"\bUID (\d+)")
PREFIX_PATTERN = re.compile(rb'^\(\("((?:[^"\\]|\\.)*)"')
NON_ASCII = re.compile(r"[^\x20-\x7e]+")


def make_context(ca_file: Path | None, *, insecure: bool) -> ssl.SSLContext:
    """Return a TLS context that trusts the system's authorities, or those of a file alone; none is asked if insecure.

    Raises `MailboxUnreadable` for a file without certificates.
    """
    with errors_explained(MailboxProblem.TLS):
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise MailboxUnreadable(
                MailboxProblem.TLS, f"PETITION_BOUNCE_MAILBOX_CA: {type(error).__name__}"
            ) from error
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class ImapMailbox:
    """A folder of an account. A message's key is its UID."""

    source = "imap"

    def __init__(self, url: SplitResult, password: str, context: ssl.SSLContext) -> None:
        self._url, self._password, self._context = url, password, context
        self._folder = encode_folder(unquote(url.path.strip("/")) or "INBOX")
        self._prefix, self._capabilities = "", frozenset[str]()
        self._created: set[str] = set()
        self._stuck: set[str] = set()  # UIDs that could not be moved away
        self._connect()

    def _connect(self) -> None:
        host, port = self._url.hostname or "", self._url.port or PORT
        with errors_explained():
            self._client = imaplib.IMAP4_SSL(host, port, ssl_context=self._context, timeout=TIMEOUT_SECONDS)
        with errors_explained(MailboxProblem.LOGIN):
            user = unquote(self._url.username or "")
            if "AUTH=PLAIN" in self._client.capabilities:
                self._client.authenticate("PLAIN", lambda _: f"\0{user}\0{self._password}".encode())
            else:
                self._client.login(quote(user), self._password)
        with errors_explained():
            self._capabilities = frozenset(self._client.capability()[1][-1].decode().upper().split())
            if "NAMESPACE" in self._capabilities:
                found = PREFIX_PATTERN.match(self._client.namespace()[1][0] or b"")
                self._prefix = found[1].decode("ascii", "replace") if found else ""
        self._select()

    def close(self) -> None:
        """Say goodbye, if the server still listens."""
        try:
            self._client.logout()
        except (OSError, imaplib.IMAP4.error):
            self._client.shutdown()

    def list_messages(self, limit: int) -> list[str]:
        """Return the UIDs of the oldest messages that wait, without those that cannot be moved away."""
        first = len(self._stuck) + 1
        waiting = self._select()
        if waiting < first:
            return []
        found = self._fetch(f"{first}:{min(waiting, first + limit - 1)}", "(UID)")
        return [uid for uid in found if uid not in self._stuck]

    def read(self, key: str, max_bytes: int) -> bytes | None:
        """Return the beginning of a message, None if it is gone. Raises `MessageUnreadable`.

        Reconnects if the server hangs up: where it does so twice, it is because of this message.
        """
        for _ in range(2):
            try:
                status, data = self._client.uid("FETCH", key, f"(BODY.PEEK[]<0.{max_bytes}>)")
            except imaplib.IMAP4.abort:
                self._connect()
                continue
            except OSError:
                self._connect()
                continue
            except imaplib.IMAP4.error as error:
                raise MessageUnreadable(str(error)) from error
            if status != "OK":
                raise MessageUnreadable(_first_line(data))
            return next((bytes(part[1]) for part in data if isinstance(part, tuple)), None)
        raise MessageUnreadable("the server hangs up when it is read")

    def move(self, keys: Sequence[str], folder: str) -> None:
        """Move messages, by MOVE (RFC 6851) or by a copy. One that cannot be moved is not listed again."""
        if not keys:
            return
        target = self._ensure_folder(folder)
        uids = ",".join(keys)
        with errors_explained():
            if "MOVE" in self._capabilities:
                status, data = self._client.uid("MOVE", uids, target)
            else:
                status, data = self._client.uid("COPY", uids, target)
                if status == "OK":
                    self._expunge(uids)
        if status != "OK":
            self._stuck.update(keys)
            raise explain_response(_first_line(data), MailboxProblem.PERMISSION)

    def delete_old(self, folder: str, days: int, limit: int) -> None:
        """Delete the messages of a folder that arrived so many days ago, at most `limit`; the oldest are its first."""
        name = quote(encode_folder(self._prefix + folder))
        with errors_explained():
            status, data = self._client.select(name)
            if status != "OK":
                return  # nothing was moved there yet
            before = time.time() - days * 86_400
            if n := int(data[0] or 0):
                _, lines = self._client.fetch(f"1:{min(n, limit)}", "(UID INTERNALDATE)")
                old = [line for line in lines if isinstance(line, bytes) and _arrived(line) < before]
                uids = [found[1].decode() for found in map(UID_PATTERN.search, old) if found]
                if uids:
                    self._expunge(",".join(uids))

    def count(self, folder: str = "") -> int:
        """Return how many messages wait, or are in a folder."""
        name = quote(encode_folder(self._prefix + folder)) if folder else quote(self._folder)
        with errors_explained():
            status, data = self._client.status(name, "(MESSAGES)")
        found = re.search(rb"MESSAGES (\d+)", data[0] or b"") if status == "OK" else None
        return int(found[1]) if found else 0

    def check_space(self) -> None:
        """Raise `MailboxUnreadable` if the quota (RFC 9208) is almost used up."""
        if "QUOTA" not in self._capabilities:
            return
        with errors_explained():
            status, data = self._client.getquotaroot(quote(self._folder))
        lines = [line for part in data for line in part if isinstance(line, bytes)] if status == "OK" else []
        for used, allowed in QUOTA_PATTERN.findall(b" ".join(lines)):
            if int(allowed) and int(used) >= ALMOST_FULL * int(allowed):
                raise MailboxUnreadable(
                    MailboxProblem.FULL, f"the mailbox is full: {int(used)} of {int(allowed)} are used"
                )

    def _select(self) -> int:
        with errors_explained():
            status, data = self._client.select(quote(self._folder))
        if status != "OK":
            raise explain_response(_first_line(data), MailboxProblem.PERMISSION)
        return int(data[0] or 0)

    def _fetch(self, numbers: str, items: str) -> list[str]:
        with errors_explained():
            status, data = self._client.fetch(numbers, items)
        if status != "OK":
            raise explain_response(_first_line(data))
        found = (UID_PATTERN.search(line) for line in data if isinstance(line, bytes))
        return [each[1].decode() for each in found if each]

    def _expunge(self, uids: str) -> None:
        self._client.uid("STORE", uids, "+FLAGS.SILENT", r"(\Deleted)")
        if "UIDPLUS" in self._capabilities:
            self._client.uid("EXPUNGE", uids)
        else:
            self._client.expunge()

    def _ensure_folder(self, folder: str) -> str:
        name = quote(encode_folder(self._prefix + folder))
        if folder not in self._created:
            with errors_explained():
                self._client.create(name)  # "NO" if it exists; what else is wrong, the move says
            self._created.add(folder)
        return name


def encode_folder(name: str) -> str:
    """Return the name of a folder in modified UTF-7 (RFC 3501, 5.1.3)."""

    def encode(found: re.Match[str]) -> str:
        encoded = base64.b64encode(found[0].encode("utf-16-be")).decode().rstrip("=")
        return f"&{encoded.replace('/', ',')}-"

    return NON_ASCII.sub(encode, name.replace("&", "&-"))


def quote(text: str) -> str:
    """Return a quoted string (RFC 3501, 4.3)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _first_line(data: Sequence[Any]) -> str:
    line = next((each for each in data if isinstance(each, bytes)), b"")
    return line.decode("utf-8", "replace")


def _arrived(line: bytes) -> float:
    moment = imaplib.Internaldate2tuple(line)
    return time.mktime(moment) if moment else time.time()
