"""A bounce mailbox in a folder of this host (Maildir)."""

import heapq
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from petition.delivery.bounces.mailbox_access import MessageUnreadable, errors_explained

SUBFOLDERS = ("tmp", "new", "cur")


class Maildir:
    """A Maildir; its folders are those of Maildir++, `.Processed` and `.Failed`. A message's key is its path."""

    source = "maildir"

    def __init__(self, path: Path) -> None:
        self.path = path
        with errors_explained():
            self._create(path)

    def list_messages(self, limit: int) -> list[str]:
        """Return the paths of the oldest messages: their names begin with the time of delivery."""
        with errors_explained():
            return heapq.nsmallest(limit, self._scan(self.path), key=os.path.basename)

    def read(self, key: str, max_bytes: int) -> bytes | None:
        """Return the beginning of a message, None if it is gone. Raises `MessageUnreadable`."""
        try:
            with open(key, "rb") as file:
                return file.read(max_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MessageUnreadable(type(error).__name__) from error

    def move(self, keys: Sequence[str], folder: str) -> None:
        """Move messages into a folder, whole."""
        with errors_explained():
            target = self._folder(folder)
            self._create(target)
            for key in keys:
                if os.path.exists(key):
                    os.rename(key, target / "cur" / os.path.basename(key))

    def delete_old(self, folder: str, days: int, limit: int) -> None:
        """Delete the messages of a folder that arrived so many days ago, at most `limit`."""
        before = time.time() - days * 86_400
        with errors_explained():
            for name in heapq.nsmallest(limit, self._scan(self._folder(folder)), key=os.path.basename):
                if os.stat(name).st_mtime < before:
                    os.unlink(name)

    def count(self, folder: str = "") -> int:
        """Return how many messages wait, or are in a folder."""
        with errors_explained():
            return sum(1 for _ in self._scan(self._folder(folder) if folder else self.path))

    def check_space(self) -> None:
        """Do nothing: a full disk is another check's."""

    def _folder(self, name: str) -> Path:
        return self.path / f".{name}"

    @staticmethod
    def _create(path: Path) -> None:
        for name in SUBFOLDERS:
            (path / name).mkdir(parents=True, exist_ok=True)

    @staticmethod
    def _scan(path: Path) -> Iterator[str]:
        for name in ("new", "cur"):
            folder = path / name
            if folder.is_dir():
                with os.scandir(folder) as entries:
                    yield from (entry.path for entry in entries if not entry.name.startswith("."))
