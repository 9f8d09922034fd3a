//! Stores at a URL: S3 and its likes, and behind cargo features Google Cloud Storage and Azure.
//!
//! A request that failed is asked again by the client itself a few times, so that one lost piece of a large file does
//! not cost the whole file; what fails nevertheless is asked again by [`Retry`](super::Retry).

use std::sync::Arc;

use object_store::DynObjectStore;
use object_store::path::Path as StorePath;
use url::Url;

#[cfg(feature = "cloud")]
use object_store::{BackoffConfig, RetryConfig};

type Settings = [(String, String)];

const UNKNOWN: &str = "unknown setting";

/// Environment variables that are settings begin like this.
const PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// The store at a URL and the prefix in it.
pub(super) fn at_url(place: &str, settings: &Settings) -> Result<(Arc<DynObjectStore>, StorePath), String> {
    let url = Url::parse(place).map_err(|error| error.to_string())?;
    let open = match url.scheme() {
        "s3" | "s3a" => s3,
        "gs" => google,
        "az" | "azure" | "abfs" | "abfss" => azure,
        scheme => {
            return Err(format!(
                "unknown scheme {scheme}: use a path, file://, s3://, gs:// or az://"
            ));
        }
    };
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!(
            "it names no bucket, as in {}://bucket/prefix",
            url.scheme()
        ));
    }
    let prefix = StorePath::from_url_path(url.path()).map_err(|error| error.to_string())?;
    let store = open(&url, settings).map_err(|error| {
        let without = |index: usize| {
            let rest = settings.iter().enumerate().filter(|(place, _)| *place != index);
            rest.map(|(_, setting)| setting.clone()).collect::<Vec<_>>()
        };
        let is_at_fault = |&index: &usize| open(&url, &without(index)).is_ok();
        let key = (0..settings.len())
            .find(is_at_fault)
            .map(|index| &settings[index].0);
        // The setting without which it can be opened; a value may be a secret, and many errors have it anyway.
        match key.filter(|_| !error.starts_with(UNKNOWN)) {
            Some(key) => format!("setting {key}: {error}"),
            None => error,
        }
    });
    Ok((store?, prefix))
}

/// Whether an environment variable is a setting of some store.
pub(super) fn is_known_variable(key: &str) -> bool {
    let is_ours = PREFIXES.iter().any(|prefix| key.starts_with(prefix));
    is_ours && is_key(&key.to_ascii_lowercase())
}

fn is_key(key: &str) -> bool {
    let known = [
        // Without any of them nothing is known.
        key.is_empty(),
        #[cfg(feature = "aws")]
        key.parse::<object_store::aws::AmazonS3ConfigKey>().is_ok(),
        #[cfg(feature = "gcp")]
        key.parse::<object_store::gcp::GoogleConfigKey>().is_ok(),
        #[cfg(feature = "azure")]
        key.parse::<object_store::azure::AzureConfigKey>().is_ok(),
    ];
    known.contains(&true)
}

/// Configures a builder, refusing what it does not know: a misspelt setting must not be a silent default. Settings of
/// the environment, which are for all kinds of stores, may be those of another one.
#[cfg(feature = "cloud")]
macro_rules! build {
    ($builder:ty, $url:expr, $settings:expr) => {{
        choose_tls();
        let mut builder = <$builder>::new().with_url($url.as_str()).with_retry(retry());
        for (key, value) in $settings {
            match key.to_ascii_lowercase().parse() {
                Ok(key) => builder = builder.with_config(key, value),
                Err(_) if is_known_variable(&key.to_ascii_uppercase()) => {}
                Err(_) => return Err(format!("{UNKNOWN} {key} = {value}")),
            }
        }
        builder
    }};
}

#[cfg(feature = "aws")]
fn s3(url: &Url, settings: &Settings) -> Result<Arc<DynObjectStore>, String> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

    let builder = build!(AmazonS3Builder, url, settings);
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    // Whoever names an endpoint without TLS wants it.
    let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    let store = if is_plain {
        builder.with_allow_http(true)
    } else {
        builder
    }
    .build();
    Ok(Arc::new(store.map_err(|error| error.to_string())?))
}

#[cfg(feature = "gcp")]
fn google(url: &Url, settings: &Settings) -> Result<Arc<DynObjectStore>, String> {
    let builder = build!(object_store::gcp::GoogleCloudStorageBuilder, url, settings);
    Ok(Arc::new(builder.build().map_err(|error| error.to_string())?))
}

#[cfg(feature = "azure")]
fn azure(url: &Url, settings: &Settings) -> Result<Arc<DynObjectStore>, String> {
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

    let builder = build!(MicrosoftAzureBuilder, url, settings);
    let has_account = builder.get_config_value(&AzureConfigKey::AccountName).is_some();
    let store = builder.build().map_err(|error| error.to_string());
    match store {
        Err(error) if !has_account && !is_in_host(url) => Err(format!(
            "{error}: set account_name, or the variable AZURE_STORAGE_ACCOUNT_NAME"
        )),
        store => Ok(Arc::new(store?)),
    }
}

/// Whether the URL names the account, as in `abfss://container@account.dfs.core.windows.net`.
#[cfg(feature = "azure")]
fn is_in_host(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host.contains('.'))
}

#[cfg(not(feature = "aws"))]
fn s3(_: &Url, _: &Settings) -> Result<Arc<DynObjectStore>, String> {
    Err("this program was built without the cargo feature aws".to_owned())
}

#[cfg(not(feature = "gcp"))]
fn google(_: &Url, _: &Settings) -> Result<Arc<DynObjectStore>, String> {
    Err("this program was built without the cargo feature gcp".to_owned())
}

#[cfg(not(feature = "azure"))]
fn azure(_: &Url, _: &Settings) -> Result<Arc<DynObjectStore>, String> {
    Err("this program was built without the cargo feature azure".to_owned())
}

/// The client of the stores asks for the process's provider; whoever has chosen one before keeps it.
#[cfg(feature = "cloud")]
fn choose_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

#[cfg(feature = "cloud")]
fn retry() -> RetryConfig {
    use std::time::Duration;

    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: 4,
        retry_timeout: Duration::from_secs(60),
    }
}

#[cfg(test)]
mod tests;
