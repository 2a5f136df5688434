//! Which segments a ledger's folder holds.

use super::format::{HEADER_LEN, LedgerId, MAX_SEQ};
use super::header::{BadHeader, Header};
use super::mark::EndMark;
use super::medium::{Medium, MediumFile};
use std::sync::{Arc, OnceLock};
use std::{io, mem};

/// Name of the segment that is prepared ahead. It keeps this name for the moment between its
/// first group and its renaming, so a reader of the folder looks into it too.
pub(super) const SPARE_NAME: &str = "next.pre";

/// A segment of the ledger.
#[derive(Clone)]
pub(super) struct Segment {
    /// Number of its first record.
    pub first_seq: u64,
    /// Which ledger's.
    ledger: Option<LedgerId>,
    /// What its header says, once it was looked at.
    header: Arc<OnceLock<Option<Arc<Header>>>>,
    /// The file, held open while its name may still change.
    pub file: Option<Arc<dyn MediumFile>>,
    /// Whether it still bears [`SPARE_NAME`].
    pub spare: bool,
}

impl Segment {
    /// A segment with a known header; none if that is damaged.
    pub(super) fn new(first_seq: u64, header: Option<Header>) -> Self {
        let ledger = header.as_ref().map(|header| header.ledger);
        let header = Arc::new(OnceLock::from(header.map(Arc::new)));
        Self { first_seq, ledger, header, file: None, spare: false }
    }

    /// A segment of this ledger whose header is read when it is needed.
    fn unread(first_seq: u64, ledger: LedgerId) -> Self {
        Self { first_seq, ledger: Some(ledger), header: Arc::default(), file: None, spare: false }
    }

    /// What its header says; none if the header is damaged.
    pub(super) fn header(&self, medium: &dyn Medium) -> Option<Arc<Header>> {
        if let Some(header) = self.header.get() {
            return header.clone();
        }
        let (header, _) = read_header(medium, &self.name()).ok()?;
        let is_own = |header: &Header| header.first_seq == self.first_seq && Some(header.ledger) == self.ledger;
        let header = header.filter(is_own).map(Arc::new);
        self.header.get_or_init(|| header).clone()
    }

    /// Name of the segment's file.
    pub(super) fn name(&self) -> String {
        if self.spare { SPARE_NAME.to_owned() } else { segment_name(self.first_seq) }
    }

    /// Whether its header alone tells all that must be known of the records before it: then they
    /// may have been removed on purpose.
    pub(super) fn is_anchored(&self, medium: &dyn Medium) -> bool {
        self.header(medium).is_some_and(|header| header.tree_before.is_some())
    }

    /// Opens the segment for reading.
    pub(super) fn open(&self, medium: &dyn Medium) -> io::Result<Arc<dyn MediumFile>> {
        match &self.file {
            Some(file) => Ok(Arc::clone(file)),
            None => medium.open(&self.name(), false),
        }
    }
}

/// File name of the segment whose first record has that number.
pub(super) fn segment_name(first_seq: u64) -> String {
    format!("{first_seq:020}.seg")
}

fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|seq| well_formed && (1..=MAX_SEQ).contains(seq))
}

/// Why the folder could not be looked through.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The folder's files cannot be listed.
    #[error("cannot list the ledger's folder")]
    List(#[source] io::Error),
    /// A segment cannot be opened or its header cannot be read.
    #[error("cannot read the ledger segment {segment}")]
    Read {
        /// Name of the segment's file.
        segment: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Written by a later version of schoolgate.
    #[error(
        "the ledger segment {segment} has format version {version}; install the schoolgate that wrote it or a later one"
    )]
    Newer {
        /// Name of the segment's file.
        segment: String,
        /// The format version found.
        version: u32,
    },
    /// Two segments belong to different ledgers.
    #[error("the ledger segment {segment} belongs to another ledger; move it out of the folder")]
    Foreign {
        /// Name of the segment's file.
        segment: String,
    },
}

