"""OpenTelemetry spans of requests and of emails, sent by OTLP where PETITION_OTLP_URL is set; else nothing happens.

The id of a trace is the request id, and its root span is named after it. So the request id that a delivery's row keeps
joins the attempts to send an email, in whatever process, to the request that caused it, and the trace is found by the
id that log lines and timelines have. Attributes hold no personal data.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask

from petition.core.health import StartRefused

Attributes = dict[str, str | int]
EXPORT_TIMEOUT_SECONDS = 5.0
_tracer: Any = None
_provider: Any = None
_next = threading.local()  # the ids of the span that this thread starts


def init_app(app: Flask) -> None:
    """Send spans to PETITION_OTLP_URL, if it is set. Raises `StartRefused` without the library."""
    url = app.config["PETITION_OTLP_URL"]
    if not url:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise StartRefused("PETITION_OTLP_URL needs OpenTelemetry: pip install 'petition[tracing]'") from None
    start(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=EXPORT_TIMEOUT_SECONDS)))


def start(processor: Any) -> None:
    """Give the spans of this process to a processor of OpenTelemetry's."""
    global _tracer
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: PLC0415

    class RequestIds(IdGenerator):
        """Takes the ids that `_record` chose."""

        def generate_trace_id(self) -> int:
            return int(_next.trace_id)

        def generate_span_id(self) -> int:
            return int(_next.span_id)

    _provider = TracerProvider(resource=Resource({"service.name": "petition"}), id_generator=RequestIds())
    _provider.add_span_processor(processor)
    _tracer = _provider.get_tracer("petition")


def stop() -> None:
    """Record no more spans."""
    global _tracer
    _tracer = None


def record_request(request_id: str, name: str, seconds: float, attributes: Attributes) -> None:
    """Record the request with this id, which ended now: the root of its trace."""
    if _tracer is not None:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        end = time.time_ns()
        _record(
            request_id, _root_id(request_id), None, name, SpanKind.SERVER, end - int(seconds * 1e9), end, attributes
        )


@contextmanager
def span_of_email(request_id: str | None, name: str, attributes: Attributes) -> Iterator[Attributes]:
    """Record what is done within the block as a span of the request that caused the email; yields its attributes.

    An email that no request caused, such as a mailing's, is a trace of its own.
    """
    if _tracer is None:
        yield attributes
        return
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    began, trace, span_id = time.time_ns(), request_id or secrets.token_hex(16), secrets.randbits(63) + 1
    try:
        yield attributes
    finally:
        _record(trace, span_id, request_id, name, SpanKind.CLIENT, began, time.time_ns(), attributes)


def _root_id(request_id: str) -> int:
    return int(request_id[:16], 16) or 1


def _record(
    trace: str, span_id: int, parent: str | None, name: str, kind: Any, began: int, ended: int, attributes: Attributes
) -> None:
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context  # noqa: PLC0415

    context = Context()
    if parent:
        sampled = TraceFlags(TraceFlags.SAMPLED)
        remote = SpanContext(int(parent, 16), _root_id(parent), is_remote=True, trace_flags=sampled)
        context = set_span_in_context(NonRecordingSpan(remote), context)
    _next.trace_id, _next.span_id = int(trace, 16), span_id
    _tracer.start_span(name, context, kind, attributes, start_time=began).end(ended)
