//! One person for each post at each moment.

use alloc::vec::Vec;

use super::{Check, people::People};
use crate::roster::RotaLine;

/// So many lines of one post are on duty at once, at most, before the rest are not compared any more: as many are a fault
/// already, or the same person again and again.
const MAX_AT_ONCE: usize = 64;

impl Check {
    pub(super) fn rota(&mut self, rota: &[RotaLine], people: &People<'_>) {
        for (n, line) in rota.iter().enumerate() {
            self.hours(format_args!("rota[{n}].hours"), line.hours);
            self.known(format_args!("rota[{n}].staff"), &line.staff, "staff", &people.staff);
            if let Some(other) = &line.instead_of {
                self.known(format_args!("rota[{n}].instead_of"), other, "staff", &people.staff);
                if *other == line.staff {
                    self.tell(format_args!("rota[{n}].instead_of"), |lang| {
                        crate::text!(lang, zh: "与 staff 相同；应为被代班的人", en: "is the same as staff; whom they stand in for would do")
                    });
                }
            }
        }
        self.one_at_a_time(rota);
    }

    fn one_at_a_time(&mut self, rota: &[RotaLine]) {
        let mut lines: Vec<(usize, &RotaLine)> = rota.iter().enumerate().collect();
        lines.sort_by_key(|(_, line)| (line.post, line.day, line.hours));
        for (place, (n, line)) in lines.iter().enumerate() {
            let later = lines.iter().skip(place + 1).take(MAX_AT_ONCE);
            let together = |other: &RotaLine| {
                (other.post, other.day) == (line.post, line.day) && other.hours.from < line.hours.until
            };
            for (m, other) in later.take_while(|(_, other)| together(other)) {
                let stands_in = |one: &RotaLine, two: &RotaLine| one.instead_of.as_ref() == Some(&two.staff);
                if line.staff == other.staff || stands_in(line, other) || stands_in(other, line) {
                    continue;
                }
                let (first, second) = (n.min(m), n.max(m));
                self.tell(format_args!("rota[{second}]"), |lang| {
                    crate::text!(lang, zh: "与 rota[{first}] 同岗同时；应错开，或用 instead_of 写明代谁", en: "has the same post at the same time as rota[{first}]; other hours, or instead_of whom, would do")
                });
            }
        }
    }
}
