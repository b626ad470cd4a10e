"""Read the stored messages of the local mailbox; a malformed one is read as far as possible."""

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

MESSAGE_FILE_PATTERN = re.compile(r"(\d{8,})\.eml")
MAX_HEADER_BYTES = 64 * 1024  # enough for the headers of any ordinary message

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


def list_numbers(directory: Path, after: int = 0) -> list[int]:
    """Return the numbers of the messages, oldest first, above `after`."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    found = (int(match[1]) for name in names if (match := MESSAGE_FILE_PATTERN.fullmatch(name)))
    return sorted(number for number in found if number > after)


def message_path(directory: Path, number: int) -> Path:
    """Return the path of a message, whether it exists or not."""
    return directory / f"{number:08}.eml"


@lru_cache(maxsize=20_000)
def read_recipients(directory: Path, number: int) -> tuple[str, ...]:
    """Return the envelope's recipients in lower case, without reading the whole message."""
    with message_path(directory, number).open("rb") as file:
        file.readline()
        name, _, value = file.readline().partition(b":")
    if name.lower() != b"x-envelope-to":
        return ()
    return tuple(address.strip().lower() for address in value.decode("utf-8", "replace").split(","))


@lru_cache(maxsize=2_000)
def read_message(directory: Path, number: int) -> Mail:
    """Return a message, decoded.

    Raises `FileNotFoundError`.
    """
    file = message_path(directory, number)
    message = _parse(file.read_bytes())
    return _build_mail(number, file, message, _read_part(message, "plain"), _read_part(message, "html"))


@lru_cache(maxsize=2_000)
def read_summary(directory: Path, number: int) -> Mail:
    """Return a message without its text, from its headers alone.

    Raises `FileNotFoundError`.
    """
    file = message_path(directory, number)
    with file.open("rb") as opened:
        head = re.split(rb"\r?\n\r?\n", opened.read(MAX_HEADER_BYTES), maxsplit=1)[0]
    return _build_mail(number, file, _parse(head + b"\r\n\r\n"), None, None)


def _build_mail(number: int, file: Path, message: Message, text: str | None, html: str | None) -> Mail:
    headers = _read_headers(message)
    named = {name.lower(): value for name, value in headers.items()}
    return {
        "id": number,
        "from": _format_addresses(named.get("from", "")) or named.get("x-envelope-from", ""),
        "to": named.get("x-envelope-to") or _format_addresses(named.get("to", "")),
        "subject": named.get("subject", ""),
        "date": _format_date(named.get("date", ""), file),
        "headers": headers,
        "text": text,
        "html": html,
    }


def _parse(source: bytes) -> Message:
    # The modern parser decodes better, but some malformed headers make it raise.
    try:
        message = email.message_from_bytes(source, policy=email.policy.default)
        message.items()
    except Exception:
        return email.message_from_bytes(source, policy=email.policy.compat32)
    return message


def _read_headers(message: Message) -> dict[str, str]:
    headers: dict[str, str] = {}
    spellings: dict[str, str] = {}
    for name, value in message.items():
        spelling = spellings.setdefault(name.lower(), name)
        text = _replace_surrogates(str(value))
        headers[spelling] = f"{headers[spelling]}, {text}" if spelling in headers else text
    return headers


def _format_addresses(header: str) -> str:
    try:
        return ", ".join(address for _, address in getaddresses([header]) if address) or header
    except Exception:
        return header


def _format_date(header: str, file: Path) -> str:
    try:
        date = parsedate_to_datetime(header)
    except Exception:
        date = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).isoformat()


def _read_part(message: Message, kind: str) -> str | None:
    try:
        part: Any = message.get_body((kind,)) if isinstance(message, EmailMessage) else _find_part(message, kind)
        return None if part is None else _decode(part)
    except Exception:
        # What cannot be parsed is shown as it was received.
        return _replace_surrogates(message.as_string(policy=email.policy.compat32)) if kind == "plain" else None


def _find_part(message: Message, kind: str) -> Message | None:
    return next((part for part in message.walk() if part.get_content_type() == f"text/{kind}"), None)


def _decode(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        text = data.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")


def _replace_surrogates(text: str) -> str:
    """Return text that can be encoded: bytes that the parser stored as lone surrogates are read as UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
