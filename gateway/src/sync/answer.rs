//! What the platform's answer means.

use std::time::Duration;

use serde::Deserialize;

use super::plan::Answer;
use super::status::Trouble;

/// So much of a problem's words is kept.
const DETAIL_CHARS: usize = 300;

#[derive(Deserialize)]
struct Acknowledgement {
    acknowledged: u64,
}

/// The members of a problem (RFC 9457) that matter here; all may be missing when something on the way answers.
#[derive(Default, Deserialize)]
struct Problem {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    expected: Option<u64>,
    limits: Option<Limits>,
}

#[derive(Default, Deserialize)]
struct Limits {
    entries: Option<usize>,
    bytes: Option<usize>,
}

/// Reads an answer of the documented form, and makes the best of any other.
pub(super) fn interpret(status: u16, retry_after: Option<&str>, body: &[u8]) -> Answer {
    if status == 200 {
        return match serde_json::from_slice(body) {
            Ok(Acknowledgement { acknowledged }) => Answer::Acknowledged(acknowledged),
            Err(_) => Trouble::Nonsense("it says 200 but acknowledges nothing".to_owned()).into(),
        };
    }
    if status < 300 {
        return Trouble::Nonsense(format!("it says {status}, where 200 is the only success")).into();
    }
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    match (status, problem.code.as_deref(), problem.expected) {
        (409, Some("gap"), Some(expected)) => Answer::Gap { expected },
        (413, ..) => {
            let limits = problem.limits.unwrap_or_default();
            Answer::TooLarge { entries: limits.entries, bytes: limits.bytes }
        }
        (408 | 429 | 500.., ..) => Answer::Failed {
            trouble: Trouble::Busy { status },
            // The other form of Retry-After is a date, which a clock that may be wrong cannot use.
            retry_after: retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs),
        },
        _ => refused(status, problem).into(),
    }
}

fn refused(status: u16, problem: Problem) -> Trouble {
    let words = problem.detail.or(problem.title).unwrap_or_default();
    Trouble::Refused {
        code: problem.code.map_or_else(|| format!("http_{status}"), |code| shortened(&code)),
        detail: shortened(&words),
    }
}

/// Short enough to show, and on one line: it comes from outside.
fn shortened(text: &str) -> String {
    text.chars().take(DETAIL_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_acknowledgement_is_a_200_with_a_number() {
        assert_eq!(interpret(200, None, br#"{"acknowledged":516}"#), Answer::Acknowledged(516));
    }

    #[test]
    fn a_captive_portals_200_acknowledges_nothing() {
        let answer = interpret(200, None, b"<html>please log in</html>");
        assert!(matches!(answer, Answer::Failed { trouble: Trouble::Nonsense(_), .. }), "{answer:?}");
        let answer = interpret(204, None, b"");
        assert!(matches!(answer, Answer::Failed { trouble: Trouble::Nonsense(_), .. }), "{answer:?}");
    }

    #[test]
    fn a_gap_tells_where_to_go_on() {
        let answer = interpret(409, None, br#"{"code":"gap","expected":7,"status":409}"#);
        assert_eq!(answer, Answer::Gap { expected: 7 });
    }

    #[test]
    fn a_refusal_keeps_its_code_and_words() {
        let body = r#"{"code":"ledger_changed","title":"t","detail":"known is\naa"}"#;
        let Answer::Failed { trouble, .. } = interpret(409, None, body.as_bytes()) else { panic!() };
        assert_eq!(trouble.code(), "ledger_changed");
        assert_eq!(trouble.to_string(), "the platform refused: ledger_changed: known is aa");
        assert!(trouble.needs_a_person());
    }

    #[test]
    fn a_refusal_by_something_on_the_way_is_named_by_its_status() {
        let Answer::Failed { trouble, .. } = interpret(302, None, b"Found") else { panic!() };
        assert_eq!(trouble.code(), "http_302");
    }

    #[test]
    fn busy_says_when_to_return() {
        let answer = interpret(503, Some("17"), b"");
        let retry_after = Some(Duration::from_secs(17));
        assert_eq!(answer, Answer::Failed { trouble: Trouble::Busy { status: 503 }, retry_after });
        let answer = interpret(429, Some("Sun, 22 Nov 2026 08:00:00 GMT"), b"");
        assert_eq!(answer, Answer::Failed { trouble: Trouble::Busy { status: 429 }, retry_after: None });
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_and_never_more_than_they_say(
            status in 100_u16..1000,
            retry_after in proptest::option::of(".{0,20}"),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let answer = interpret(status, retry_after.as_deref(), &body);
            prop_assert!(status == 200 || !matches!(answer, Answer::Acknowledged(_)));
        }
    }
}
