use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use super::*;
use crate::{Link, Span, SpanContext, SpanId, SpanKind, Status, TraceId};

const NOW_NS: u64 = 7_000_000;

#[derive(Default)]
struct List(Mutex<Vec<Span>>);

impl SpanReceiver for List {
    fn add(&self, span: Span) {
        self.0.lock().unwrap().push(span);
    }
    fn wants(&self, _: &str, name: &str) -> bool {
        name != "unwanted"
    }
}

/// Counts its ids.
#[derive(Default)]
struct Counting(AtomicU8);

impl Environment for Counting {
    fn now_ns(&self) -> u64 {
        NOW_NS
    }
    fn new_trace_id(&self) -> TraceId {
        TraceId([100 + self.0.fetch_add(1, Ordering::Relaxed); 16])
    }
    fn new_span_id(&self) -> SpanId {
        SpanId([1 + self.0.fetch_add(1, Ordering::Relaxed); 8])
    }
}

/// The spans that a group with the variable `host` makes of `span`.
fn added(sampler: &str, span: SpanBuilder) -> Vec<Span> {
    let list = Arc::new(List::default());
    let root = MetricGroup::sampled(
        list.clone(),
        Arc::new(Counting::default()),
        sampler.parse().unwrap(),
    );
    root.add_group("host", "h1").add_span(span);
    std::mem::take(&mut *list.0.lock().unwrap())
}

fn one(span: SpanBuilder) -> Span {
    let [span] = added("always_on", span).try_into().unwrap();
    span
}

fn span() -> SpanBuilder {
    Span::builder("my::Type", "SomeAction")
}

#[test]
fn the_start_is_now_and_the_end_the_start_unless_said() {
    for (span, times) in [
        (span(), (NOW_NS, NOW_NS)),
        (span().start_ts_millis(3), (3_000_000, 3_000_000)),
        (span().end_ts_millis(9), (NOW_NS, 9_000_000)),
        (span().start_ts_millis(3).end_ts_millis(4), (3_000_000, 4_000_000)),
        (span().start_ns(3).end_ns(4), (3, 4)),
        (span().start_ns(0), (0, 0)),
        // never an end before the start
        (span().start_ns(4).end_ns(3), (4, 4)),
        (span().end_ns(3), (NOW_NS, NOW_NS)),
        (span().start_ts_millis(u64::MAX), (u64::MAX, u64::MAX)),
    ] {
        let span = one(span);
        assert_eq!((span.start_ns, span.end_ns), times);
    }
}

#[test]
fn attributes_have_four_types_and_unique_keys() {
    let span = one(span()
        .attribute("text", String::from("a"))
        .attribute("int", 1)
        .attribute("double", 0.5)
        .attribute("bool", true)
        .attribute("int", 2));
    let expected = [
        KeyValue::new("text", "a"),
        KeyValue::new("int", 2),
        KeyValue::new("double", 0.5),
        KeyValue::new("bool", true),
        KeyValue::new("host", "h1"),
    ];
    assert_eq!(span.attributes, expected);
}

#[test]
fn a_span_keeps_its_own_attribute_beside_a_variable_of_its_key() {
    let span = one(span().attribute("host", "mine"));
    assert_eq!(span.attributes, [KeyValue::new("host", "mine")]);
}

#[test]
fn a_span_alone_is_a_sampled_trace_of_its_own() {
    let span = one(span());
    assert_eq!(
        (span.scope.as_ref(), span.name.as_ref()),
        ("my::Type", "SomeAction")
    );
    assert_eq!(
        (span.kind, &span.status, span.parent),
        (SpanKind::Internal, &Status::Unset, None)
    );
    assert!(span.context.is_sampled() && span.context.trace_id.is_valid());
}

#[test]
fn everything_that_is_said_of_a_span_is_on_it() {
    let other = SpanContext::sampled(TraceId([9; 16]), SpanId([9; 8]));
    let span = one(span()
        .kind(SpanKind::Producer)
        .status(Status::Error("no".into()))
        .event(5, "happened", [KeyValue::new("a", 1)])
        .link(other.clone(), []));
    assert_eq!(
        (span.kind, span.status),
        (SpanKind::Producer, Status::Error("no".into()))
    );
    assert_eq!(
        (span.events[0].time_ns, span.events[0].name.as_ref()),
        (5, "happened")
    );
    assert_eq!(
        span.links,
        [Link {
            context: other,
            attributes: vec![]
        }]
    );
}

#[test]
fn children_are_in_the_trace_of_their_parent_with_the_variables_of_the_group() {
    let below = |name: &'static str| Span::builder("my::Type", name);
    let spans = added(
        "always_on",
        below("a")
            .child(below("b").child(below("c")))
            .child(below("d").start_ns(1)),
    );
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    let id = |index: usize| Some(spans[index].context.span_id);
    assert_eq!(
        [spans[0].parent, spans[1].parent, spans[2].parent, spans[3].parent],
        [None, id(0), id(1), id(0)]
    );
    for span in &spans {
        assert_eq!(span.context.trace_id, spans[0].context.trace_id);
        assert_eq!(span.attributes, [KeyValue::new("host", "h1")]);
    }
    assert_eq!((spans[1].start_ns, spans[3].start_ns), (NOW_NS, 1));
}

#[test]
fn given_ids_are_used_and_a_given_parent_is_joined() {
    let own = SpanContext::sampled(TraceId([8; 16]), SpanId([8; 8]));
    assert_eq!(one(span().context(own.clone())).context, own);
    let parent = SpanContext {
        trace_state: "a=1".into(),
        ..SpanContext::sampled(TraceId([9; 16]), SpanId([9; 8]))
    };
    let joined = one(span().parent(parent.clone()));
    assert_eq!(joined.parent, Some(parent.span_id));
    assert_eq!(
        (joined.context.trace_id, &*joined.context.trace_state),
        (parent.trace_id, "a=1")
    );
    let both = one(span().parent(parent.clone()).context(own.clone()));
    assert_eq!(
        (both.context, both.parent),
        (parent.with_span_id(own.span_id), Some(parent.span_id))
    );
}

#[test]
fn a_trace_is_made_whole_or_not_at_all() {
    let tree = || span().child(span());
    assert_eq!(added("always_off", tree()).len(), 0);
    assert_eq!(added("parentbased_always_on", tree()).len(), 2);
    let unsampled = SpanContext {
        flags: 0,
        ..SpanContext::sampled(TraceId([9; 16]), SpanId([9; 8]))
    };
    assert_eq!(
        added("parentbased_always_on", tree().parent(unsampled.clone())).len(),
        0
    );
    assert_eq!(
        added(
            "parentbased_always_off",
            tree().parent(SpanContext {
                flags: 1,
                ..unsampled
            })
        )
        .len(),
        2
    );
}

#[test]
fn what_nobody_wants_is_left_out_and_its_children_are_not() {
    let spans = added("always_on", Span::builder("my::Type", "unwanted").child(span()));
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].name, "SomeAction");
}

#[test]
fn variables_are_those_of_all_groups_above_and_the_lowest_counts() {
    let root = MetricGroup::root(Arc::new(List::default()), Arc::new(Counting::default()));
    let group = root
        .add_group("a", 1)
        .add_group_name("plain")
        .add_group("b", "x")
        .add_group("a", 2);
    assert_eq!(
        group.variables(),
        [KeyValue::new("b", "x"), KeyValue::new("a", 2)]
    );
    assert_eq!(group.path(), ["a", "plain", "b", "a"]);
    assert!(root.variables().is_empty() && root.path().is_empty());
}
