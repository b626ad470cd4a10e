import pytest
from support.factories import make_petition, make_signature
from support.ports import free_port
from support.smtp_server import SmtpServer

from petition.core.db import db
from petition.delivery.models import Delivery


@pytest.fixture(params=["pipelining", pytest.param("step by step", marks=pytest.mark.slow)])
def server(request, app, monkeypatch):
    """Return a real mail server, which the application sends to."""
    server = SmtpServer().start(free_port())
    server.pipelining = request.param == "pipelining"
    monkeypatch.setattr(app.extensions["mail"], "server", "127.0.0.1")
    monkeypatch.setattr(app.extensions["mail"], "port", server.controller.port)
    monkeypatch.setitem(app.config, "MAIL_TIMEOUT", 2)
    yield server
    server.stop()


@pytest.fixture
def enqueue_confirmations(app):
    """Return a function that enqueues one confirmation email for each address."""
    petition = make_petition()

    def make(*addresses: str) -> None:
        for address in addresses:
            make_signature(petition, email=address)

    return make


@pytest.fixture
def rows(app):
    """Return a function that reads the deliveries from the database."""

    def read():
        db.session.expire_all()
        return db.session.query(Delivery).order_by(Delivery.id).all()

    return read
