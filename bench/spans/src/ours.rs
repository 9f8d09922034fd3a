use everspan_trace::catalog::{self, attr};
use everspan_trace::{Span, SpanContext, SpanId, Status, TraceId, otlp};
use std::hint::black_box;

pub(crate) struct Source { pub id: String, pub target: String, pub dp: String, pub addr: String }
pub(crate) fn source() -> Source { Source { id: "inv_1bq3X0aJ2hKr0Hn3y1J5Wk3TQmTQ0p4f".into(), target: "Greeter/greet".into(), dp: "dp_11nGQpCRmau6ypL82KH2TnP".into(), addr: "http://127.0.0.1:9080/".into() } }

pub(crate) fn build(s: &Source, n: u64) -> Span {
    let mut id = [7u8; 8]; id[..4].copy_from_slice(&(n as u32).to_le_bytes());
    let context = SpanContext::sampled(TraceId([9; 16]), SpanId(id));
    let mut span = Span::new(&catalog::ATTEMPT, &s.target, context, 1_795_176_249_103_000_000 + n, 1_795_176_249_104_000_000 + n);
    span.parent = Some(SpanId([5; 8]));
    span.status = Status::Ok;
    span.attributes = Vec::with_capacity(7);
    span.attributes.extend([
        attr::INVOCATION_ID.value(s.id.clone()),
        attr::INVOCATION_TARGET.value(s.target.clone()),
        attr::RPC_SERVICE.value("Greeter"),
        attr::RPC_METHOD.value("greet"),
        attr::DEPLOYMENT_ID.value(s.dp.clone()),
        attr::DEPLOYMENT_ADDRESS.value(s.addr.clone()),
        attr::SERVICE_PROTOCOL_VERSION.value(6i64),
    ]);
    span
}

fn best(mut f: impl FnMut(u64), what: &str) {
    let mut best = f64::MAX;
    for _ in 0..60 {
        let t = crate::clock::thread_ns();
        for n in 0..20_000 { f(n) }
        best = best.min((crate::clock::thread_ns() - t) as f64 / 20_000.0);
    }
    println!("{what}: {best:.0} ns");
}

pub(crate) fn micro() {
    let s = source();
    let mut out = Vec::with_capacity(1 << 20);
    let span = build(&s, 1);
    otlp::encode_span(&span, &mut out);
    println!("{} bytes", out.len());
    best(|n| { black_box(build(&s, n)); }, "build + drop");
    best(|_| { if out.len() > 900_000 { out.clear() } otlp::encode_span(black_box(&span), &mut out); }, "encode");
    best(|n| { if out.len() > 900_000 { out.clear() } otlp::encode_span(&build(&s, n), &mut out); }, "build + encode + drop");
}
