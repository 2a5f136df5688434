//! The reference platform is held to the OpenAPI document: every answer must be one that the document has for that
//! path, method and status, in body and headers, and every accepted line must fit the document's line.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test binary"
)]

mod support;

use std::time::Duration;

use proptest::prelude::*;
use schoolgate::evidence::{Checkpoint, SigningKey};
use schoolgate::ledger::LedgerId;
use schoolgate_sim::platform::{
    Fault, Limits, Line, Mood, OPENAPI, Options, Platform, Tree, chain_link, genesis, leaf, parse,
};
use serde_json::{Value, json};
use support::{GATEWAY, LEDGER, TOKEN, entry, gzip, lines, ndjson};
use ureq::http::{Response, StatusCode};

/// The document, as a judge.
struct Contract(Value);

impl Contract {
    fn new() -> Self {
        Self(serde_json::from_str(OPENAPI).expect("the document is JSON"))
    }

    /// Follows a `$ref` within the document.
    fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node.get("$ref").and_then(Value::as_str) {
            Some(path) => self.0.pointer(path.trim_start_matches('#')).unwrap_or_else(|| panic!("no {path}")),
            None => node,
        }
    }

    /// Why the instance does not fit the schema.
    fn faults(&self, schema: &Value, instance: &Value) -> Vec<String> {
        // The schema's references point into the document, so it takes the document's components with it.
        let schema = json!({ "allOf": [schema], "components": self.0["components"] });
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a sound schema");
        validator.iter_errors(instance).map(|error| format!("{error} at {}", error.instance_path())).collect()
    }

    fn assert_fits(&self, schema: &Value, instance: &Value) {
        let faults = self.faults(schema, instance);
        assert!(faults.is_empty(), "{instance}: {faults:?}");
    }

    fn line(&self) -> Value {
        json!({ "$ref": "#/components/schemas/Line" })
    }

    /// Judges an answer; `None` as template is a path that the document does not have.
    fn judge(&self, template: Option<&str>, method: &str, response: &Response<String>) -> Value {
        let status = response.status().as_str().to_owned();
        let answer = match template {
            Some(template) => {
                let path = &self.0["paths"][template];
                assert!(path.is_object(), "{template} is not documented");
                // A method that the path does not have is answered as the document says for the ones it has.
                let operation = path.get(method).or(path.get("get")).or(path.get("post")).unwrap();
                let answer = &operation["responses"][&status];
                assert!(!answer.is_null(), "{method} {template}: {status} is not documented: {}", response.body());
                self.resolve(answer)
            }
            None => &self.0["components"]["responses"]["NotFound"],
        };
        self.judge_headers(answer, response);
        self.judge_body(answer, response)
    }

    fn judge_headers(&self, answer: &Value, response: &Response<String>) {
        for (name, header) in answer["headers"].as_object().into_iter().flatten() {
            let header = self.resolve(header);
            let value = response.headers().get(name.to_lowercase()).unwrap_or_else(|| panic!("{name} is missing"));
            self.assert_fits(&header["schema"], &json!(value.to_str().unwrap()));
        }
    }

    fn judge_body(&self, answer: &Value, response: &Response<String>) -> Value {
        let content_type = response.headers()["content-type"].to_str().unwrap();
        let schema = &answer["content"][content_type]["schema"];
        assert!(!schema.is_null(), "{content_type} is not documented");
        let body: Value = serde_json::from_str(response.body()).expect("JSON, as its type says");
        self.assert_fits(schema, &body);
        if content_type == "application/problem+json" {
            assert_eq!(body["status"], response.status().as_u16());
        }
        body
    }
}

/// A request to the platform; judged by the contract when it is sent.
struct Ask {
    method: &'static str,
    template: Option<&'static str>,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Ask {
    fn get(template: &'static str) -> Self {
        let path = template.replace("{id}", GATEWAY);
        let headers = vec![("Authorization", format!("Bearer {TOKEN}"))];
        Self { method: "GET", template: Some(template), path, headers, body: Vec::new() }
    }

