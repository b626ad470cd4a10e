"""Whether the button of a confirmation page was pressed by a person or by a machine that checks mail.

Scanners open links on arrival, from networks of their own, and some press what they find at once. A person comes from
the network that they signed from, or takes the time to read. Who does neither presses once more, on another form.
"""

import hmac
import time
from dataclasses import dataclass, field
from functools import lru_cache

from petition.core.hashing import secret_keys

MIN_READING_MILLISECONDS = 2_000
AGAIN = "again"  # the kind of stamp of the form that is pressed once more
SHOWN = "shown"
MAX_STAMP_CHARACTERS = 80


@dataclass(frozen=True)
class Press:
    """From which network a confirmation came, as the keyed hashes that may be stored, and the stamp of its form.

    No stamp where there is no form: the API.
    """

    networks: list[str] = field(default_factory=list)
    stamp: str | None = None

    def is_read(self, signature_id: int) -> bool:
        """Return whether the form of a signature's page was read, or there is none."""
        return self.stamp is None or is_read(self.stamp, signature_id)

    def looks_automatic(self, signature_id: int, signers_network: str | None) -> bool:
        """Return whether it came too soon, from another network than the signer's; not where that is not known."""
        is_elsewhere = signers_network is not None and signers_network not in self.networks
        return is_elsewhere and not self.is_read(signature_id)


UNWATCHED = Press()  # where there is no button: the API


def make_stamp(kind: str, signature_id: int) -> str:
    """Return when a form is shown, signed: for this signature, and this kind of form."""
    shown_at = _now()
    return f"{shown_at}.{_sign(secret_keys()[0], kind, signature_id, shown_at)}"


def is_read(stamp: str, signature_id: int) -> bool:
    """Return whether a form with this stamp was shown long enough to be read, or is the one to press once more."""
    text, _dot, mac = stamp[:MAX_STAMP_CHARACTERS].partition(".")
    if not (text.isascii() and text.isdecimal() and mac.isascii()):
        return False
    shown_at = int(text)
    for key in secret_keys():
        if hmac.compare_digest(mac, _sign(key, SHOWN, signature_id, shown_at)):
            return _now() - shown_at >= MIN_READING_MILLISECONDS
        if hmac.compare_digest(mac, _sign(key, AGAIN, signature_id, shown_at)):
            return True
    return False


def _now() -> int:
    return time.time_ns() // 1_000_000


def _sign(key: str, kind: str, signature_id: int, shown_at: int) -> str:
    mac = _mac_for_key(key).copy()
    mac.update(f"{kind} {signature_id} {shown_at}".encode())
    return mac.hexdigest()[:32]


@lru_cache(maxsize=8)
def _mac_for_key(key: str) -> hmac.HMAC:
    # Copied, as the key schedule is most of the work.
    return hmac.new(hmac.digest(key.encode(), b"confirmation page", "sha256"), digestmod="sha256")
