//! The way to the platform: one kept connection, time limits on everything, the token nowhere but in its header.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use ureq::Agent;
use ureq::http::{HeaderValue, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::answer::interpret;
use super::plan::Answer;
use super::status::Trouble;
use super::{StartError, SyncOptions};

/// So much of an answer is read; documented ones are far smaller.
const ANSWER_BYTES: u64 = 64 << 10;

/// Buffers of the connection. ureq's default, 128 KiB each, is for downloads.
const BUFFER_BYTES: usize = 16 << 10;

/// How long an idle connection is kept: taps of a quiet hour need no new TLS handshake each.
const IDLE: Duration = Duration::from_secs(55);

pub(super) struct Post {
    agent: Agent,
    url: String,
    authorization: HeaderValue,
    ledger: String,
}

impl Post {
    pub(super) fn new(options: &SyncOptions) -> Result<Self, StartError> {
        check_url(&options.url)?;
        if !is_gateway_id(&options.gateway) {
            return Err(StartError::GatewayId(options.gateway.clone()));
        }
        let url = options.url.trim_end_matches('/');
        Ok(Self {
            agent: agent(options)?,
            url: format!("{url}/v1/gateways/{}/entries?from=", options.gateway),
            authorization: authorization(options.token.reveal())?,
            ledger: HEXLOWER.encode(&options.ledger),
        })
    }

    pub(super) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Sends a batch and waits for what comes of it.
    pub(super) fn send(&self, from: u64, body: &[u8]) -> Answer {
        self.exchange(from, body).unwrap_or_else(|error| Trouble::Unreachable(error.to_string()).into())
    }

    fn exchange(&self, from: u64, body: &[u8]) -> Result<Answer, ureq::Error> {
        let response = self
            .agent
            .post(format!("{}{from}", self.url))
            .header("Authorization", self.authorization.clone())
            .header("Content-Type", "application/x-ndjson")
            .header("Content-Encoding", "gzip")
            .header("Schoolgate-Ledger", &self.ledger)
            .send(body)?;
        let (head, body) = response.into_parts();
        let mut text = Vec::new();
        body.into_reader().take(ANSWER_BYTES).read_to_end(&mut text)?;
        let retry_after = head.headers.get("retry-after").and_then(|value| value.to_str().ok());
        Ok(interpret(head.status.as_u16(), retry_after, &text))
    }
}

fn agent(options: &SyncOptions) -> Result<Agent, StartError> {
    let roots = match &options.ca_file {
        Some(path) => RootCerts::Specific(Arc::new(read_authorities(path)?)),
        None => RootCerts::WebPki,
    };
    let timing = &options.timing;
    let config = Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .http_status_as_error(false)
        // The token goes to the configured address and nowhere else.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("schoolgate/", env!("CARGO_PKG_VERSION")))
        .timeout_global(Some(timing.request))
        .timeout_resolve(Some(timing.connect))
        .timeout_connect(Some(timing.connect))
        .input_buffer_size(BUFFER_BYTES)
        .output_buffer_size(BUFFER_BYTES)
        .max_response_header_size(BUFFER_BYTES)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .max_idle_age(IDLE)
        .build();
    Ok(config.new_agent())
}

fn check_url(url: &str) -> Result<(), StartError> {
    let url_error = |why| StartError::Url { url: url.to_owned(), why };
    let uri: Uri = url.parse().map_err(|_| url_error("it is not a URL"))?;
    let host = uri.host().unwrap_or_default();
    if host.is_empty() || uri.query().is_some() {
        return Err(url_error("https://host or https://host:port, perhaps with a path, would do"));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(url_error("it must not carry a name or password"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(host) => Ok(()),
        _ => Err(url_error("https is needed; http would do for a loopback address only")),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn is_gateway_id(id: &str) -> bool {
    let starts_well = id.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    starts_well && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn authorization(token: &str) -> Result<HeaderValue, StartError> {
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(StartError::Token);
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| StartError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate<'static>>, StartError> {
    let ca_error = |why: String| StartError::ParseCaFile { path: path.to_owned(), why };
    let pem = fs::read(path).map_err(|source| StartError::ReadCaFile { path: path.to_owned(), source })?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| ca_error(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(ca_error("it has no certificate; PEM with at least one would do".to_owned()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Token;

    fn options(url: &str) -> SyncOptions {
        SyncOptions {
            url: url.to_owned(),
            gateway: "east-gate".to_owned(),
            token: Token::new("t0ken-of-a-test"),
            ledger: [7; 16],
            ca_file: None,
            timing: Default::default(),
            batch: Default::default(),
        }
    }

    #[test]
    fn the_token_goes_over_https_or_not_beyond_this_machine() {
        for good in
            ["https://platform.example", "https://p.example:8443/base/", "http://127.0.0.1:80", "http://[::1]:9"]
        {
            assert!(Post::new(&options(good)).is_ok(), "{good}");
        }
        for bad in [
            "http://platform.example",
            "ftp://p.example",
            "platform.example",
            "https://a:b@p.example",
            "https://p.example?x=1",
            "",
        ] {
            assert!(matches!(Post::new(&options(bad)), Err(StartError::Url { .. })), "{bad}");
        }
    }

    #[test]
    fn the_token_does_not_print() {
        let options = options("https://platform.example");
        let shown = format!("{options:?} {:?}", authorization("t0ken-of-a-test").unwrap());
        assert!(!shown.contains("t0ken"), "{shown}");
    }

    #[test]
    fn ids_and_tokens_that_would_change_the_request_are_refused() {
        for bad in ["", "../x", "a/b", "a?b", "学校", ".hidden"] {
            let options = SyncOptions { gateway: bad.to_owned(), ..options("https://p.example") };
            assert!(matches!(Post::new(&options), Err(StartError::GatewayId(_))), "{bad}");
        }
        for bad in ["", "two words", "line\r\nbreak"] {
            let options = SyncOptions { token: Token::new(bad), ..options("https://p.example") };
            assert!(matches!(Post::new(&options), Err(StartError::Token)), "{bad:?}");
        }
    }

    #[test]
    fn an_authorities_file_must_be_there_and_have_a_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let with_file = SyncOptions { ca_file: Some(path.clone()), ..options("https://p.example") };
        assert!(matches!(Post::new(&with_file), Err(StartError::ReadCaFile { .. })));
        fs::write(&path, "not a certificate").unwrap();
        assert!(matches!(Post::new(&with_file), Err(StartError::ParseCaFile { .. })));
    }
}
