use proptest::prelude::*;

use super::wildcard::Wildcard;
use super::*;

const ATTEMPT: (&str, &str) = ("everspan.invocation", "invocation-attempt Counter/{key}/add");

fn check(includes: &[&str], excludes: &[&str], (scope, name): (&str, &str), taken: bool) {
    let filter = SpanFilter::new(includes, excludes).unwrap();
    assert_eq!(
        filter.takes(scope, name),
        taken,
        "{includes:?} without {excludes:?}: {scope}, {name}"
    );
    assert!(taken || !filter.takes_all());
}

#[test]
fn a_span_passes_when_an_include_matches_and_no_exclude_does() {
    let user = ("my::Type", "SomeAction");
    for all in [&[][..], &["*"], &["*:*"], &["*:*:*"], &["*:x,*"]] {
        check(all, &[], ATTEMPT, true);
        check(all, &[], user, true);
        assert!(SpanFilter::new(all, &[] as &[&str]).unwrap().takes_all());
    }
    check(&["everspan.invocation"], &[], ATTEMPT, true);
    check(&["everspan.invocation"], &[], user, false);
    check(&["everspan.*:*"], &[], ATTEMPT, true);
    check(&["*"], &["everspan.*"], ATTEMPT, false);
    check(&["other", "everspan.*"], &[], ATTEMPT, true);
    check(&["*"], &["other", "everspan.*:*add"], ATTEMPT, false);
}

#[test]
fn a_name_is_the_whole_one_or_that_of_the_kind() {
    check(&["everspan.invocation:invocation-attempt"], &[], ATTEMPT, true);
    check(&["*:ingress, invocation-attempt"], &[], ATTEMPT, true);
    check(&["*:invocation"], &[], ATTEMPT, false);
    check(&["*:ingress,invocation-end"], &[], ATTEMPT, false);
    check(&[&format!("*:{}", ATTEMPT.1)], &[], ATTEMPT, true);
    check(&["*:invocation-attempt Counter/*"], &[], ATTEMPT, true);
    // only catalogued spans have a kind
    check(&["*:Some"], &[], ("my::Type", "Some Action"), false);
    check(&["*:ingress"], &[], ("my::Type", "ingress x"), false);
}

#[test]
fn colons_of_a_rust_path_belong_to_the_scope() {
    for (pattern, taken) in [
        ("my::Type", true),
        ("my::Type:SomeAction", true),
        ("my::*:Some*", true),
        ("my::Type:Other", false),
        ("my:SomeAction", false),
    ] {
        check(&[pattern], &[], ("my::Type", "SomeAction"), taken);
    }
}

#[test]
fn a_bad_pattern_is_named() {
    let start = |pattern: &str| format!("filter pattern `{pattern}` is not <scope>[:<name>[,<name>]]: ");
    for (pattern, why) in [
        ("", "the scope is missing, `*` stands for any"),
        (":x", "the scope is missing, `*` stands for any"),
        ("a:", "a name is missing, `*` stands for any"),
        ("a:x,,y", "a name is missing, `*` stands for any"),
        ("a:x:counter", "a type is for metrics, a span has none"),
    ] {
        let expected = start(pattern) + why;
        for (includes, excludes) in [(&[pattern][..], &[][..]), (&[], &[pattern])] {
            assert_eq!(
                SpanFilter::new(includes, excludes).unwrap_err().to_string(),
                expected
            );
        }
    }
}

#[test]
fn a_star_stands_for_any_text() {
    for (pattern, text, matches) in [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("a*", "a", true),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("*ab*", "xaaby", true),
        ("*ab", "abab", true),
        ("a*b*c", "a-c-b", false),
        ("a**c", "abc", true),
        ("ü*", "üö", true),
    ] {
        assert_eq!(Wildcard::new(pattern).matches(text), matches, "{pattern} {text}");
    }
}

/// The plain definition, exponential.
fn matches_by_definition(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|at| matches_by_definition(rest, &text[at..])),
        [c, rest @ ..] => text.first() == Some(c) && matches_by_definition(rest, &text[1..]),
    }
}

proptest! {
    #[test]
    fn a_wildcard_matches_what_its_definition_does(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
        let expected = matches_by_definition(pattern.as_bytes(), text.as_bytes());
        prop_assert_eq!(Wildcard::new(&pattern).matches(&text), expected);
    }

    #[test]
    fn no_pattern_makes_the_reader_panic(pattern in "\\PC*", near in "[a*:, ü]{0,8}") {
        drop(SpanFilter::new(&[pattern, near], &["*"]));
    }
}
