"""Spans of a request and of its emails are one trace, whose id is that of the log lines; off unless it is set."""

import pytest
from support.factories import make_petition, sign_in
from support.signing import process_requests

from petition.core import tracing
from petition.delivery.worker import run_queue

export = pytest.importorskip("opentelemetry.sdk.trace.export")
in_memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


@pytest.fixture
def spans(app):
    """Collect the spans, by name."""
    exporter = in_memory.InMemorySpanExporter()
    tracing.start(export.SimpleSpanProcessor(exporter))
    yield lambda: {span.name: span for span in exporter.get_finished_spans()}
    tracing.stop()


def sign(client):
    petition = make_petition()
    form = {"name": "Zoé Martin", "email": "zoe@gmail.com"}
    return client.post(f"/api/v1/petitions/{petition.slug}/signatures", json=form)


def test_email_is_in_the_trace_of_the_request_that_caused_it(client, spans, sent_emails):
    request_id = sign(client).headers["X-Request-ID"]
    process_requests()
    run_queue("confirmations")
    found = spans()
    request = found["POST /api/v1/petitions/<slug>/signatures"]
    email = found["send confirm_signature"]
    assert f"{request.context.trace_id:032x}" == f"{email.context.trace_id:032x}" == request_id
    assert request.parent is None
    assert email.parent.span_id == request.context.span_id
    assert email.attributes["petition.state"] == "sent"
    assert request.attributes["http.response.status_code"] == 202
    assert email.start_time <= email.end_time
    text = str([(span.name, dict(span.attributes)) for span in found.values()])
    assert "zoe" not in text.lower()


def test_paths_with_tokens_are_recorded_by_their_rule(client, spans):
    client.get("/c/some-token-of-somebody")
    assert list(spans()) == ["GET /c/<token>"]
    client.get("/healthz")
    assert len(spans()) == 1


def test_nothing_is_recorded_unless_it_is_set(client, app, sent_emails):
    assert not app.config["PETITION_OTLP_URL"]
    with tracing.span_of_email(None, "send", {"a": 1}) as attributes:
        attributes |= {"b": 2}
    assert sign_in(client, "operator")
    assert tracing._tracer is None


def test_collector_that_is_gone_changes_no_answer(client, app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_OTLP_URL", "http://127.0.0.1:1/v1/traces")
    monkeypatch.setattr(tracing, "EXPORT_TIMEOUT_SECONDS", 0.2)
    try:
        tracing.init_app(app)
        assert sign(client).status_code == 202
    finally:
        tracing.stop()
