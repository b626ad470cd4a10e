"""What a bounce mailbox offers, whatever its protocol, and how it says that it cannot be read."""

import errno
import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Protocol

from petition.delivery.smtp.responses import sanitize_response

PROCESSED_FOLDER, FAILED_FOLDER = "Processed", "Failed"
# Response codes of RFC 5530.
LOGIN_CODES = re.compile(r"\[(AUTHENTICATIONFAILED|AUTHORIZATIONFAILED|EXPIRED|PRIVACYREQUIRED|CONTACTADMIN)\b", re.I)
PERMISSION_CODES = re.compile(r"\[(NOPERM|READ-ONLY|NONEXISTENT)\b", re.I)
FULL_CODES = re.compile(r"\[OVERQUOTA\b", re.I)
UNAVAILABLE_CODES = re.compile(r"\[(UNAVAILABLE|SERVERBUG|INUSE|LIMIT)\b", re.I)


class MailboxProblem(StrEnum):
    """Why a mailbox cannot be read."""

    NETWORK = "network"
    TLS = "tls"
    LOGIN = "login"
    PERMISSION = "permission"
    FULL = "full"
    SERVER = "server"


class MailboxUnreadable(Exception):
    """A mailbox that cannot be read; `response`: what the server said, without addresses."""

    def __init__(self, problem: MailboxProblem, response: str) -> None:
        self.problem, self.response = problem, sanitize_response(response)
        super().__init__(f"{problem}: {self.response}")


class MessageUnreadable(Exception):
    """One message that cannot be read; those behind it can."""


class BounceMailbox(Protocol):
    """Messages that wait, oldest first, and the folders that they are moved to. Raises `MailboxUnreadable`."""

    source: str

    def list_messages(self, limit: int) -> list[str]:
        """Return the keys of the oldest messages that wait."""
        ...

    def read(self, key: str, max_bytes: int) -> bytes | None:
        """Return the beginning of a message, None if it is gone. Raises `MessageUnreadable`."""
        ...

    def move(self, keys: Sequence[str], folder: str) -> None:
        """Move messages out of the inbox."""
        ...

    def delete_old(self, folder: str, days: int, limit: int) -> None:
        """Delete the messages of a folder that arrived so many days ago, at most `limit`."""
        ...

    def count(self, folder: str = "") -> int:
        """Return how many messages wait, or are in a folder."""
        ...

    def check_space(self) -> None:
        """Raise `MailboxUnreadable` if hardly any message fits in any more."""
        ...


def explain_response(response: str, problem: MailboxProblem = MailboxProblem.SERVER) -> MailboxUnreadable:
    """Return what a server's rejection means, by its response code; `problem` without one."""
    for pattern, meaning in (
        (LOGIN_CODES, MailboxProblem.LOGIN),
        (PERMISSION_CODES, MailboxProblem.PERMISSION),
        (FULL_CODES, MailboxProblem.FULL),
        (UNAVAILABLE_CODES, MailboxProblem.SERVER),
    ):
        if pattern.search(response):
            problem = meaning
    return MailboxUnreadable(problem, response)


@contextmanager
def errors_explained(problem: MailboxProblem = MailboxProblem.SERVER) -> Iterator[None]:
    """Raise `MailboxUnreadable` for what the standard library raises; `problem`: of a rejection without a code."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise MailboxUnreadable(MailboxProblem.TLS, f"certificate not valid: {error.verify_message}") from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise MailboxUnreadable(MailboxProblem.NETWORK, "the server closed the connection") from error
    except ssl.SSLError as error:
        raise MailboxUnreadable(MailboxProblem.TLS, f"no TLS: {error.reason or error}") from error
    except imaplib.IMAP4.readonly as error:
        raise MailboxUnreadable(MailboxProblem.PERMISSION, _words(error)) from error
    except imaplib.IMAP4.abort as error:
        raise MailboxUnreadable(MailboxProblem.NETWORK, _words(error)) from error
    except imaplib.IMAP4.error as error:
        raise explain_response(_words(error), problem) from error
    except OSError as error:
        raise MailboxUnreadable(
            _classify_os_error(error), f"{type(error).__name__}: {error.strerror or error}"
        ) from error


def _classify_os_error(error: OSError) -> MailboxProblem:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return MailboxProblem.PERMISSION
    return MailboxProblem.FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else MailboxProblem.NETWORK


def _words(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
