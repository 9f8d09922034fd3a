//! What can be known of a store without asking it: whether URL and settings make one. Nothing here needs a network.

use super::*;

/// A place, its settings, and what is wrong with them.
type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    Option<&'static str>,
);

/// Opens the place with these settings; `error` is in what is wrong with it, if something is.
fn check(place: &str, settings: &[(&str, &str)], error: Option<&str>) {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let settings: Vec<(String, String)> = settings.iter().map(owned).collect();
    let opened = at_url(place, &settings).map(|(_, prefix)| prefix);
    match (&opened, error) {
        (Ok(_), None) => {}
        (Err(found), Some(part)) if found.contains(part) => {}
        _ => panic!("{place} with {settings:?}: {opened:?}, expected {error:?}"),
    }
}

#[test]
fn the_path_of_a_url_is_the_prefix() {
    let rows = [
        ("", ""),
        ("/", ""),
        ("/a/b", "a/b"),
        ("/a/b/", "a/b"),
        ("/a%20b", "a b"),
    ];
    let settings = [("region", "r"), ("account_name", "account")];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
    for (path, expected) in rows {
        let schemes: &[(&str, usize)] = &[
            #[cfg(feature = "aws")]
            ("s3", 0),
            #[cfg(feature = "gcp")]
            ("gs", 2),
            #[cfg(feature = "azure")]
            ("az", 1),
        ];
        for &(scheme, setting) in schemes {
            let place = format!("{scheme}://bucket{path}");
            let settings = settings.get(setting..=setting).unwrap_or_default();
            let (_, prefix) = at_url(&place, settings).unwrap();
            assert_eq!(prefix.as_ref(), expected, "{place}");
        }
    }
}

#[cfg(feature = "aws")]
#[test]
fn s3_takes_its_settings_and_names_the_one_at_fault() {
    let rows: [Row; 6] = [
        ("s3://bucket/prefix", &[("region", "eu-1")], None),
        (
            "s3://bucket",
            &[("google_service_account", "x")],
            passed_over("google_service_account"),
        ),
        ("s3:///prefix", &[], Some("it names no bucket")),
        (
            "s3://bucket",
            &[("reigon", "eu-1")],
            Some("unknown setting reigon = eu-1"),
        ),
        (
            "s3://bucket",
            &[("allow_http", "perhaps")],
            Some("setting allow_http: "),
        ),
        ("s3://bucket", &[("allow_http", "perhaps")], Some("\"perhaps\"")),
    ];
    rows.into_iter()
        .for_each(|(place, settings, error)| check(place, settings, error));
}

/// Settings of another kind of store are passed over if that kind is known here; else nobody knows them.
#[cfg(feature = "aws")]
fn passed_over(key: &'static str) -> Option<&'static str> {
    (!cfg!(feature = "gcp")).then_some(key)
}

#[cfg(feature = "gcp")]
#[test]
fn google_takes_its_settings_and_names_the_one_at_fault() {
    let rows: [Row; 6] = [
        ("gs://bucket/prefix", &[], None),
        ("gs:///prefix", &[], Some("it names no bucket")),
        (
            "gs://bucket",
            &[("google_servce_account", "x")],
            Some("unknown setting google_servce_account = x"),
        ),
        (
            "gs://bucket",
            &[("service_account_key", "{")],
            Some("setting service_account_key: "),
        ),
        (
            "gs://bucket",
            &[("service_account", "/absent")],
            Some("setting service_account: "),
        ),
        ("gs://bucket", &[("timeout", "soon")], Some("setting timeout: ")),
    ];
    rows.into_iter()
        .for_each(|(place, settings, error)| check(place, settings, error));
}

#[cfg(feature = "azure")]
#[test]
fn azure_takes_its_settings_and_names_the_one_at_fault() {
    const ACCOUNT: (&str, &str) = ("account_name", "account");
    let rows: [Row; 8] = [
        ("az://container/prefix", &[ACCOUNT], None),
        ("azure://container/prefix", &[ACCOUNT], None),
        ("abfss://container@account.dfs.core.windows.net/prefix", &[], None),
        ("az:///prefix", &[ACCOUNT], Some("it names no bucket")),
        (
            "az://container",
            &[],
            Some("set account_name, or the variable AZURE_STORAGE_ACCOUNT_NAME"),
        ),
        (
            "az://container",
            &[ACCOUNT, ("access_key", "not base 64!")],
            Some("setting access_key: "),
        ),
        (
            "az://container",
            &[ACCOUNT, ("acces_key", "x")],
            Some("unknown setting acces_key = x"),
        ),
        (
            "az://container",
            &[ACCOUNT, ("use_emulator", "perhaps")],
            Some("setting use_emulator: "),
        ),
    ];
    rows.into_iter()
        .for_each(|(place, settings, error)| check(place, settings, error));
}

#[test]
fn a_place_that_needs_a_feature_this_program_lacks_names_it() {
    let rows = [
        ("s3://bucket", "aws", cfg!(feature = "aws")),
        ("gs://bucket", "gcp", cfg!(feature = "gcp")),
        ("az://bucket", "azure", cfg!(feature = "azure")),
    ];
    for (place, feature, has_it) in rows.into_iter().filter(|(_, _, has_it)| !has_it) {
        assert!(!has_it);
        check(place, &[], Some(&format!("without the cargo feature {feature}")));
    }
    check(
        "ftp://bucket",
        &[],
        Some("unknown scheme ftp: use a path, file://, s3://, gs:// or az://"),
    );
}
