//! A school in which every tap is an arrival that one guardian is told of, and ten lanes to arrive through.

use schoolgate_core::{
    credential::CredentialStatus,
    id::{GatewayId, GuardianId, GuardianToken, PlaceId, ReaderId, SchoolId},
    site::PlaceRole,
    text::Bilingual,
};
use schoolgate_sim::{
    campus::{Campus, Reader, Spot},
    school::{Family, Guardian, School},
    virtual_reader::CardNumber,
};

const GATES: usize = 5;
const LANES_PER_GATE: usize = 2;
const SEED: u64 = 1;

/// The card of a student: their number.
pub fn card(student: usize) -> CardNumber {
    numbered_card(1, student)
}

fn numbered_card(kind: u8, n: usize) -> CardNumber {
    let [a, b, c, d] = u32::try_from(n).unwrap().to_be_bytes();
    [kind, a, b, c, d]
}

/// Every card works; every student has one guardian, whose token is the student's number, or nobody at home to be told.
pub fn school(students: usize, with_guardians: bool) -> School {
    let mut school = School::generate(SEED, students);
    for (n, student) in school.students.iter_mut().enumerate() {
        student.card = card(n);
        student.card_status = CredentialStatus::Active;
    }
    school.families = (0..students).map(|student| family(student, with_guardians)).collect();
    school
}

fn family(student: usize, has_guardian: bool) -> Family {
    let guardian = || Guardian {
        id: GuardianId::try_new(&format!("G{student:05}")).unwrap(),
        name: format!("家长{student}"),
        token: GuardianToken::try_new(&format!("{student:032x}")).unwrap(),
        relation: Bilingual { zh: "妈妈".into(), en: "mother".into() },
        card: numbered_card(2, student),
        card_status: CredentialStatus::Active,
        restricted: false,
    };
    Family { students: vec![student], guardians: has_guardian.then(guardian).into_iter().collect(), walks_home: None }
}

/// Five gates with two lanes each.
pub fn campus(school: &str) -> Campus {
    let place = |gate: usize| PlaceId::try_new(&format!("gate-{gate}")).unwrap();
    let spot = |gate| Spot {
        id: place(gate),
        role: PlaceRole::Gate,
        name: Bilingual { zh: format!("{gate}号门"), en: format!("Gate {gate}") },
    };
    let lane = |n: usize| Reader {
        id: ReaderId::try_new(&format!("lane-{n}")).unwrap(),
        place: place(n / LANES_PER_GATE),
        role: PlaceRole::Gate,
    };
    Campus {
        school: SchoolId::try_new(school).unwrap(),
        gateway: GatewayId::try_new("gate-1").unwrap(),
        spots: (0..GATES).map(spot).collect(),
        readers: (0..GATES * LANES_PER_GATE).map(lane).collect(),
    }
}
