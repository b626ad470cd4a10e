"""Read the messages that the mailbox keeps; a broken one is read as far as it goes."""

import email
import email.policy
import os
import re
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.utils import getaddresses, parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict

NUMBERED = re.compile(r"(\d{8,})\.eml")
HEAD = 64 * 1024  # bytes, enough for the headers of any sane message

Mail = TypedDict(
    "Mail",
    {
        "id": int,
        "from": str,
        "to": str,
        "subject": str,
        "date": str,
        "headers": dict[str, str],
        "text": str | None,
        "html": str | None,
    },
)


def numbers(directory: Path, after: int = 0) -> list[int]:
    """Return the numbers of the messages, oldest first, above `after`."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    found = (int(match[1]) for name in names if (match := NUMBERED.fullmatch(name)))
    return sorted(number for number in found if number > after)


def path(directory: Path, number: int) -> Path:
    """Return where a message is, or would be."""
    return directory / f"{number:08}.eml"


@lru_cache(maxsize=20_000)
def recipients(directory: Path, number: int) -> tuple[str, ...]:
    """Return the envelope's recipients in lower case, without reading the whole message."""
    with path(directory, number).open("rb") as file:
        file.readline()
        name, _, value = file.readline().partition(b":")
    if name.lower() != b"x-envelope-to":
        return ()
    return tuple(address.strip().lower() for address in value.decode("utf-8", "replace").split(","))


@lru_cache(maxsize=2_000)
def read(directory: Path, number: int) -> Mail:
    """Return a message, decoded.

    Raises `FileNotFoundError`.
    """
    file = path(directory, number)
    message = _parsed(file.read_bytes())
    return _mail(number, file, message, _part(message, "plain"), _part(message, "html"))


@lru_cache(maxsize=2_000)
def summary(directory: Path, number: int) -> Mail:
    """Return a message without its text, from its headers alone.

    Raises `FileNotFoundError`.
    """
    file = path(directory, number)
    with file.open("rb") as opened:
        head = re.split(rb"\r?\n\r?\n", opened.read(HEAD), maxsplit=1)[0]
    return _mail(number, file, _parsed(head + b"\r\n\r\n"), None, None)


def _mail(number: int, file: Path, message: Message, text: str | None, html: str | None) -> Mail:
    headers = _headers(message)
    named = {name.lower(): value for name, value in headers.items()}
    return {
        "id": number,
        "from": _addresses(named.get("from", "")) or named.get("x-envelope-from", ""),
        "to": named.get("x-envelope-to") or _addresses(named.get("to", "")),
        "subject": named.get("subject", ""),
        "date": _date(named.get("date", ""), file),
        "headers": headers,
        "text": text,
        "html": html,
    }


def _parsed(source: bytes) -> Message:
    # The modern parser decodes better, but some malformed headers make it raise.
    try:
        message = email.message_from_bytes(source, policy=email.policy.default)
        message.items()
    except Exception:
        return email.message_from_bytes(source, policy=email.policy.compat32)
    return message


def _headers(message: Message) -> dict[str, str]:
    headers: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for name, value in message.items():
        known = spelled.setdefault(name.lower(), name)
        text = _sound(str(value))
        headers[known] = f"{headers[known]}, {text}" if known in headers else text
    return headers


def _addresses(header: str) -> str:
    try:
        return ", ".join(address for _, address in getaddresses([header]) if address) or header
    except Exception:
        return header


def _date(header: str, file: Path) -> str:
    try:
        date = parsedate_to_datetime(header)
    except Exception:
        date = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).isoformat()


def _part(message: Message, kind: str) -> str | None:
    try:
        part: Any = message.get_body((kind,)) if isinstance(message, EmailMessage) else _first(message, kind)
        return None if part is None else _decoded(part)
    except Exception:
        # What cannot be taken apart is shown as it came.
        return _sound(message.as_string(policy=email.policy.compat32)) if kind == "plain" else None


def _first(message: Message, kind: str) -> Message | None:
    return next((part for part in message.walk() if part.get_content_type() == f"text/{kind}"), None)


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        text = data.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")


def _sound(text: str) -> str:
    """Return text that can be encoded: bytes the parser kept as lone surrogates are read as UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
