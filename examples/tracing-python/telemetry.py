"""Spans of a Python service below the attempts of Everspan. Copy this file into yours.

Two things to use: `attempt_span`, which services take as `invocation_context_managers=[attempt_span]`, and `run`, which takes the
place of `ctx.run_typed`. Names and attributes are those of the TypeScript hook, `@restatedev/restate-sdk-opentelemetry`, but for the
key of an object, which is `{key}` in a name.

Spans go by OTLP over HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT` (default http://localhost:4318).
"""

import contextlib
import functools
import inspect
import os

import restate
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from restate.exceptions import SdkInternalException
from restate.extensions import current_context

# The provider sends what waits when the process ends.
provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "shop-python")}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("shop")


@contextlib.asynccontextmanager
async def attempt_span():
    """A span for one attempt of a handler, below the server's own; it is the parent of all spans made in the handler."""
    ctx = current_context()
    request = ctx.request()
    with tracer.start_as_current_span(
        f"attempt {_target(ctx, '{key}')}",
        # The headers of the attempt, not `request.headers`: those are the caller's, and the same for every attempt.
        context=TraceContextTextMapPropagator().extract(request.attempt_headers),
        kind=trace.SpanKind.SERVER,
        attributes={
            "restate.invocation.id": request.id,
            "restate.invocation.target": _target(ctx, ctx.key()),
        },
    ) as span:
        try:
            yield
        except SdkInternalException as error:  # a run failed: the server will begin another attempt
            cause = error.__cause__ or error
            span.record_exception(cause)
            span.set_status(trace.StatusCode.ERROR, str(cause).partition("\n")[0])  # the rest is a stack trace
            raise
        # A suspension passes as a BaseException and leaves the status unset: nothing is wrong.
        span.set_status(trace.StatusCode.OK)


def run(ctx: restate.Context, name: str, action, options: restate.RunOptions = restate.RunOptions(), /, *args, **kwargs):
    """`ctx.run_typed` with a span around the action. A run whose result is replayed does not execute it, and has no span."""
    attributes = {"restate.run.name": name, "restate.invocation.id": ctx.request().id}
    here = context.get_current()

    def span():
        return tracer.start_as_current_span(f"run ({name})", context=here, attributes=attributes)

    if inspect.iscoroutinefunction(action):

        @functools.wraps(action)
        async def traced(*args, **kwargs):
            with span():
                return await action(*args, **kwargs)

    else:

        @functools.wraps(action)
        def traced(*args, **kwargs):
            with span():
                return action(*args, **kwargs)

    return ctx.run_typed(name, traced, options, *args, **kwargs)


def _target(ctx, key: str) -> str:
    """`Shop/order`, or `Stock/<key>/take` of an object. The context's handler is not documented: look again when you update the SDK."""
    service, handler = ctx.handler.service_tag, ctx.handler.name
    return f"{service.name}/{handler}" if service.kind == "service" else f"{service.name}/{key}/{handler}"