    fn post(from: u64, lines: &[Line]) -> Self {
        Self::post_text(from, &ndjson(lines))
    }

    fn post_text(from: u64, text: &[u8]) -> Self {
        let mut ask = Self::get("/v1/gateways/{id}/entries");
        ask.method = "POST";
        ask.path = format!("{}?from={from}", ask.path);
        ask.body = gzip(text);
        ask.with("Content-Type", "application/x-ndjson")
            .with("Content-Encoding", "gzip")
            .with("Schoolgate-Ledger", "8f".repeat(16))
    }

    /// Sets a header; empty takes it away.
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        let value = value.into();
        if !value.is_empty() {
            self.headers.push((name, value));
        }
        self
    }

    fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    async fn of(self, platform: &Platform) -> (StatusCode, Value) {
        let url = format!("{}{}", platform.url(), self.path);
        let (template, method) = (self.template, self.method.to_lowercase());
        let response = tokio::task::spawn_blocking(move || self.send(&url)).await.unwrap();
        (response.status(), Contract::new().judge(template, &method, &response))
    }

    fn send(self, url: &str) -> Response<String> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let mut request = ureq::http::Request::builder().method(self.method).uri(url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let agent = config.new_agent();
        let response = match self.method {
            "GET" | "DELETE" => agent.run(request.body(()).unwrap()),
            _ => agent.run(request.body(self.body).unwrap()),
        };
        response.expect("an answer").map(|mut body| body.read_to_string().unwrap())
    }
}

async fn platform() -> Platform {
    let options = Options::loopback([(GATEWAY, TOKEN), ("west-gate", "token-of-the-other-gate")]);
    Platform::start(options).await.unwrap()
}

async fn assert_problem(platform: &Platform, ask: Ask, status: u16, code: &str) -> Value {
    let (answered, problem) = ask.of(platform).await;
    assert_eq!((answered.as_u16(), problem["code"].as_str().unwrap()), (status, code), "{problem}");
    problem
}

