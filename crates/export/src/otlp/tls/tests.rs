//! Files that are wrong, each with its own error.

use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A certificate that signs itself, and its key.
    fn pair(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        (
            self.put(&format!("{name}.crt"), &certificate.pem()),
            self.put(&format!("{name}.key"), &key.serialize_pem()),
        )
    }
}

fn error(options: &TlsOptions) -> String {
    config(options, false).unwrap_err().to_string()
}

#[test]
fn good_files_make_a_configuration() {
    let files = Files::new();
    let (certificate, key) = files.pair("good");
    let options = TlsOptions {
        ca: Some(certificate.clone()),
        certificate: Some(certificate),
        key: Some(key),
    };
    let made = config(&options, true).unwrap();
    assert!(made.client_auth_cert_resolver.has_certs());
    let made = config(&TlsOptions::default(), false).unwrap();
    assert!(!made.client_auth_cert_resolver.has_certs());
}

#[test]
fn each_wrong_file_is_named_with_what_is_wrong() {
    let files = Files::new();
    let (certificate, key) = files.pair("good");
    let (_, other_key) = files.pair("other");
    let text = files.put("text", "hello");
    let torn = files.put("torn", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let noise = files.put(
        "noise",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let absent = files.0.path().join("absent");
    let ca = |path: &PathBuf| TlsOptions {
        ca: Some(path.clone()),
        ..TlsOptions::default()
    };
    let client = |certificate: Option<&PathBuf>, key: Option<&PathBuf>| TlsOptions {
        ca: None,
        certificate: certificate.cloned(),
        key: key.cloned(),
    };
    for (options, path, words) in [
        (ca(&absent), &absent, "cannot be read: No such file"),
        (ca(&text), &text, "holds no certificate"),
        (ca(&key), &key, "holds no certificate"),
        (ca(&torn), &torn, "section end"),
        (ca(&noise), &noise, "certificate"),
        (client(Some(&certificate), None), &certificate, "needs a key"),
        (client(None, Some(&key)), &key, "needs a certificate"),
        (
            client(Some(&certificate), Some(&absent)),
            &absent,
            "cannot be read",
        ),
        (
            client(Some(&certificate), Some(&certificate)),
            &certificate,
            "no private key",
        ),
        (client(Some(&certificate), Some(&text)), &text, "no private key"),
        (
            client(Some(&certificate), Some(&other_key)),
            &other_key,
            "does not fit",
        ),
        (client(Some(&text), Some(&key)), &text, "holds no certificate"),
    ] {
        let error = error(&options);
        assert!(error.contains(&format!("`{}`", path.display())), "{error}");
        assert!(error.contains(words), "{words}: {error}");
    }
}
