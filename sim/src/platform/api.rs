//! The document's paths.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use serde_json::json;

use super::batch::{self, MAX_SEQ};
use super::problem::Problem;
use super::{Mood, OPENAPI, Shared, unhex};

/// A body is read this far past its limit, so that the answer reaches a client that is still sending.
const OVERREAD: usize = 8 << 20;

type Answer = Result<Response, Problem>;
type GatewayPath = Result<Path<String>, PathRejection>;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "up" })) }))
        .route("/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], OPENAPI) }))
        .route("/v1/gateways/{id}", get(gateway))
        .route("/v1/gateways/{id}/entries", post(entries))
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(from_fn_with_state(Arc::clone(&shared), in_this_mood))
        .with_state(shared)
}

async fn in_this_mood(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    match shared.mood() {
        Mood::Failing(retry_after_seconds) => {
            return Problem::unavailable(retry_after_seconds).into_response();
        }
        Mood::Slow(delay) => tokio::time::sleep(delay).await,
        Mood::Up | Mood::Down | Mood::Mute => {}
    }
    next.run(request).await
}

async fn gateway(State(shared): State<Arc<Shared>>, path: GatewayPath, headers: HeaderMap) -> Answer {
    let id = authorized(&shared, path, &headers)?;
    let ledger = shared.ledger(&id).ok_or_else(Problem::forbidden)?;
    let chain = ledger.lines().last().map(|line| HEXLOWER.encode(&line.chain));
    let state = json!({
        "ledger": ledger.id().map(|id| HEXLOWER.encode(&id)),
        "acknowledged": ledger.acknowledged(),
        "chain": chain,
        "checkpoint": ledger.checkpoint().map(|seen| json!({
            "seq": seen.seq, "size": seen.size, "root": HEXLOWER.encode(&seen.root),
        })),
    });
    Ok(Json(state).into_response())
}

async fn entries(
    State(shared): State<Arc<Shared>>,
    path: GatewayPath,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let id = authorized(&shared, path, &headers)?;
    check_media_type(&headers)?;
    let from = from_of(query.as_deref().unwrap_or_default())?;
    let ledger = ledger_of(&headers)?;
    let body = read_body(body, &shared).await?;
    // Hashing and writing are work for a thread that may block.
    let stored = tokio::task::spawn_blocking(move || store(&shared, &id, ledger, from, &body)).await;
    let acknowledged = stored.map_err(|_| Problem::unavailable(1))??;
    Ok(Json(json!({ "acknowledged": acknowledged })).into_response())
}

fn store(shared: &Shared, gateway: &str, ledger_id: [u8; 16], from: u64, body: &Bytes) -> Result<u64, Problem> {
    let lines = batch::parse(body, from, &shared.limits).map_err(|fault| Problem::from_fault(fault, &shared.limits))?;
    let mut ledger = shared.ledger(gateway).ok_or_else(Problem::forbidden)?;
    let before = ledger.acknowledged();
    let acknowledged = ledger.take(ledger_id, lines).map_err(Problem::from_refusal)?;
    drop(ledger);
    shared.stored.send_modify(|stored| *stored += acknowledged - before);
    Ok(acknowledged)
}

fn authorized(shared: &Shared, path: GatewayPath, headers: &HeaderMap) -> Result<String, Problem> {
    let Path(id) = path.map_err(|_| Problem::not_found())?;
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let gateway = token.and_then(|token| shared.gateway_of(token)).ok_or_else(Problem::unauthorized)?;
    if gateway == id { Ok(id) } else { Err(Problem::forbidden()) }
}

/// The token of an `Authorization` header; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-ndjson") {
        return Err(Problem::unsupported_media_type("Content-Type is not application/x-ndjson"));
    }
    if !text(header::CONTENT_ENCODING).trim().eq_ignore_ascii_case("gzip") {
        return Err(Problem::unsupported_media_type("Content-Encoding is not gzip"));
    }
    Ok(())
}

fn from_of(query: &str) -> Result<u64, Problem> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("from="));
    let from = match (values.next(), values.next()) {
        (Some(value), None) => value.parse().ok().filter(|from| (1..=MAX_SEQ).contains(from)),
        _ => None,
    };
    from.ok_or_else(|| Problem::bad_request("from", "give the first entry's number once, as ?from=1 or more"))
}

fn ledger_of(headers: &HeaderMap) -> Result<[u8; 16], Problem> {
    let text = headers.get("schoolgate-ledger").and_then(|value| value.to_str().ok());
    text.and_then(unhex)
        .ok_or_else(|| Problem::bad_request("Schoolgate-Ledger", "give the ledger's id as 32 lower-case hex digits"))
}

async fn read_body(body: Body, shared: &Shared) -> Result<Bytes, Problem> {
    let limit = shared.limits.compressed_bytes;
    let too_large = || Problem::too_large(&shared.limits, format!("it is over {limit} bytes as sent"));
    let body = to_bytes(body, limit.saturating_add(OVERREAD)).await.map_err(|_| too_large())?;
    if body.len() > limit { Err(too_large()) } else { Ok(body) }
}
