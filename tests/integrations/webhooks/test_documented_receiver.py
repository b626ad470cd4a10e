"""The receiver in docs/api.md takes what is sent, once, and nothing else."""

import re
import threading
from pathlib import Path

from support.factories import make_petition
from werkzeug.serving import make_server

from petition.core import clock
from petition.core.db import db
from petition.integrations.models import EventState, EventType, WebhookEvent
from petition.integrations.webhooks import sender
from petition.integrations.webhooks.events import Occurrence, write

DOCUMENT = Path(__file__).parents[3] / "docs" / "api.md"


def test_the_documented_receiver(make_endpoint, monkeypatch, capsys):
    endpoint = make_endpoint()
    [code] = re.findall(r"the check suite runs this -->\n```python\n(.+?)```", DOCUMENT.read_text("utf-8"), re.S)
    names = {"__name__": "receiver"}
    exec(code.replace("whsec_…", endpoint.secret), names)
    server = make_server("127.0.0.1", 0, names["app"], threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint.url = f"http://127.0.0.1:{server.port}/hook"
    petition = make_petition()
    write([Occurrence(EventType.PETITION_MILESTONE, petition.id, clock.now(), data={"milestone": 100, "total": 101})])
    db.session.commit()
    try:
        for _ in range(2):
            sender.send_due()
            db.session.query(WebhookEvent).update({"state": EventState.DUE, "next_attempt_at": clock.now()})
            db.session.commit()
        forged = names["app"].test_client()
        assert forged.post("/hook", data="{}", headers={"webhook-id": "a"}).status_code == 500
    finally:
        server.shutdown()
    [event] = db.session.query(WebhookEvent)
    assert (event.answer, event.attempts) == ("204", 2)
    assert capsys.readouterr().out.count("petition.milestone") == 1
    assert len(names["seen"]) == 1