/// Reads the headers of all segments, sorted by their first record's number.
///
/// Runs beside a gateway that is writing: if a file is renamed meanwhile, it looks again. What had the spare's name may have
/// another by the time that it is opened, and a new spare its own.
pub(super) fn read_layout(medium: &dyn Medium) -> Result<Vec<Segment>, LayoutError> {
    const ATTEMPTS: usize = 5;
    let mut names = list(medium)?;
    let mut attempt = 1;
    loop {
        let result = read_named(medium, &names);
        let names_then = mem::replace(&mut names, list(medium)?);
        let may_be_passing = match &result {
            Ok(_) => !firsts(&names_then).eq(firsts(&names)),
            Err(LayoutError::Read { source, .. }) => source.kind() == io::ErrorKind::NotFound,
            Err(_) => false,
        };
        if !may_be_passing || attempt == ATTEMPTS {
            return result;
        }
        attempt += 1;
    }
}

/// Names of the folder's files, sorted.
fn list(medium: &dyn Medium) -> Result<Vec<String>, LayoutError> {
    let mut names = medium.list().map_err(LayoutError::List)?;
    names.sort_unstable();
    Ok(names)
}

/// The first records' numbers of the segments of those names.
fn firsts(names: &[String]) -> impl Iterator<Item = u64> {
    names.iter().filter_map(|name| parse_segment_name(name))
}

/// The segments of a ledger that was closed with this mark, if it still ends with the segment that the mark names. Other
/// headers are read when they are needed: at the first start after a boot, each is a read of the disk.
pub(super) fn layout_as_marked(medium: &dyn Medium, names: &[String], mark: &EndMark) -> Option<Vec<Segment>> {
    let mut segments: Vec<_> = firsts(names).map(|first_seq| Segment::unread(first_seq, mark.ledger)).collect();
    segments.sort_by_key(|segment| segment.first_seq);
    if names.iter().any(|name| name == SPARE_NAME) {
        adopt_spare(medium, &mut segments).ok()?;
    }
    let last = segments.last()?;
    (last.first_seq == mark.first_seq && !last.spare && last.is_anchored(medium)).then_some(segments)
}

fn read_named(medium: &dyn Medium, names: &[String]) -> Result<Vec<Segment>, LayoutError> {
    let mut segments = Vec::new();
    for first_seq in firsts(names) {
        let (header, _) = read_header(medium, &segment_name(first_seq))?;
        // A header that contradicts the file's name is as good as none: the records tell.
        let header = header.filter(|header| header.first_seq == first_seq);
        segments.push(Segment::new(first_seq, header));
    }
    if names.iter().any(|name| name == SPARE_NAME) {
        adopt_spare(medium, &mut segments)?;
    }
    let mut ledgers = segments.iter().filter_map(|segment| Some((segment, segment.ledger?)));
    if let Some((_, first)) = ledgers.next()
        && let Some((other, _)) = ledgers.find(|(_, ledger)| *ledger != first)
    {
        return Err(LayoutError::Foreign { segment: other.name() });
    }
    Ok(segments)
}

/// Adds the spare segment if a group was written to it. A segment of the same first number is
/// one whose first group failed: the spare has it again.
fn adopt_spare(medium: &dyn Medium, segments: &mut Vec<Segment>) -> Result<(), LayoutError> {
    let (Some(header), file) = read_header(medium, SPARE_NAME)? else { return Ok(()) };
    if segments.last().is_some_and(|last| last.first_seq > header.first_seq) {
        return Ok(());
    }
    segments.retain(|segment| segment.first_seq < header.first_seq);
    let first_seq = header.first_seq;
    segments.push(Segment { file: Some(file), spare: true, ..Segment::new(first_seq, Some(header)) });
    Ok(())
}

fn read_header(medium: &dyn Medium, name: &str) -> Result<(Option<Header>, Arc<dyn MediumFile>), LayoutError> {
    let failed = |source| LayoutError::Read { segment: name.to_owned(), source };
    let file = medium.open(name, false).map_err(failed)?;
    let mut block = [0; HEADER_LEN];
    // A block that cannot be read is damaged; the records behind it may be whole.
    let header = match file.read_exact_at(&mut block, 0) {
        Ok(()) => Header::decode(&block),
        Err(_) => Err(BadHeader::Damaged),
    };
    match header {
        Ok(header) => Ok((Some(header), file)),
        Err(BadHeader::Damaged) => Ok((None, file)),
        Err(BadHeader::Newer(version)) => Err(LayoutError::Newer { segment: name.to_owned(), version }),
    }
}
