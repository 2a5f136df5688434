//! GPIO lines of a board, found by name: outputs, debounced inputs, and a guard that leaves outputs safe.
//!
//! ```text
//! level of a pin ─▶ contact (is it active?) ─▶ debounce (pure) ─▶ inputs (all lines, pure) ─▶ whoever watches
//! ```
//!
//! Two backends give levels and take them: [`cdev`], the kernel's character device, on any board, and `pi` (feature
//! `rppal`), the registers of a Raspberry Pi. Neither knows what a line is for, and nothing here decides anything.

pub mod cdev;
mod contact;
mod debounce;
mod error;
pub mod guard;
mod inputs;
mod inventory;
#[cfg(feature = "rppal")]
pub mod pi;
mod watch;

pub use contact::{Contact, Pull};
pub use debounce::{Change, Debounce, UNREST};
pub use error::LineError;
pub use inputs::{GLITCHES_TOLD_EVERY, Inputs, Told, ToldWhat};
pub use inventory::{ChipThere, Inventory, LineThere};
pub use watch::{InputLine, LOOK_EVERY, Watch};
