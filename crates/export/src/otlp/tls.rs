//! TLS towards a collector: whom to trust, and what to show.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::TlsOptions;
use crate::ExportError;

/// Reads and checks every file that is named. The system's certificates are loaded only if the connection is
/// `encrypted` and no others are named.
pub(super) fn config(options: &TlsOptions, encrypted: bool) -> Result<ClientConfig, ExportError> {
    let roots = match &options.ca {
        Some(path) => own_roots(path)?,
        None if encrypted => system_roots()?,
        None => RootCertStore::empty(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions of TLS")
        .with_root_certificates(roots);
    match (&options.certificate, &options.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|error| ExportError::BadKey {
                path: key.clone(),
                reason: format!("does not fit `{}`: {error}", certificate.display()),
            }),
        (Some(path), None) => Err(ExportError::CertificateWithoutKey { path: path.clone() }),
        (None, Some(path)) => Err(ExportError::KeyWithoutCertificate { path: path.clone() }),
    }
}

fn own_roots(path: &Path) -> Result<RootCertStore, ExportError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| bad_certificate(path, error))?;
    }
    Ok(roots)
}

/// Broken ones among them are skipped: they are not this program's to mend.
fn system_roots() -> Result<RootCertStore, ExportError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let reason = found.errors.first().map(ToString::to_string);
        return Err(ExportError::NoSystemCertificates {
            reason: reason.unwrap_or_else(|| "none found".to_owned()),
        });
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ExportError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|error| bad_certificate(path, error))?;
    if found.is_empty() {
        return Err(bad_certificate(path, "holds no certificate in PEM form"));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, ExportError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| ExportError::BadKey {
        path: path.to_owned(),
        reason: match error {
            rustls::pki_types::pem::Error::NoItemsFound => "holds no private key in PEM form".to_owned(),
            other => other.to_string(),
        },
    })
}

fn read(path: &Path) -> Result<Vec<u8>, ExportError> {
    std::fs::read(path).map_err(|error| ExportError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn bad_certificate(path: &Path, reason: impl ToString) -> ExportError {
    ExportError::BadCertificate {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests;
