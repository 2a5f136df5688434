//! The gateway's commands, run as a person would run them.

use std::process::Stdio;

use schoolgate_sim::gateway_process::binary;
use tokio::process::Command;

use crate::soon;

/// What a command gave.
#[derive(Debug)]
pub struct Output {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

/// Runs `schoolgate` with these arguments to its end.
pub async fn schoolgate<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    let mut command = Command::new(binary().unwrap());
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = soon("the command's end", command.output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
