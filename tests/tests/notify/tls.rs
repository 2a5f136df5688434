//! TLS with certificates on both sides, against a real broker.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use schoolgate::notify::{ClientFiles, TlsError, TlsFiles, Trouble};
use tempfile::TempDir;

use schoolgate_sim::mosquitto::{Mosquitto, free_port};

use crate::publisher::{Ledger, settings, start};

const MUTUAL: &str = "cafile {dir}/ca.pem\ncertfile {dir}/server.pem\nkeyfile {dir}/server.key\n\
                      require_certificate true\nuse_identity_as_username true\n";

/// Writes a CA, a server's and a gateway's certificate and key.
fn certificates(dir: &Path) {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(dir.join("ca.pem"), ca.pem()).unwrap();
    for (name, host) in [("server", "localhost"), ("gateway", "g1.example")] {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        std::fs::write(dir.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

fn files(dir: &Path) -> TlsFiles {
    let client = ClientFiles { certificate: dir.join("gateway.pem"), key: dir.join("gateway.key") };
    TlsFiles { ca: Some(dir.join("ca.pem")), client: Some(client) }
}

fn broker() -> Mosquitto {
    let dir = TempDir::new().unwrap();
    certificates(dir.path());
    Mosquitto::start_in(dir, free_port().unwrap(), MUTUAL).unwrap()
}

#[tokio::test]
async fn both_sides_show_their_certificates_and_messages_pass() {
    let broker = broker();
    let ledger = Ledger::new();
    ledger.tell("schoolgate/s1/staff/security/alert", "{}");
    let mut settings = settings(broker.port());
    settings.host = "localhost".to_owned();
    settings.tls = Some(files(&broker.path("")).load().unwrap());
    let mut running = start(settings, &ledger);
    running.until_confirmed(1).await;
}

#[tokio::test]
async fn a_broker_that_another_ca_vouches_for_is_not_trusted() {
    let broker = broker();
    let other = TempDir::new().unwrap();
    certificates(other.path());
    let mut settings = settings(broker.port());
    settings.host = "localhost".to_owned();
    settings.tls = Some(files(other.path()).load().unwrap());
    let mut running = start(settings, &Ledger::new());
    let status = running.until("failed", |status| status.last_error.is_some()).await;
    let Some(Trouble::Connection(why)) = status.last_error else { panic!("{status:?}") };
    assert!(why.contains("certificate"), "{why}");
}

#[test]
fn a_key_that_does_not_fit_is_named_with_its_certificate() {
    let dir = TempDir::new().unwrap();
    certificates(dir.path());
    let mut files = files(dir.path());
    files.client.as_mut().unwrap().key = dir.path().join("server.key");
    let error = files.load().unwrap_err();
    assert!(matches!(error, TlsError::UseClient { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("gateway.pem") && text.contains("server.key"), "{text}");
}

#[test]
fn a_key_file_without_a_key_is_named() {
    let dir = TempDir::new().unwrap();
    certificates(dir.path());
    let mut files = files(dir.path());
    files.client.as_mut().unwrap().key = dir.path().join("ca.pem");
    let text = files.load().unwrap_err().to_string();
    assert!(text.contains("private key from") && text.contains("ca.pem"), "{text}");
}
