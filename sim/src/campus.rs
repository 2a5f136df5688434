//! What stands where: a gate with several lanes, and a desk where children are handed to their families.

use schoolgate_core::{
    id::{GatewayId, PlaceId, ReaderId, SchoolId},
    site::{Place, PlaceRole, Site},
    text::Bilingual,
};

use crate::school::made;

/// One gateway's places and readers.
#[derive(Clone, Debug)]
pub struct Campus {
    /// The school's id, one level of the topics.
    pub school: SchoolId,
    /// The gateway's id.
    pub gateway: GatewayId,
    /// The gate and the desk.
    pub spots: Vec<Spot>,
    /// Every reader; acts name one by its index.
    pub readers: Vec<Reader>,
}

/// A place with its lamps.
#[derive(Clone, Debug)]
pub struct Spot {
    /// Its id.
    pub id: PlaceId,
    /// What it is for.
    pub role: PlaceRole,
    /// What people call it.
    pub name: Bilingual,
}

/// One lane's reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Its id.
    pub id: ReaderId,
    /// Where it stands.
    pub place: PlaceId,
    /// What that place is for.
    pub role: PlaceRole,
}

impl Campus {
    /// A campus with lanes enough for so many students: a lane lets some twenty people through in a minute.
    pub fn for_students(students: usize) -> Self {
        let gate = spot("east-gate", PlaceRole::Gate, "东门", "East gate");
        let desk = spot("handover-desk", PlaceRole::HandoverDesk, "交接处", "Handover desk");
        let lanes = [(&gate, (3 + students / 500).min(12)), (&desk, (2 + students / 1_000).min(6))];
        let readers = lanes.iter().flat_map(|(spot, count)| (1..=*count).map(|n| reader(spot, n))).collect();
        Self::of(vec![gate, desk], readers)
    }

    /// A campus of so many gates with one reader and lamps each, so that a lamp tells which reader it answers.
    pub fn of_gates(count: usize) -> Self {
        let gate = |n| spot(&format!("gate-{n}"), PlaceRole::Gate, &format!("{n}号门"), &format!("Gate {n}"));
        let gates: Vec<Spot> = (1..=count).map(gate).collect();
        let readers = gates.iter().map(|gate| reader(gate, 1)).collect();
        Self::of(gates, readers)
    }

    fn of(spots: Vec<Spot>, readers: Vec<Reader>) -> Self {
        Self {
            school: made(SchoolId::try_new("dongfeng-primary")),
            gateway: made(GatewayId::try_new("gate-1")),
            spots,
            readers,
        }
    }

    /// The indexes of the readers at places of this role.
    pub fn lanes(&self, role: PlaceRole) -> impl Iterator<Item = usize> {
        let here = move |(n, reader): (usize, &Reader)| (reader.role == role).then_some(n);
        self.readers.iter().enumerate().filter_map(here)
    }

    /// The place of this role.
    pub fn place(&self, role: PlaceRole) -> Option<&PlaceId> {
        self.spots.iter().find(|spot| spot.role == role).map(|spot| &spot.id)
    }

    /// The same as the core is told it.
    pub fn site(&self) -> Site {
        let place = |spot: &Spot| (spot.id.clone(), Place { role: spot.role, name: spot.name.clone() });
        Site {
            school: Some(self.school.clone()),
            places: self.spots.iter().map(place).collect(),
            readers: self.readers.iter().map(|reader| (reader.id.clone(), reader.place.clone())).collect(),
            ..Site::default()
        }
    }
}

fn reader(spot: &Spot, n: usize) -> Reader {
    Reader { id: made(ReaderId::try_new(&format!("{}-{n}", spot.id))), place: spot.id.clone(), role: spot.role }
}

fn spot(id: &str, role: PlaceRole, zh: &str, en: &str) -> Spot {
    let name = Bilingual { zh: zh.to_owned(), en: en.to_owned() };
    Spot { id: made(PlaceId::try_new(id)), role, name }
}
