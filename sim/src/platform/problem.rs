//! Refusals, as RFC 9457 problem documents with the document's codes.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::AppendHeaders;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use super::batch::{Fault, Limits};
use super::store::Refusal;

/// An answer that is not 200.
pub(super) struct Problem {
    status: StatusCode,
    members: Map<String, Value>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// `Retry-After` when the store itself fails.
const STORAGE_RETRY_SECONDS: u16 = 10;

impl Problem {
    fn new(status: StatusCode, code: &str, title: &str) -> Self {
        let mut members = Map::new();
        members.insert("type".to_owned(), json!("about:blank"));
        members.insert("title".to_owned(), json!(title));
        members.insert("status".to_owned(), json!(status.as_u16()));
        members.insert("code".to_owned(), json!(code));
        Self { status, members, header: None }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(super) fn bad_request(place: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "The request is not of the documented form")
            .with("where", place)
            .with("detail", detail.into())
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "A known bearer token is needed")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "This token is not for this gateway")
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This path has another method")
    }

    pub(super) fn unsupported_media_type(detail: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Entries come as NDJSON in gzip")
            .with("detail", detail)
    }

    pub(super) fn too_large(limits: &Limits, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The batch is over a limit")
            .with("detail", detail.into())
            .with("limits", limits.to_json())
    }

    pub(super) fn unavailable(retry_after_seconds: u16) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now; try again later")
            .header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
    }

    pub(super) fn from_fault(fault: Fault, limits: &Limits) -> Self {
        match fault {
            Fault::Body(why) => Self::bad_request("body", why),
            Fault::TooLarge(why) => Self::too_large(limits, why),
            Fault::Malformed { line, why } => {
                Self::new(StatusCode::BAD_REQUEST, "malformed", "A line is not of the documented form")
                    .with("line", line)
                    .with("detail", why)
            }
        }
    }

    pub(super) fn from_refusal(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let problem = match refusal {
            Refusal::LedgerChanged { known, given } => {
                Self::new(StatusCode::CONFLICT, "ledger_changed", "This gateway had another ledger until now")
                    .with("known", HEXLOWER.encode(&known))
                    .with("given", HEXLOWER.encode(&given))
            }
            Refusal::Gap { expected, .. } => {
                Self::new(StatusCode::CONFLICT, "gap", "Entries are missing before this batch")
                    .with("expected", expected)
            }
            Refusal::Conflict { seq } => {
                Self::new(StatusCode::CONFLICT, "chain_conflict", "A stored entry was sent again with another hash")
                    .with("seq", seq)
            }
            Refusal::Broken { seq } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "chain_broken",
                "An entry does not follow the one before it",
            )
            .with("seq", seq),
            Refusal::Checkpoint { seq, .. } => {
                Self::new(StatusCode::CONFLICT, "checkpoint_conflict", "A signed checkpoint does not fit the ledger")
                    .with("seq", seq)
            }
            Refusal::Storage(error) => {
                tracing::error!(%error, "the reference platform could not store a batch");
                return Self::unavailable(STORAGE_RETRY_SECONDS);
            }
        };
        problem.with("detail", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        (self.status, AppendHeaders(self.header), content_type, Value::Object(self.members).to_string()).into_response()
    }
}
