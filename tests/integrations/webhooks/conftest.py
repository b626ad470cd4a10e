"""Endpoints at a receiver on this host."""

import pytest
from support.webhook_receiver import WebhookReceiver

from petition.core.db import db
from petition.integrations.models import EVENT_TYPES
from petition.integrations.webhooks import endpoints


@pytest.fixture
def local(app, monkeypatch):
    """Let webhooks go to this host."""
    monkeypatch.setitem(app.config, "PETITION_WEBHOOK_LOCAL", True)
    return app


@pytest.fixture
def receiver(local):
    with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
def make_endpoint(receiver):
    """Return a function that makes a committed endpoint at the receiver."""

    def make(url=None, events=EVENT_TYPES, petition_id=None):
        endpoint = endpoints.create(url or receiver.url, events, petition_id, "alix@example.org")
        db.session.commit()
        return endpoint

    return make
