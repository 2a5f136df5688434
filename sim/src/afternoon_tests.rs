use proptest::prelude::*;

use super::*;
use crate::rehearsal::Rehearsal;

const DATE: Date = jiff::civil::date(2026, 9, 1);

fn rehearse(seed: u64, students: usize) -> Result<(Afternoon, Vec<Entry>), String> {
    let (school, campus) = (School::generate(seed, students), Campus::for_students(students));
    let afternoon = Afternoon::script(&school, &campus, DATE, seed);
    let mut rehearsal = Rehearsal::of(&school, &campus, &afternoon);
    for act in &afternoon.acts {
        rehearsal.play(&school, &campus, &afternoon, act)?;
    }
    let became = fates(&rehearsal.entries);
    for (student, due) in &afternoon.fates {
        let found = became.get(student).unwrap_or(&Fate::NeverIn);
        if found != due {
            return Err(format!("{student}: {due:?} was due, {found:?} it is"));
        }
    }
    Ok((afternoon, rehearsal.entries))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_core_does_with_any_afternoon_what_its_script_says(seed: u64, students in 1_usize..400) {
        if let Err(why) = rehearse(seed, students) {
            prop_assert!(false, "{}", why);
        }
    }
}

#[test]
fn an_afternoon_of_5000_has_everything_that_happens_at_a_gate() {
    let (afternoon, entries) = rehearse(1, 5_000).unwrap();

    let outcomes: Vec<&Outcome> = afternoon
        .acts
        .iter()
        .filter_map(|act| match &act.what {
            Deed::Tap { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect();
    let some = |matches: fn(&Outcome) -> bool| outcomes.iter().any(|outcome| matches(outcome));
    assert!(some(|o| *o == Outcome::SameTap));
    assert!(some(|o| *o == Outcome::Waits));
    assert!(some(|o| *o == Outcome::Refused(Reason::Unknown)));
    assert!(some(|o| *o == Outcome::Refused(Reason::Blocked)));
    assert!(some(|o| *o == Outcome::Refused(Reason::Lost)));
    assert!(some(|o| *o == Outcome::Refused(Reason::NotReleased)));
    assert!(some(|o| *o == Outcome::Refused(Reason::Restricted)));
    assert!(some(|o| *o == Outcome::Refused(Reason::NobodyToFetch)));
    assert!(some(|o| matches!(o, Outcome::Refused(Reason::CalledElsewhere(_)))));
    assert!(some(|o| matches!(o, Outcome::Calls(students) if students.len() > 1)), "siblings");
    assert!(afternoon.acts.iter().any(|act| matches!(act.what, Deed::Garble { .. })));
    assert!(afternoon.acts.iter().any(|act| matches!(&act.what, Deed::Tap { rests, .. } if !rests.is_zero())));
    for fate in [Fate::NeverIn, Fate::WentAlone, Fate::StillHere] {
        assert!(afternoon.fates.values().any(|f| *f == fate), "{fate:?}");
    }
    for kind in ["call_ended", "reader_down", "reader_up", "alarm_raised", "alarm_ended"] {
        assert!(entries.iter().any(|entry| entry.what.kind() == kind), "{kind}");
    }
}

#[test]
fn the_same_seed_gives_the_same_afternoon_and_another_seed_another() {
    let (school, campus) = (School::generate(3, 120), Campus::for_students(120));
    let script = |seed| Afternoon::script(&school, &campus, DATE, seed).acts;
    assert_eq!(script(5), script(5));
    assert_ne!(script(5), script(6));
}

#[test]
fn a_card_does_not_come_back_to_a_reader_too_soon() {
    let (school, campus) = (School::generate(4, 3_000), Campus::for_students(3_000));
    let afternoon = Afternoon::script(&school, &campus, DATE, 4);
    let mut last: HashMap<(usize, CardNumber), Duration> = HashMap::new();
    for act in &afternoon.acts {
        let Deed::Tap { reader, card, outcome, .. } = &act.what else { continue };
        let before = last.insert((*reader, *card), act.at);
        if let Some(before) = before.filter(|_| *outcome != Outcome::SameTap) {
            assert!(act.at - before >= SAME_READER_AGAIN, "{act:?} comes {:?} after the tap before", act.at - before);
        }
    }
}

#[test]
fn the_wall_shows_the_schools_own_time() {
    let (school, campus) = (School::generate(1, 1), Campus::for_students(1));
    let afternoon = Afternoon::script(&school, &campus, DATE, 1);
    assert_eq!(afternoon.wall(Duration::from_secs(90)).to_string(), "2026-09-01T16:01:30.000+08:00");
}
