import pytest
from mailserver import MailServer
from ports import free_port


@pytest.fixture
def server(app, monkeypatch):
    """Return a real mail server, which the application sends to."""
    server = MailServer().start(free_port())
    monkeypatch.setattr(app.extensions["mail"], "server", "127.0.0.1")
    monkeypatch.setattr(app.extensions["mail"], "port", server.controller.port)
    monkeypatch.setitem(app.config, "MAIL_TIMEOUT", 2)
    yield server
    server.stop()
