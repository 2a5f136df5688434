//! From the level of a pin to whether the thing that hangs on it is active.

/// The resistor that holds an input whose contact is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pull {
    /// To the supply: an open contact reads high. The contact connects the pin to ground.
    #[default]
    Up,
    /// To ground: an open contact reads low. The contact connects the pin to 3.3 V.
    Down,
    /// None: there is one outside, or the sensor drives the pin both ways.
    None,
}

/// How a contact is wired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// A closed contact reads low, as one between pin and ground does.
    pub active_low: bool,
    /// At rest the contact is closed; that it opens, or that its wire is cut, is the event.
    pub normally_closed: bool,
}

impl Contact {
    /// Whether this level means the event.
    pub const fn is_active(self, high: bool) -> bool {
        let closed = high != self.active_low;
        closed != self.normally_closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_to_ground_is_active_when_low() {
        let button = Contact { active_low: true, normally_closed: false };
        assert!(button.is_active(false));
        assert!(!button.is_active(true));
    }

    #[test]
    fn a_cut_wire_of_a_normally_closed_contact_is_the_event_whichever_way_it_is_wired() {
        // With the wire cut, the resistor alone decides: up where the contact goes to ground, down where it goes to 3.3 V.
        let to_ground = Contact { active_low: true, normally_closed: true };
        assert!(to_ground.is_active(true));
        let to_supply = Contact { active_low: false, normally_closed: true };
        assert!(to_supply.is_active(false));
    }
}
