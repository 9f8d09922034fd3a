//! Spans that functions of a job report themselves.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everspan_stream::{
    Collector, JobOptions, KeyedContext, KeyedOpenContext, KeyedProcessFunction, MapFunction, MetricGroup,
    ProcessWindowFunction, Result, RuntimeContext, Span, StreamExecutionEnvironment,
    TumblingProcessingTimeWindows, WindowContext,
};
use everspan_trace::SpanReceiver;

#[derive(Default)]
struct Spans(Mutex<Vec<Span>>);

impl SpanReceiver for Spans {
    fn add(&self, span: Span) {
        self.0
            .lock()
            .expect("no test panics while it adds a span")
            .push(span);
    }
}

/// Reports a span when it opens, as a map, a keyed and a window function.
#[derive(Clone, Default)]
struct Tells;

fn tell(group: &MetricGroup) {
    let span = Span::builder("my::Tells", "Opened")
        .start_ts_millis(3)
        .end_ts_millis(4);
    group.add_span(span.attribute("foo", "bar"));
}

impl MapFunction<u64> for Tells {
    type Out = u64;

    fn open(&mut self, context: &RuntimeContext) -> Result {
        tell(context.metric_group());
        Ok(())
    }

    fn map(&mut self, number: u64) -> Result<u64> {
        Ok(number)
    }
}

impl KeyedProcessFunction<u64, u64> for Tells {
    type Out = u64;

    fn open(&mut self, ctx: &mut KeyedOpenContext<'_, u64>) -> Result {
        tell(ctx.runtime_context().metric_group());
        Ok(())
    }

    fn process_element(
        &mut self,
        number: u64,
        _ctx: &mut KeyedContext<'_, u64>,
        out: &mut impl Collector<u64>,
    ) -> Result {
        out.collect(number);
        Ok(())
    }
}

impl ProcessWindowFunction<u64, Vec<u64>> for Tells {
    type Out = u64;

    fn open(&mut self, context: &RuntimeContext) -> Result {
        tell(context.metric_group());
        Ok(())
    }

    fn process(
        &mut self,
        _key: &u64,
        _context: &WindowContext,
        numbers: Vec<u64>,
        out: &mut impl Collector<u64>,
    ) -> Result {
        numbers.into_iter().for_each(|number| out.collect(number));
        Ok(())
    }
}

#[test]
fn every_function_says_with_its_spans_where_it_runs() {
    let spans = Arc::new(Spans::default());
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(2);
    let seen = env
        .from_sequence(1, 10)
        .map_with(Tells)
        .name("first")
        .key_by(|number| *number)
        .process(Tells)
        .name("second")
        .key_by(|number| *number)
        .window(TumblingProcessingTimeWindows::of(Duration::from_secs(3600)))
        .process(Tells)
        .name("third")
        .collect();
    let options = JobOptions {
        spans: Some(spans.clone()),
        ..JobOptions::default()
    };
    env.execute_with("telling", options).expect("the job ends");
    assert_eq!(seen.take().len(), 10);

    let spans = spans.0.lock().unwrap();
    let told: Vec<&Span> = spans.iter().filter(|span| span.name == "Opened").collect();
    let text = |span: &Span, key: &str| {
        let found = span.attributes.iter().find(|of| of.key == key);
        format!("{:?}", found.unwrap_or_else(|| panic!("{key}: {span:?}")).value)
    };
    let mut places = BTreeSet::new();
    for span in &told {
        assert_eq!((span.start_ns, span.end_ns), (3_000_000, 4_000_000));
        assert!(text(span, "foo").contains("bar"));
        assert!(text(span, "job_name").contains("telling"));
        for key in ["host", "job_id"] {
            assert!(!text(span, key).contains("\"\""), "{key}");
        }
        places.insert((
            text(span, "task_name"),
            text(span, "operator_name"),
            text(span, "subtask_index"),
        ));
    }
    assert_eq!(told.len(), 6);
    assert_eq!(
        places.len(),
        6,
        "three operators in two subtasks each: {places:?}"
    );
    for (operator, task) in [
        ("first", "Source: Sequence -> first"),
        ("second", "second"),
        ("third", "third -> Sink"),
    ] {
        let here = places.iter().filter(|place| place.1.contains(operator));
        assert!(here.clone().count() == 2 && here.clone().all(|place| place.0.contains(task)));
    }
}