#[test]
fn the_document_is_sound() {
    let contract = Contract::new();
    for (name, schema) in contract.0["components"]["schemas"].as_object().unwrap() {
        contract.faults(schema, &json!(null));
        assert!(schema.is_object(), "{name}");
    }
    let text = OPENAPI;
    for part in text.split("\"$ref\": \"").skip(1) {
        let reference = part.split('"').next().unwrap();
        assert!(contract.0.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
    let limits = &contract.0["paths"]["/v1/gateways/{id}/entries"]["post"]["x-limits"];
    let Limits { entries, bytes, compressed_bytes, line_bytes } = Limits::default();
    let ours = json!({
        "entries": entries, "bytes": bytes, "compressed_bytes": compressed_bytes, "line_bytes": line_bytes,
    });
    assert_eq!(*limits, ours);
}

#[tokio::test]
async fn the_documented_examples_fit_their_schemas() {
    let contract = Contract::new();
    for path in contract.0["paths"].as_object().unwrap().values() {
        for operation in ["get", "post"].iter().filter_map(|method| path.get(method)) {
            for response in operation["responses"].as_object().unwrap().values() {
                for content in contract.resolve(response)["content"].as_object().unwrap().values() {
                    for example in content["examples"].as_object().into_iter().flatten() {
                        contract.assert_fits(&content["schema"], &example.1["value"]);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_batch_is_stored_once_however_often_it_comes() {
    let platform = platform().await;
    let lines = lines(LEDGER, 20, "a");
    let contract = Contract::new();
    for line in ndjson(&lines).split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        contract.assert_fits(&contract.line(), &serde_json::from_slice(line).unwrap());
    }
    let (_, state) = Ask::get("/v1/gateways/{id}").of(&platform).await;
    assert_eq!(state, json!({ "ledger": null, "acknowledged": 0, "chain": null, "checkpoint": null }));

    for (from, through, acknowledged) in [(1, 10, 10), (1, 10, 10), (6, 15, 15), (1, 3, 15), (16, 20, 20)] {
        let (status, body) = Ask::post(from, &lines[from as usize - 1..through]).of(&platform).await;
        assert_eq!((status.as_u16(), body), (200, json!({ "acknowledged": acknowledged })));
    }
    assert_eq!(platform.entries(GATEWAY), lines);
    assert_eq!(platform.counts(GATEWAY).repeats, 10 + 5 + 3);
    let (_, state) = Ask::get("/v1/gateways/{id}").of(&platform).await;
    assert_eq!(state["acknowledged"], 20);
    assert_eq!(state["ledger"], "8f".repeat(16));
}

#[tokio::test]
async fn a_gap_names_the_entry_expected() {
    let platform = platform().await;
    let lines = lines(LEDGER, 9, "a");
    let problem = assert_problem(&platform, Ask::post(4, &lines[3..]), 409, "gap").await;
    assert_eq!(problem["expected"], 1);
    Ask::post(1, &lines[..2]).of(&platform).await;
    let problem = assert_problem(&platform, Ask::post(4, &lines[3..]), 409, "gap").await;
    assert_eq!(problem["expected"], 3);
    assert_eq!((platform.entries(GATEWAY).len(), platform.counts(GATEWAY).gaps), (2, 2));
}

#[tokio::test]
async fn a_rewritten_ledger_is_noticed_at_its_first_changed_entry() {
    let platform = platform().await;
    let (told, rewritten) = (lines(LEDGER, 9, "a"), lines(LEDGER, 9, "b"));
    Ask::post(1, &told[..6]).of(&platform).await;

    let mixed: Vec<Line> = told[..4].iter().chain(&rewritten[4..8]).cloned().collect();
    let problem = assert_problem(&platform, Ask::post(1, &mixed), 409, "chain_conflict").await;
    assert_eq!(problem["seq"], 5);
    let problem = assert_problem(&platform, Ask::post(7, &rewritten[6..]), 422, "chain_broken").await;
    assert_eq!(problem["seq"], 7);
    let mut forged = told.clone();
    forged[7].entry = entry(8, "forged").into();
    let problem = assert_problem(&platform, Ask::post(5, &forged[4..]), 422, "chain_broken").await;
    assert_eq!(problem["seq"], 8);
    assert_eq!(platform.entries(GATEWAY), told[..6], "nothing of a refused batch is stored");
}

/// A ledger as a gateway with this signing key writes it: news by its word, and a checkpoint as every `every`th entry.
fn signed_lines(count: u64, every: u64, word: impl Fn(u64) -> &'static str, key: &SigningKey) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let (mut tree, mut hash) = (Tree::default(), genesis(&LEDGER));
    for seq in 1..=count {
        let mut text = entry(seq, word(seq));
        if seq % every == 0 {
            let checkpoint = Checkpoint { ledger: LedgerId(LEDGER), size: seq - 1, root: tree.root() }.sign(key);
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let (root, public, signature) = (hex(&tree.root()), checkpoint.key, hex(&checkpoint.signature));
            let what = format!(
                r#""what":{{"checkpoint":{{"size":{},"root":"{root}","key":"{public}","signature":"{signature}"}}}}}}"#,
                seq - 1,
            );
            text = text.split_once(r#""what""#).unwrap().0.to_owned() + &what;
        }
        let leaf = leaf(&[seq as u8; 16], text.as_bytes());
        (hash, _) = (chain_link(&hash, &leaf), tree.push(leaf));
        lines.push(Line { seq, chain: hash, salt: [seq as u8; 16], entry: text.into() });
    }
    lines
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32]).unwrap()
}

#[tokio::test]
async fn the_last_checkpoint_is_kept_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { folder: Some(folder.path().to_owned()), ..Options::loopback([(GATEWAY, TOKEN)]) };
    let lines = signed_lines(25, 10, |_| "a", &signing_key(1));
    let platform = Platform::start(options()).await.unwrap();
    for (from, through) in [(1, 7), (8, 15), (11, 25)] {
        assert_eq!(Ask::post(from, &lines[from as usize - 1..through]).of(&platform).await.0, StatusCode::OK);
    }
    platform.shutdown().await;
    let platform = Platform::start(options()).await.unwrap();
    let seen = platform.checkpoint(GATEWAY).unwrap();
    assert_eq!((seen.seq, seen.size), (20, 19));
    let (_, state) = Ask::get("/v1/gateways/{id}").of(&platform).await;
    assert_eq!((&state["checkpoint"]["seq"], &state["checkpoint"]["size"]), (&json!(20), &json!(19)));
}

#[tokio::test]
async fn a_gateway_put_back_to_an_older_copy_is_noticed_and_both_histories_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { folder: Some(folder.path().to_owned()), ..Options::loopback([(GATEWAY, TOKEN)]) };
    let key = signing_key(1);
    let told = signed_lines(30, 10, |_| "a", &key);
    // Its disk was put back to what it was at entry 14, and it went on from there, with the same key.
    let restored = signed_lines(30, 10, |seq| if seq <= 14 { "a" } else { "b" }, &key);
    assert_eq!(told[..14], restored[..14]);
    let platform = Platform::start(options()).await.unwrap();
    Ask::post(1, &told[..25]).of(&platform).await;
    for _ in 0..3 {
        let problem = assert_problem(&platform, Ask::post(12, &restored[11..22]), 409, "chain_conflict").await;
        assert_eq!(problem["seq"], 15);
    }
    assert_eq!(platform.entries(GATEWAY), told[..25]);
    assert_eq!(platform.disputed(GATEWAY), restored[14..22], "the other history, once");
    assert_eq!(platform.checkpoint(GATEWAY).unwrap().seq, 20);
    let beside = std::fs::read(folder.path().join(format!("{GATEWAY}.disputed.ndjson"))).unwrap();
    assert_eq!(beside, ndjson(&restored[14..22]));
}

/// The chain fits, since it is computed anew with every rewriting; the checkpoint does not.
#[tokio::test]
async fn a_checkpoint_that_does_not_fit_is_refused_by_name() {
    let key = signing_key(1);
    let forged = |change: fn(&str) -> String| {
        let mut lines = signed_lines(10, 10, |_| "a", &key);
        lines[9].entry = change(std::str::from_utf8(&lines[9].entry).unwrap()).into();
        lines[9].chain = chain_link(&lines[8].chain, &leaf(&lines[9].salt, &lines[9].entry));
        lines
    };
    let other_tree = signed_lines(10, 10, |_| "b", &key)[9].clone();
    let mut transplanted = signed_lines(10, 10, |_| "a", &key);
    transplanted[9].entry = other_tree.entry;
    transplanted[9].chain = chain_link(&transplanted[8].chain, &leaf(&transplanted[9].salt, &transplanted[9].entry));
    for (lines, why) in [
        (forged(|text| text.replace("\"size\":9", "\"size\":8")), "signature"),
        (forged(|text| text.replace("\"size\":9", "\"size\":10")), "covers itself"),
        (forged(|text| text.replace("\"root\":\"", "\"root\":\"0")), "form"),
        (transplanted, "another root"),
    ] {
        let platform = platform().await;
        let problem = assert_problem(&platform, Ask::post(1, &lines), 409, "checkpoint_conflict").await;
        assert_eq!(problem["seq"], 10);
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
        assert!(platform.entries(GATEWAY).is_empty());
        assert_eq!(platform.disputed(GATEWAY), lines);
    }
}

#[tokio::test]
async fn a_new_key_waits_for_a_person() {
    let platform = platform().await;
    let (old, new) = (signed_lines(30, 10, |_| "a", &signing_key(1)), signed_lines(10, 10, |_| "a", &signing_key(2)));
    Ask::post(1, &old[..9]).of(&platform).await;
    assert_eq!(old[..9], new[..9]);
    Ask::post(10, &old[9..12]).of(&platform).await;
    let mut renewed = old[..12].to_vec();
    let tree = renewed.iter().fold(Tree::default(), |mut tree, line| {
        tree.push(leaf(&line.salt, &line.entry));
        tree
    });
    let signed = Checkpoint { ledger: LedgerId(LEDGER), size: 12, root: tree.root() }.sign(&signing_key(2));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (root, signature) = (hex(&tree.root()), hex(&signed.signature));
    let text = entry(13, "a").split_once(r#""what""#).unwrap().0.to_owned()
        + &format!(
            r#""what":{{"checkpoint":{{"size":12,"root":"{root}","key":"{}","signature":"{signature}"}}}}}}"#,
            signed.key
        );
    let chain = chain_link(&renewed[11].chain, &leaf(&[1; 16], text.as_bytes()));
    renewed.push(Line { seq: 13, chain, salt: [1; 16], entry: text.into() });
    let problem = assert_problem(&platform, Ask::post(13, &renewed[12..]), 409, "checkpoint_conflict").await;
    assert!(problem["detail"].as_str().unwrap().contains("another key"), "{problem}");
    platform.accept_new_key(GATEWAY);
    assert_eq!(Ask::post(13, &renewed[12..]).of(&platform).await.1, json!({ "acknowledged": 13 }));
}

#[tokio::test]
async fn another_ledger_waits_for_a_person() {
    let platform = platform().await;
    Ask::post(1, &lines(LEDGER, 3, "a")).of(&platform).await;
    let replaced = || Ask::post(1, &lines([7; 16], 2, "a")).with("Schoolgate-Ledger", "07".repeat(16));
    let problem = assert_problem(&platform, replaced(), 409, "ledger_changed").await;
    assert_eq!((&problem["known"], &problem["given"]), (&json!("8f".repeat(16)), &json!("07".repeat(16))));
    platform.replace_ledger(GATEWAY).unwrap();
    assert_eq!(replaced().of(&platform).await.1, json!({ "acknowledged": 2 }));
}

#[tokio::test]
async fn strangers_and_neighbours_are_refused() {
    let platform = platform().await;
    let batch = || Ask::post(1, &lines(LEDGER, 1, "a"));
    for authorization in ["", "Bearer wrong", "Basic dTpw", "Bearer"] {
        assert_problem(&platform, batch().with("Authorization", authorization), 401, "unauthorized").await;
    }
    let neighbour = "Bearer token-of-the-other-gate";
    assert_problem(&platform, batch().with("Authorization", neighbour), 403, "forbidden").await;
    let look = Ask::get("/v1/gateways/{id}").with("Authorization", neighbour);
    assert_problem(&platform, look, 403, "forbidden").await;
    assert_problem(&platform, batch().path("/v1/gateways/%FF/entries?from=1"), 404, "not_found").await;
    assert!(platform.entries(GATEWAY).is_empty());
}

#[tokio::test]
async fn a_request_of_another_form_is_told_what_would_do() {
    let platform = platform().await;
    let line = lines(LEDGER, 1, "a");
    let batch = || Ask::post(1, &line);
    for query in ["", "?from=0", "?from=x", "?from=1&from=1", "?from=-1", "?from=9007199254740992"] {
        let ask = batch().path(&format!("/v1/gateways/{GATEWAY}/entries{query}"));
        assert_eq!(assert_problem(&platform, ask, 400, "bad_request").await["where"], "from");
    }
    for ledger in ["", "8f", "not hex", &"8F".repeat(16)] {
        let ask = batch().with("Schoolgate-Ledger", ledger);
        assert_eq!(assert_problem(&platform, ask, 400, "bad_request").await["where"], "Schoolgate-Ledger");
    }
    assert_problem(&platform, batch().with("Content-Type", "application/json"), 415, "unsupported_media_type").await;
    assert_problem(&platform, batch().with("Content-Encoding", ""), 415, "unsupported_media_type").await;
    let whole = gzip(&ndjson(&line));
    for body in [Vec::new(), b"plain".to_vec(), whole[..whole.len() - 9].to_vec(), gzip(b""), gzip(b"\n")] {
        assert_eq!(assert_problem(&platform, batch().body(body), 400, "bad_request").await["where"], "body");
    }
    let mut elsewhere = Ask::get("/healthz").path("/v2/gateways");
    elsewhere.template = None;
    assert_problem(&platform, elsewhere, 404, "not_found").await;
    let mut deleting = Ask::get("/v1/gateways/{id}");
    deleting.method = "DELETE";
    assert_problem(&platform, deleting, 405, "method_not_allowed").await;
    assert!(platform.entries(GATEWAY).is_empty());
}

#[tokio::test]
async fn a_malformed_line_is_named_and_the_schema_refuses_it_too() {
    let platform = platform().await;
    let good = String::from_utf8(ndjson(&lines(LEDGER, 3, "a"))).unwrap();
    let (contract, second) = (Contract::new(), good.lines().nth(1).unwrap());
    let what = second.find("\"what\":").unwrap();
    let bad_lines = [
        "[]".to_owned(),
        String::new(),
        "{\"seq\":2}".to_owned(),
        second.replace("\"seq\":2", "\"seq\":0"),
        second.replace("\"seq\":2", "\"seq\":-2"),
        second.replace("\"salt\":\"", "\"salt\":\"0"),
        second.replace("\"chain\":\"", "\"chain\":\"X"),
        second.replace("{\"seq\"", "{\"more\":1,\"seq\""),
        second.replace("\"v\":1", "\"v\":2"),
        second.replace("2026-11-20T16:00:02+08:00", "2026-11-20T16:00:02"),
        second.replace("c0ffee00", "coffee"),
        second.replace("\"mono_ms\":2000", "\"mono_ms\":-1"),
        second.replace("\"synchronised\"", "null"),
        format!("{}\"what\":{{}}}}}}", &second[..what]),
        format!("{}\"what\":{{\"a\":{{}},\"b\":{{}}}}}}}}", &second[..what]),
        format!("{}\"what\":{{\"a\":1}}}}}}", &second[..what]),
        format!("{}\"what\":{{\"NotSnake\":{{}}}}}}}}", &second[..what]),
    ];
    for bad in bad_lines {
        assert_ne!(bad, second, "a change that changed nothing");
        let text = good.replace(second, &bad);
        let problem = assert_problem(&platform, Ask::post_text(1, text.as_bytes()), 400, "malformed").await;
        assert_eq!(problem["line"], 2, "{bad}");
        if let Ok(value) = serde_json::from_str::<Value>(&bad) {
            assert!(!contract.faults(&contract.line(), &value).is_empty(), "the schema takes {bad}");
        }
    }
    let skipped = ndjson(&[lines(LEDGER, 3, "a")[0].clone(), lines(LEDGER, 3, "a")[2].clone()]);
    assert_eq!(assert_problem(&platform, Ask::post_text(1, &skipped), 400, "malformed").await["line"], 2);
    assert!(platform.entries(GATEWAY).is_empty(), "a batch is taken whole or not at all");
}

#[tokio::test]
async fn unknown_kinds_and_properties_are_stored_verbatim() {
    let platform = platform().await;
    let body = r#"{ "v":1,"seq":1,"at":{"wall":"2026-11-20T16:00:02.5Z","boot":"0","mono_ms":0,"clock":{"holdover":{"error_ms":5}},"new":1},"what":{"kind_of_2031":{"x":[1,{"y":null}]}},"extra":"\u6c49" }"#;
    let hash = schoolgate_sim::platform::chain_link(
        &schoolgate_sim::platform::genesis(&LEDGER),
        &schoolgate_sim::platform::leaf(&[3; 16], body.as_bytes()),
    );
    let line = Line { seq: 1, chain: hash, salt: [3; 16], entry: body.into() };
    assert_eq!(Ask::post(1, std::slice::from_ref(&line)).of(&platform).await.1, json!({ "acknowledged": 1 }));
    assert_eq!(platform.entries(GATEWAY), [line]);
}

#[tokio::test]
async fn a_batch_over_a_limit_is_told_the_limits() {
    let limits = Limits { entries: 5, bytes: 3000, compressed_bytes: 1000, line_bytes: 600 };
    let options = Options { limits, ..Options::loopback([(GATEWAY, TOKEN)]) };
    let platform = Platform::start(options).await.unwrap();
    let many = Ask::post(1, &lines(LEDGER, 6, "a"));
    let long = Ask::post_text(1, &vec![b' '; 700]);
    let swollen = Ask::post_text(1, &vec![b' '; 1 << 20]);
    let heavy = Ask::post(1, &[]).body(vec![0; 1001]);
    for ask in [many, long, swollen, heavy] {
        let problem = assert_problem(&platform, ask, 413, "too_large").await;
        assert_eq!(problem["limits"]["entries"], 5);
    }
}

#[tokio::test]
async fn a_failing_platform_says_when_to_return_and_stores_nothing() {
    let platform = platform().await;
    platform.set_state(Mood::Failing(7));
    let paths = ["/healthz", "/openapi.json", "/v1/gateways/{id}"];
    for ask in paths.map(Ask::get).into_iter().chain([Ask::post(1, &lines(LEDGER, 1, "a"))]) {
        assert_problem(&platform, ask, 503, "unavailable").await;
    }
    assert!(platform.entries(GATEWAY).is_empty());
    platform.set_state(Mood::Slow(Duration::from_millis(5)));
    assert_eq!(Ask::get("/healthz").of(&platform).await.1, json!({ "status": "up" }));
    assert_eq!(Ask::get("/openapi.json").of(&platform).await.1, Contract::new().0);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart_and_a_torn_line_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { folder: Some(folder.path().to_owned()), ..Options::loopback([(GATEWAY, TOKEN)]) };
    let lines = lines(LEDGER, 8, "a");
    let platform = Platform::start(options()).await.unwrap();
    Ask::post(1, &lines[..3]).of(&platform).await;
    Ask::post(4, &lines[3..5]).of(&platform).await;
    platform.shutdown().await;

    let file = folder.path().join(format!("{GATEWAY}.ndjson"));
    let mut text = std::fs::read(&file).unwrap();
    text.extend_from_slice(&ndjson(&lines[5..6])[..100]);
    std::fs::write(&file, text).unwrap();
    let platform = Platform::start(options()).await.unwrap();
    assert_eq!(platform.entries(GATEWAY), lines[..5]);
    assert_eq!(Ask::post(5, &lines[4..]).of(&platform).await.1, json!({ "acknowledged": 8 }));
    platform.shutdown().await;

    let text = std::fs::read_to_string(&file).unwrap().replacen("东门", "西门", 1);
    std::fs::write(&file, text).unwrap();
    assert!(Platform::start(options()).await.is_err(), "a file that was changed is not taken up");
}

proptest! {
    #[test]
    fn any_bytes_are_lines_or_a_fault(body in proptest::collection::vec(any::<u8>(), 0..300), zipped: bool) {
        let body = if zipped { gzip(&body) } else { body };
        let _ = parse(&body, 1, &Limits::default());
    }

    #[test]
    fn a_damaged_batch_is_taken_whole_or_not_at_all(
        count in 1_u64..6, at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(),
        cuts: bool,
    ) {
        let mut text = ndjson(&lines(LEDGER, count, "a"));
        let at = at.index(text.len());
        text[at] = byte;
        if cuts {
            text.truncate(cut.index(text.len()));
        }
        match parse(&gzip(&text), 1, &Limits::default()) {
            // What is taken is as many entries as there are lines, each within the schema and each verbatim.
            Ok(taken) => {
                let wanted: Vec<&[u8]> = text.strip_suffix(b"\n").unwrap_or(&text).split(|byte| *byte == b'\n').collect();
                prop_assert_eq!(taken.len(), wanted.len());
                let contract = Contract::new();
                for (line, text) in taken.iter().zip(wanted) {
                    let value: Value = serde_json::from_slice(text).expect("accepted, so JSON");
                    contract.assert_fits(&contract.line(), &value);
                    let verbatim = text.windows(line.entry.len()).any(|window| window == line.entry);
                    prop_assert!(verbatim);
                }
            }
            Err(Fault::Malformed { line, .. }) => prop_assert!(line as u64 <= count + 1),
            Err(Fault::Body(_) | Fault::TooLarge(_)) => {}
        }
    }
}
