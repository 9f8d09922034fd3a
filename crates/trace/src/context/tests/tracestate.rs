use proptest::prelude::*;

use super::{SPAN, TRACE};
use crate::SpanContext;

fn kept(header: &str) -> String {
    let parent = format!("00-{TRACE}-{SPAN}-00");
    let context = SpanContext::parse(&parent, Some(header))
        .expect("the traceparent is used whatever the tracestate is");
    context.trace_state
}

fn members(count: usize) -> String {
    let members: Vec<String> = (1..=count).map(|i| format!("bar{i:02}={i:02}")).collect();
    members.join(",")
}

#[test]
fn a_valid_tracestate_is_kept_in_its_order() {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
    let of_key = |key: String| format!("foo=1,{key}=1");
    for (case, header, expected) in [
        (
            "test_tracestate_included_traceparent_included",
            "foo=1,bar=2",
            "foo=1,bar=2",
        ),
        ("test_tracestate_empty_header", "", ""),
        ("test_tracestate_empty_header", "foo=1,", "foo=1"),
        ("test_tracestate_empty_header", ",foo=1", "foo=1"),
        ("empty members", ",,foo=1, ,\t,bar=2,", "foo=1,bar=2"),
        (
            "test_tracestate_ows_handling",
            "foo=1 \t , \t bar=2, \t baz=3",
            "foo=1,bar=2,baz=3",
        ),
        (
            "test_tracestate_ows_handling",
            "foo=1\t \t,\t \tbar=2,\t \tbaz=3",
            "foo=1,bar=2,baz=3",
        ),
        ("test_tracestate_ows_handling", " foo=1", "foo=1"),
        ("test_tracestate_ows_handling", "\tfoo=1", "foo=1"),
        ("test_tracestate_ows_handling", "foo=1 ", "foo=1"),
        ("test_tracestate_ows_handling", "foo=1\t", "foo=1"),
        ("test_tracestate_ows_handling", "\t foo=1 \t", "foo=1"),
        ("blanks in front of a value are part of it", "foo=  1 ", "foo=  1"),
        ("blanks within a value", "foo=a b", "foo=a b"),
        ("a key begins with a digit", "1a_-*/@z=!~", "1a_-*/@z=!~"),
        // level 2 has no more rules on what stands around the at sign
        (
            "tenant and vendor",
            "tenant@vendor=1,foo@@bar=2,foo@=3",
            "tenant@vendor=1,foo@@bar=2,foo@=3",
        ),
        // the entry in front is the later one
        ("test_tracestate_duplicated_keys", "foo=1,foo=1", "foo=1"),
        (
            "test_tracestate_duplicated_keys",
            "foo=1,bar=2,foo=3",
            "foo=1,bar=2",
        ),
    ] {
        assert_eq!(kept(header), expected, "{case}: {header:?}");
    }
    for (case, header) in [
        ("test_tracestate_all_allowed_characters", format!("{key}={value}")),
        (
            "test_tracestate_all_allowed_characters",
            format!("{key}@a-z0-9_-*/={value}"),
        ),
        ("test_tracestate_member_count_limit", members(32)),
        ("test_tracestate_key_length_limit", of_key("z".repeat(256))),
        (
            "test_tracestate_key_length_limit",
            of_key(format!("{}@{}", "t".repeat(241), "v".repeat(14))),
        ),
        (
            "the longest member",
            format!("{}={}", "k".repeat(256), "v".repeat(256)),
        ),
    ] {
        assert_eq!(kept(&header), header, "{case}");
    }
}

#[test]
fn an_invalid_tracestate_is_left_out_whole() {
    for (case, header) in [
        ("test_tracestate_key_illegal_characters", "foo =1"),
        ("test_tracestate_key_illegal_characters", "FOO=1"),
        ("test_tracestate_key_illegal_characters", "foo.bar=1"),
        ("test_tracestate_key_illegal_vendor_format", "@foo=1"),
        ("no value", "foo"),
        ("an empty value", "foo="),
        ("no key", "=1"),
        ("a key begins with another sign", "_a=1"),
        ("a key that is no ASCII", "fö=1"),
        ("two equals signs", "foo=a=b"),
        ("a tab in a value", "foo=a\tb"),
        ("a control character", "foo=\u{1}"),
        ("a value that is no ASCII", "foo=ü"),
        (
            "test_tracestate_key_length_limit",
            &format!("{}=1", "z".repeat(257)),
        ),
        ("too long a value", &format!("foo={}", "v".repeat(257))),
    ] {
        for whole in [
            header.to_owned(),
            format!("{header},bar=2"),
            format!("bar=2,{header}"),
        ] {
            assert_eq!(kept(&whole), "", "{case}: {whole:?}");
        }
    }
    assert_eq!(kept(&members(33)), "", "test_tracestate_member_count_limit");
}

#[test]
fn too_long_a_tracestate_loses_whole_members_long_ones_first() {
    let short = |key: char| format!("{key}={}", "s".repeat(126));
    let long = |key: char| format!("{key}={}", "l".repeat(200));
    assert_eq!((short('a').len(), long('a').len()), (128, 202));
    let join = |members: &[String]| members.join(",");
    let seven: Vec<String> = ('a'..='g').map(short).collect();
    // seven short ones are 902 bytes, eight 1031
    assert_eq!(kept(&join(&seven)), join(&seven));
    let with = |members: Vec<String>| kept(&join(&members));
    let more = |member: String| seven.iter().cloned().chain([member]).collect::<Vec<_>>();
    assert_eq!(with(more(short('h'))), join(&seven), "the last one goes");
    assert_eq!(
        with([vec![long('x')], seven.clone()].concat()),
        join(&seven),
        "a long one goes first"
    );
    assert_eq!(with(more("h=1".into())), join(&more("h=1".into())));
    // of long ones the last, and no more than needed: five are 1014 bytes
    let longs: Vec<String> = ('a'..='f').map(long).collect();
    assert_eq!(with(longs.clone()), join(&longs[..5]));
    assert_eq!(
        with([longs.clone(), vec!["z=1".into()]].concat()),
        join(&[&longs[..5], &["z=1".into()]].concat())
    );
}

proptest! {
    #[test]
    fn what_is_kept_is_kept_again(any in "\\PC*", near in "([a-c]=[0-9 ]{1,200}[ ,]{0,2}){0,12}") {
        for header in [any, near] {
            let once = kept(&header);
            prop_assert!(once.len() <= 1024 && once.split(',').count() <= 32);
            prop_assert_eq!(kept(&once), once);
        }
    }
}
