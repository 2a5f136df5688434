//! Memory of a process (proc_pid_status(5)).

use std::fs;

/// In KiB.
#[derive(Clone, Copy)]
pub struct Memory {
    resident: u32,
    anonymous: u32,
}

impl Memory {
    pub fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let kib = |name: &str| -> u32 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        Self { resident: kib("VmRSS:"), anonymous: kib("RssAnon:") }
    }

    pub fn resident_mib(self) -> f64 {
        f64::from(self.resident) / 1024.0
    }

    pub fn anonymous_mib(self) -> f64 {
        f64::from(self.anonymous) / 1024.0
    }
}
