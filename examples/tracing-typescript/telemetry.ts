// Where this process's spans go: OTLP over HTTP, to `OTEL_EXPORTER_OTLP_ENDPOINT` (default http://localhost:4318).
// Import it first: what asks for a tracer before the provider is set gets one that does nothing.
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

const provider = new TracerProvider({
  resource: defaultResource().merge(
    resourceFromAttributes({ "service.name": process.env.OTEL_SERVICE_NAME ?? "shop-typescript" }),
  ),
  spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), scheduledDelayMillis: 500 })],
});
// Without a context manager `trace.getActiveSpan()` is always empty, and a span has no parent.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(provider);

/** Sends what waits; call it before the process ends. */
export const sendRest = () => provider.shutdown();
