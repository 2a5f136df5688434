//! The kernel's character device on an emulated board, with real edges: a QEMU machine with a PL061 GPIO chip boots
//! Debian's arm64 kernel, and `try-lines` is its only program. The test holds the wires.
//!
//! Needs the folder that `tests/board/fetch` makes, named by `SCHOOLGATE_BOARD`; without it, it is said and skipped
//! (`tests/run` counts that).
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, clippy::expect_used)]

#[path = "board/initramfs.rs"]
mod initramfs;
#[path = "board/machine.rs"]
mod machine;
#[path = "board/tree.rs"]
mod tree;

use machine::Machine;

/// The lines' names, by offset, as a board's device tree gives them.
const NAMES: [&str; 8] = ["", "", "", "", "DOOR", "EXIT", "RELAY", "LAMP"];
const DOOR: u32 = 4;
const EXIT: u32 = 5;
const RELAY: u32 = 6;
const LAMP: u32 = 7;

/// Far from nothing and from the 400 ms after which it would be believed.
const GLITCH: std::time::Duration = std::time::Duration::from_millis(40);

#[test]
fn lines_of_a_real_kernel() {
    let Some(mut board) = Machine::boot(&NAMES) else { return };
    what_is_there_is_listed(&mut board);
    outputs_are_driven(&mut board);
    edges_are_told_with_the_kernels_times(&mut board);
    an_edge_right_after_the_request_is_not_lost(&mut board);
    a_glitch_is_counted_and_not_told(&mut board);
    a_line_that_is_in_use_is_refused(&mut board);
    a_killed_process_leaves_the_gate_open_by_its_guard(&mut board);
}

fn what_is_there_is_listed(board: &mut Machine) {
    let list = board.ask("list", "Inventory");
    assert!(list.contains("9030000.pl061") && list.contains("\"RELAY\""), "{list}");
    assert_eq!(board.ask("out GPIO17 1", "error"), "error: no line is called GPIO17");
    assert_eq!(board.ask("out gpiochip0:8 1", "error"), "error: no line is called gpiochip0:8");
}

fn outputs_are_driven(board: &mut Machine) {
    board.ask("out RELAY 1", "ok out");
    assert!(board.is_high(RELAY), "from the first moment on");
    board.ask("set RELAY 0", "ok set");
    assert!(!board.is_high(RELAY));
    board.ask("out 9030000.pl061:7 0", "ok out");
    board.ask("set 9030000.pl061:7 1", "ok set");
    assert!(board.is_high(LAMP) && !board.is_high(RELAY));
    board.ask("free 9030000.pl061:7", "ok free");
    board.ask("free RELAY", "ok free");
}

/// A door whose contact is closed to ground while it is shut.
fn edges_are_told_with_the_kernels_times(board: &mut Machine) {
    board.drive(DOOR, false);
    board.ask("in DOOR none NC 20", "told DOOR Seen");
    board.hear("told DOOR Active(false)");
    for open in [true, false, true, false] {
        board.drive(DOOR, open);
        let told = board.hear("told DOOR Active");
        assert!(told.starts_with(&format!("told DOOR Active({open})")), "{told}");
        let us_ago: u64 = told.split_whitespace().nth(3).unwrap().parse().unwrap();
        assert!((20_000..5_000_000).contains(&us_ago), "since the edge, not since it was believed: {told}");
    }
}

fn an_edge_right_after_the_request_is_not_lost(board: &mut Machine) {
    board.drive(EXIT, true);
    board.ask("in EXIT none NO 400", "ok in");
    board.drive(EXIT, false);
    board.hear("told EXIT Active(true)");
}

/// Too short to be believed: it is counted, and what is told next is the real release of the button.
fn a_glitch_is_counted_and_not_told(board: &mut Machine) {
    board.drive(EXIT, true);
    std::thread::sleep(GLITCH); // or the chip latches both edges as none
    board.drive(EXIT, false);
    board.hear("told EXIT Glitches(1)");
    board.drive(EXIT, true);
    assert!(board.hear("told EXIT Active").starts_with("told EXIT Active(false)"));
}

fn a_line_that_is_in_use_is_refused(board: &mut Machine) {
    board.ask("out RELAY 0", "ok out");
    assert_eq!(
        board.ask("doomed RELAY 1 -", "killed"),
        "killed after: ready error: line RELAY is in use by schoolgate "
    );
    assert!(!board.is_high(RELAY));
    board.ask("free RELAY", "ok free");
}

/// A gate that is held shut by power: high is locked, low is open.
fn a_killed_process_leaves_the_gate_open_by_its_guard(board: &mut Machine) {
    assert_eq!(board.ask("doomed RELAY 1 0", "killed"), "killed after: ready ok out ok guard ");
    board.until("the guard opens the gate", |board| !board.is_high(RELAY));

    // Without one, this chip leaves the line as it was when the kernel takes it back.
    assert_eq!(board.ask("doomed LAMP 1 -", "killed"), "killed after: ready ok out ");
    assert!(board.is_high(LAMP));
}
