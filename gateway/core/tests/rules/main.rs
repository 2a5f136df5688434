//! The rules, each told as days at a small school. One program, for to link one for each rule took minutes.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test stops where it fails")]

mod adoption;
mod canteen;
mod card_proofs;
mod clock;
mod closing;
mod confirmations;
mod corrections;
mod custody;
mod day_plan;
mod day_property;
mod gate_doors;
mod gates;
mod gates_and_desks;
mod gates_at_random;
mod handover;
mod leaves;
mod leaving_properties;
mod lessons;
mod musters;
mod notices;
mod pass_codes;
mod passes;
mod patrol;
mod platform;
mod replay;
mod roster_faults;
mod safety;
mod school_day;
mod staff;
mod support;
mod timetables;
mod visitors;
