"""OpenTelemetry spans around predictions, where its API is installed and an exporter is configured.

Configured means what its own variables say: `OTEL_TRACES_EXPORTER` or an `OTEL_EXPORTER_OTLP…ENDPOINT`. Without them
nothing is imported.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_VARIABLES = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracer:
    """Makes spans. `traceparent` is the W3C header of a request: the span becomes its child."""

    def __init__(self, tracer: Any, propagator: Any) -> None:
        self._tracer, self._propagator = tracer, propagator

    @contextmanager
    def span(self, traceparent: bytes | None, model: str, version: str, rows: int) -> Iterator[None]:
        """A span `predict <model>` around the block."""
        context = None
        if traceparent is not None:
            context = self._propagator.extract({"traceparent": traceparent.decode("latin-1")})
        attributes = {"tidemill.model": model, "tidemill.version": version, "tidemill.rows": rows}
        with self._tracer.start_as_current_span(f"predict {model}", context=context, attributes=attributes):
            yield


def open_tracer(env: Mapping[str, str] = os.environ) -> Tracer | None:
    """A tracer; None where OpenTelemetry is not installed or nobody asked for traces."""
    if not any(env.get(name) for name in _VARIABLES) or env.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    try:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        return None
    _export(trace, env)
    return Tracer(trace.get_tracer("tidemill.serving"), TraceContextTextMapPropagator())


def _export(trace: Any, env: Mapping[str, str]) -> None:
    """Send spans by OTLP, unless the program has set up something else."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    name = env.get("OTEL_SERVICE_NAME") or "tidemill-serving"
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
