//! Which GPIO chips and lines this machine has, and which of them is meant by a name.

use std::path::{Path, PathBuf};

use gpiocdev::{Chip, chip};

use super::LineError;

/// Most lines of one chip that are looked at.
const MAX_LINES: u32 = 1_024;

/// The chips that are there, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Every chip that can be opened.
    pub chips: Vec<ChipThere>,
    /// Chips that this process may not open.
    pub denied: Vec<PathBuf>,
}

/// A chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipThere {
    /// Its device, such as `/dev/gpiochip0`.
    pub path: PathBuf,
    /// Its name, such as `gpiochip0`; it may change from one board or kernel to the next.
    pub name: String,
    /// What it is, such as `pinctrl-rp1`.
    pub label: String,
    /// Its lines, by offset.
    pub lines: Vec<LineThere>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineThere {
    /// Its name, such as `GPIO17`; often empty.
    pub name: String,
    /// Who has it, if somebody does.
    pub used_by: Option<String>,
}

/// Where a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) offset: u32,
}

impl Inventory {
    /// What is there now. A machine without GPIO has no chips.
    pub fn look() -> Self {
        let mut inventory = Self::default();
        for path in chip::chips().unwrap_or_default() {
            match look_at(&path) {
                Ok(chip) => inventory.chips.push(chip),
                Err(_) => inventory.denied.push(path),
            }
        }
        inventory
    }

    /// Whether the line of this name is there: `GPIO17`, or `chip:offset` where the chip is named by its device, its name or
    /// its label. A name that several lines have needs the chip.
    pub fn find(&self, name: &str) -> Result<(), LineError> {
        self.locate(name).map(|_| ())
    }

    pub(crate) fn locate(&self, name: &str) -> Result<Found, LineError> {
        let mut found = self.named(name);
        if found.is_empty() {
            found = self.numbered(name);
        }
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(LineError::NotThere { name: name.to_owned(), there: self.clone() }),
            several => {
                let at = several.iter().map(|one| format!("{}:{}", file_name(&one.path), one.offset)).collect();
                Err(LineError::Ambiguous { name: name.to_owned(), at })
            }
        }
    }

    fn named(&self, name: &str) -> Vec<Found> {
        let lines = self.chips.iter().flat_map(|chip| chip.lines.iter().zip(0..).map(move |line| (chip, line)));
        let named = lines.filter(|(_, (line, _))| !name.is_empty() && line.name == name);
        named.map(|(chip, (_, offset))| Found { path: chip.path.clone(), offset }).collect()
    }

    fn numbered(&self, name: &str) -> Vec<Found> {
        let Some((chip_name, offset)) = name.rsplit_once(':') else { return Vec::new() };
        let Ok(offset) = offset.parse::<u32>() else { return Vec::new() };
        let is_meant =
            |chip: &&ChipThere| chip.name == chip_name || chip.label == chip_name || chip.path.as_os_str() == chip_name;
        let has_line = |chip: &&ChipThere| usize::try_from(offset).is_ok_and(|at| at < chip.lines.len());
        let chips = self.chips.iter().filter(is_meant).filter(has_line);
        chips.map(|chip| Found { path: chip.path.clone(), offset }).collect()
    }
}

fn look_at(path: &Path) -> Result<ChipThere, gpiocdev::Error> {
    let chip = Chip::from_path(path)?;
    let about = chip.info()?;
    let mut lines = Vec::new();
    for offset in 0..about.num_lines.min(MAX_LINES) {
        let line = chip.line_info(offset)?;
        lines.push(LineThere { name: line.name, used_by: line.used.then_some(line.consumer) });
    }
    Ok(ChipThere { path: path.to_owned(), name: about.name, label: about.label, lines })
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chip(n: u32, label: &str, names: &[&str]) -> ChipThere {
        let lines = names.iter().map(|name| LineThere { name: (*name).to_owned(), used_by: None }).collect();
        let name = format!("gpiochip{n}");
        ChipThere { path: Path::new("/dev").join(&name), name, label: label.to_owned(), lines }
    }

    fn pi() -> Inventory {
        let chips = vec![
            chip(0, "pinctrl-rp1", &["ID_SDA/GPIO0", "", "GPIO2"]),
            chip(10, "gpio-brcmstb@107d508500", &["", "GPIO2", "RP1_SDA"]),
        ];
        Inventory { chips, denied: Vec::new() }
    }

    fn at(n: u32, offset: u32) -> Found {
        Found { path: format!("/dev/gpiochip{n}").into(), offset }
    }

    #[test]
    fn a_line_is_found_by_its_name_or_by_chip_and_offset() {
        for name in ["RP1_SDA", "gpiochip10:2", "/dev/gpiochip10:2", "gpio-brcmstb@107d508500:2"] {
            assert_eq!(pi().locate(name).unwrap(), at(10, 2), "{name}");
        }
        assert_eq!(pi().locate("ID_SDA/GPIO0").unwrap(), at(0, 0));
        assert_eq!(pi().locate("pinctrl-rp1:1").unwrap(), at(0, 1));
    }

    #[test]
    fn a_line_that_is_not_there_is_refused_with_all_that_is() {
        for name in ["GPIO99", "gpiochip0:3", "gpiochip1:0", "gpiochip0:-1", ":0", "", ":"] {
            let refused = pi().locate(name).unwrap_err();
            let LineError::NotThere { name: asked, there } = refused else { panic!("{refused}") };
            assert_eq!((asked.as_str(), there), (name, pi()));
        }
    }

    #[test]
    fn a_name_of_two_lines_needs_the_chip() {
        let refused = pi().locate("GPIO2").unwrap_err();
        assert_eq!(refused.to_string(), "two lines are called GPIO2: gpiochip0:2, gpiochip10:1");
    }
}
