"""Process requests to sign as the worker of confirmations does: before that, no signature is there."""

from petition.signatures.sign_requests import process_sign_requests


def process_requests() -> None:
    """Process every request to sign that waits. Commits."""
    while process_sign_requests():
        pass
