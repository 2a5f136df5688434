//! TLS towards the broker: rustls with ring, own root certificates or the system's, optionally a client certificate.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

/// The files that TLS needs, all PEM.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// The certificates that the broker's is checked against; without it, the operating system's.
    pub ca: Option<PathBuf>,
    /// How the gateway shows who it is.
    pub client: Option<ClientFiles>,
}

/// The gateway's own certificate and its key.
#[derive(Clone, Debug)]
pub struct ClientFiles {
    /// The certificate, followed by the intermediate ones if there are any.
    pub certificate: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate file is missing, unreadable or no PEM.
    #[error("cannot read certificates from {}: {source}", path.display())]
    ReadCertificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// A certificate file holds none.
    #[error("{} holds no certificate; expected a PEM file with BEGIN CERTIFICATE", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate cannot be trusted as a root.
    #[error("{} holds a certificate that cannot serve as a root: {source}", path.display())]
    UseRoot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The operating system has no root certificates.
    #[error("the system has no root certificates ({0}); install ca-certificates or name a CA file")]
    SystemRoots(String),
    /// The key file is missing, unreadable or holds no private key.
    #[error("cannot read a private key from {}: {source}", path.display())]
    ReadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// Certificate and key do not belong together, or the key is of a kind that is not supported.
    #[error("the certificate {} and the key {} cannot be used together: {source}", certificate.display(), key.display())]
    UseClient {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The TLS library does not accept its own defaults.
    #[error("cannot set up TLS: {0}")]
    SetUp(#[source] rustls::Error),
}

impl TlsFiles {
    /// Reads all files.
    ///
    /// # Errors
    ///
    /// [`TlsError`], which names the file and what is wrong with it.
    pub fn load(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let roots = match &self.ca {
            Some(path) => roots_of(path)?,
            None => system_roots()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::SetUp)?
            .with_root_certificates(roots);
        let config = match &self.client {
            None => builder.with_no_client_auth(),
            Some(files) => builder
                .with_client_auth_cert(certificates_of(&files.certificate)?, key_of(&files.key)?)
                .map_err(|source| TlsError::UseClient {
                    certificate: files.certificate.clone(),
                    key: files.key.clone(),
                    source,
                })?,
        };
        Ok(Arc::new(config))
    }
}

fn roots_of(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_of(path)? {
        roots.add(certificate).map_err(|source| TlsError::UseRoot { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

/// Single certificates of the system that cannot be read or used are left out, as every TLS client does.
fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(TlsError::SystemRoots(why));
    }
    Ok(roots)
}

fn certificates_of(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| TlsError::ReadCertificates { path: path.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}

fn key_of(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsError::ReadKey { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_for(ca: &str, content: Option<&str>) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(ca);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        TlsFiles { ca: Some(path), client: None }.load().unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_file_and_the_cause() {
        let missing = error_for("missing.pem", None);
        assert!(missing.contains("missing.pem") && missing.contains("No such file"), "{missing}");
        let empty = error_for("empty.pem", Some("hello"));
        assert!(empty.contains("empty.pem") && empty.contains("BEGIN CERTIFICATE"), "{empty}");
        let broken = error_for("broken.pem", Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
        assert!(broken.contains("broken.pem"), "{broken}");
    }
}
