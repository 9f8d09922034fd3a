//! The keys of tracing at the top level: the short form of one `otlp` and one `jaeger-file` reporter, and what holds
//! for all reporters.

use crate::config::key::{Key, key, unset};
use crate::config::value::Kind;

pub(super) const KEYS: &[Key] = &[
    unset(
        "tracing-endpoint",
        Kind::Endpoint,
        "Collector that receives all spans; the reporter `otlp`.",
    )
    .flag(),
    unset(
        "tracing-services-endpoint",
        Kind::Endpoint,
        "Collector of the invocation spans, in place of tracing-endpoint.",
    )
    .flag(),
    unset(
        "tracing-runtime-endpoint",
        Kind::Endpoint,
        "Collector of all other spans, those of the runtime itself, in place of tracing-endpoint; the reporter `otlp-runtime`.",
    )
    .flag(),
    unset(
        "tracing-headers",
        Kind::Headers,
        "Headers sent with every export, for example authorization.",
    )
    .flag(),
    unset(
        "tracing-certificate",
        Kind::Path,
        "PEM file of the authorities trusted to sign the collector's certificate, in place of the system's.",
    )
    .flag(),
    unset(
        "tracing-client-certificate",
        Kind::Path,
        "PEM file of the certificate shown to the collector; needs tracing-client-key.",
    )
    .flag(),
    unset(
        "tracing-client-key",
        Kind::Path,
        "PEM file of its private key.",
    )
    .flag(),
    key(
        "tracing-compression",
        Kind::Choice(&["none", "gzip"]),
        "none",
        "How exports are compressed.",
    )
    .flag(),
    key(
        "tracing-timeout",
        Kind::Duration,
        "10s",
        "How long the collector may take to answer one export; then it is sent again.",
    )
    .range("10ms", "10m")
    .flag(),
    unset(
        "tracing-json-path",
        Kind::Path,
        "Directory of Jaeger JSON files; the reporter `jaeger-file`.",
    )
    .flag(),
    key(
        "tracing-json-file-size",
        Kind::Size,
        "16MiB",
        "Largest Jaeger file.",
    )
    .range("64KiB", "1GiB"),
    key(
        "tracing-json-size-limit",
        Kind::Size,
        "1GiB",
        "All Jaeger files together; beyond it the oldest are removed.",
    )
    .range("1MiB", "1TiB"),
    key(
        "tracing-json-age-limit",
        Kind::Duration,
        "7d",
        "Age at which a Jaeger file is removed.",
    )
    .range("1s", "36500d"),
    key(
        "tracing-filter",
        Kind::SpanFilter,
        "info",
        "Which spans are reported: directives as in log-filter, all spans have level info.",
    )
    .flag(),
    key(
        "tracing-sampler",
        Kind::Sampler,
        "parentbased_always_on",
        "Which traces are recorded, decided once per trace.",
    )
    .flag(),
    unset(
        "tracing-keep",
        Kind::Keep,
        "Invocations that are reported although the sampler left them out, decided at their end.",
    )
    .flag(),
    key(
        "tracing-events-max",
        Kind::Count,
        "128",
        "Events on one span; beyond it the oldest command events go, and are counted on the span.",
    )
    .range("1", "65536")
    .flag(),
    key(
        "tracing-batch-delay",
        Kind::Duration,
        "200ms",
        "Longest wait of an ended span before it is sent.",
    )
    .range("1ms", "1m")
    .flag(),
    key(
        "tracing-batch-max",
        Kind::Count,
        "1024",
        "Spans in one export at most.",
    )
    .range("1", "65536")
    .flag(),
    key(
        "tracing-queue-size",
        Kind::Size,
        "16MiB",
        "Memory of each reporter for spans that wait; what does not fit goes to the spool.",
    )
    .range("64KiB", "4GiB")
    .flag(),
    key(
        "tracing-spool-limit",
        Kind::Size,
        "1GiB",
        "Disk of each reporter for spans that wait, in base-dir/spool; beyond it new ones are dropped and counted. 0: no spool.",
    )
    .range("0", "1TiB")
    .flag(),
    key(
        "tracing-sender-process",
        Kind::Bool,
        "true",
        "Whether each otlp reporter sends by way of a process of its own, which outlives a crash of the server by one export, so that no span is sent twice.",
    )
    .flag(),
    key(
        "tracing-sender-wait",
        Kind::Duration,
        "3s",
        "Longest wait of a start for an export that such a process has under way from before a crash; then it may be sent twice.",
    )
    .range("0s", "10m"),
    key(
        "tracing-service-name",
        Kind::Text,
        "Everspan",
        "The service.name of the server's spans.",
    )
    .flag(),
    unset(
        "tracing-resource-attributes",
        Kind::Resource,
        "Resource attributes of the server's spans, beside service.name.",
    ),
    key(
        "traces.checkpoint.span-detail-level",
        Kind::Choice(&[
            "CHILDREN_SPANS_PER_SUBTASK",
            "CHILDREN_SPANS_PER_TASK",
            "SPAN_PER_CHECKPOINT_WITH_TASKS",
            "SPAN_PER_CHECKPOINT",
        ]),
        "CHILDREN_SPANS_PER_SUBTASK",
        "Which spans tell of a checkpoint or a start.",
    ),
    unset(
        "traces.reporters",
        Kind::Names,
        "Names of the reporters that are on; unset, all that are configured.",
    ),
];
