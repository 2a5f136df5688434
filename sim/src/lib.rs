//! A school without hardware: what stands in for readers, gate lines, people, networks and the district's platform, so
//! that the unmodified gateway can be played an afternoon.
//!
//! Nothing here may be needed by the gateway, and nothing here may reach into it: it is a process behind serial ports,
//! a socket for its lines, a broker and a platform.

pub mod afternoon;
pub mod board;
pub mod broker;
pub mod campus;
pub mod demo;
pub mod gateway_process;
pub mod inbox;
pub mod ledger_check;
pub mod mosquitto;
mod names;
pub mod network;
pub mod observer;
pub mod page;
pub mod picture;
mod plan;
pub mod platform;
pub mod player;
#[cfg(test)]
mod rehearsal;
pub mod scene;
pub mod school;
mod stage;
pub mod verdict;
pub mod virtual_lines;
pub mod virtual_osdp;
pub mod virtual_pn532;
pub mod virtual_reader;
pub mod watcher;
