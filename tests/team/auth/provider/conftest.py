"""An application that signs in by a provider on loopback."""

from collections.abc import Callable, Iterator

import pytest
from support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider

from petition.team.auth.provider import client as provider_client


@pytest.fixture
def provider(app, monkeypatch) -> Iterator[OidcProvider]:
    """Return a provider that the application knows, with two factors trusted unless a test says otherwise."""
    found = OidcProvider()
    for name, value in {
        "ISSUER": found.issuer,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "LABEL": "Orga",
        "TRUST_SECOND_FACTOR": True,
    }.items():
        monkeypatch.setitem(app.config, f"PETITION_OIDC_{name}", value)
    provider_client.breaker.close()
    provider_client.register(app)
    yield found
    found.close()
    provider_client.breaker.close()
    app.extensions.pop("petition.sign_in_provider")


@pytest.fixture
def become_impatient(monkeypatch) -> Callable[[], None]:
    """Return a function that has the application wait less long for the provider from now on.

    Called where the provider does not answer any more: its answers before may take a busy machine longer.
    """
    return lambda: monkeypatch.setattr(provider_client, "TIMEOUT_SECONDS", 1.0)
