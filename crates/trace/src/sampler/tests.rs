use super::*;
use crate::{SpanId, derive_trace_id};

fn parent(flags: u8) -> SpanContext {
    SpanContext {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        flags,
        trace_state: String::new(),
    }
}

#[test]
fn names_are_read_as_they_are_shown() {
    for name in [
        "always_on",
        "always_off",
        "traceidratio:0.1",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio:0.25",
    ] {
        assert_eq!(name.parse::<Sampler>().unwrap().to_string(), name);
    }
    assert_eq!(Sampler::default().to_string(), "parentbased_always_on");
}

#[test]
fn a_bad_sampler_is_named_in_the_error() {
    for (name, problem) in [
        ("sometimes", "unknown sampler `sometimes`"),
        ("always_on:1", "unknown sampler `always_on:1`"),
        ("parentbased_parentbased_always_on", "unknown sampler"),
        ("traceidratio", "sampler `traceidratio` needs a ratio"),
        (
            "parentbased_traceidratio:1.1",
            "sampler `parentbased_traceidratio:1.1` needs a ratio",
        ),
        ("traceidratio:NaN", "needs a ratio"),
        ("traceidratio:-0.1", "needs a ratio"),
    ] {
        let error = name.parse::<Sampler>().unwrap_err().to_string();
        assert!(error.starts_with(problem) || error.contains(problem), "{error}");
    }
}

#[test]
fn a_parent_decides_for_its_children() {
    let id = TraceId([1; 16]);
    for root in ["always_on", "always_off", "traceidratio:0"] {
        let sampler: Sampler = format!("parentbased_{root}").parse().unwrap();
        assert!(sampler.samples(id, Some(&parent(1))));
        assert!(!sampler.samples(id, Some(&parent(2))));
        assert_eq!(sampler.samples(id, None), root == "always_on");
        let plain: Sampler = root.parse().unwrap();
        assert_eq!(plain.samples(id, Some(&parent(1))), root == "always_on");
    }
}

#[test]
fn a_ratio_takes_its_share_and_a_larger_one_takes_the_same_and_more() {
    let taken = |ratio: f64| -> Vec<u32> {
        let sampler = Sampler::TraceIdRatio(ratio);
        (0..10_000u32)
            .filter(|i| sampler.samples(derive_trace_id(&i.to_le_bytes()), None))
            .collect()
    };
    let (few, more) = (taken(0.1), taken(0.3));
    assert!((900..1100).contains(&few.len()), "{}", few.len());
    assert!((2800..3200).contains(&more.len()), "{}", more.len());
    assert!(few.iter().all(|i| more.contains(i)));
    assert_eq!(taken(0.0).len(), 0);
    assert_eq!(taken(1.0).len(), 10_000);
    assert!(Sampler::TraceIdRatio(1.0).samples(TraceId([0xff; 16]), None));
}
