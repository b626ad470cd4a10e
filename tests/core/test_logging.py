import io
import json
import logging

import pytest

from petition.core.logging import configure


@pytest.fixture
def lines(monkeypatch):
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure("INFO")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before


def test_line_is_json_without_addresses_and_tokens(lines):
    token = "BQE.awPI8g.HwpwcdSdoZdAQjkZlZ5myw"
    try:
        raise ValueError(f"DETAIL: Key (email)=(zoe.martin@example.org) already exists at /me/{token}")
    except ValueError:
        logging.getLogger("a library").exception("failed for <zoe.martin@example.org> on /c/%s", token)
    (line,) = lines()
    assert line["level"] == "error"
    assert "zoe" not in json.dumps(line)
    assert token not in json.dumps(line)
    assert "ValueError" in line["exception"]


def test_lines_of_gunicorn_contain_no_token(monkeypatch, capsys):
    gunicorn = logging.getLogger("gunicorn.error")
    own = logging.StreamHandler(io.StringIO())
    monkeypatch.setattr(gunicorn, "handlers", [own])
    monkeypatch.setattr(gunicorn, "propagate", False)
    before = logging.getLogger().handlers[:]
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure("INFO")
    gunicorn.error("Error handling request GET /c/%s", "BQE.awPI8g.HwpwcdSdoZdAQjkZlZ5myw")
    logging.getLogger().handlers[:] = before
    assert own.stream.getvalue() == ""
    assert "/c/<token>" in stream.getvalue()
    assert "HwpwcdSdo" not in stream.getvalue()


def test_failure_of_a_view_is_logged_by_its_rule_and_answered_with_an_error_page(client, monkeypatch, lines):
    def fail(token):
        raise RuntimeError("broken")

    monkeypatch.setitem(client.application.view_functions, "confirm.confirm_page", fail)
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    answer = client.get("/c/BQE.awPI8g.HwpwcdSdoZdAQjkZlZ5myw")
    assert answer.status_code == 500
    assert "HwpwcdSdo" not in json.dumps(lines())
    assert any("/c/<token>" in line["event"] for line in lines())
