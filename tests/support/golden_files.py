"""Compare emails with golden files; `GOLDEN=write` overwrites the files, to be reviewed and committed."""

import email
import os
import re
from email.policy import default
from pathlib import Path

TOKEN = re.compile(r"/(c|me|u|account/welcome)/(?!test\b)[\w.-]+")


def normalise(raw: bytes) -> str:
    """Return the message as a reader sees it, with what differs from run to run replaced."""
    message = email.message_from_bytes(raw, policy=default)
    headers = "".join(f"{name}: {value}\n" for name, value in message.items() if name not in ("Content-Type", "Date"))
    parts = "".join(
        f"\n===== {part.get_content_type()}\n{part.get_content()}" for part in message.walk() if not part.is_multipart()
    )
    shown = TOKEN.sub(r"/\1/TOKEN", headers + parts)
    return re.sub(r"<d\d+\.\w+@", "<DELIVERY@", re.sub(r"\+u\d+-\w+@", "+uDELIVERY@", shown)).replace("\r\n", "\n")


def compare_with_golden(raw: bytes, golden: Path) -> None:
    """Compare a message with its golden file, or write it."""
    shown = normalise(raw)
    if os.environ.get("GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")
