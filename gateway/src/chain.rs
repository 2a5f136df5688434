//! An error with all its causes, in one line: for the log and for whoever started the program.

use std::error::Error;

/// The error's text and its causes' texts, with colons between.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let next = source.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the ledger can't be opened")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_cause_is_told() {
        let error = Outer(std::io::Error::other("no space left"));
        assert_eq!(chain(&error), "the ledger can't be opened: no space left");
    }
}
