//! What can be declared of a field and of a section. From the declarations in [`super::table`] come the parser, its
//! messages and the printed template, so that none of them can say something else than the others.

use schoolgate_core::text::Lang;

/// How often a section may stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occurs {
    /// `[name]`, always.
    Once,
    /// `[name]`, or not at all.
    AtMostOnce,
    /// `[[name]]`, any number.
    Repeatedly,
}

/// One section of the file.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) occurs: Occurs,
    pub(super) doc: Doc,
    pub(super) fields: &'static [Field],
}

/// One field of a section.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) need: Need,
    /// A value that would do, as TOML writes it. For a field with a default, the default.
    pub(super) example: &'static str,
    pub(super) doc: Doc,
}

/// An explanation in both languages.
#[derive(Debug)]
pub(super) struct Doc {
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
}

impl Doc {
    pub(super) fn of(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Zh => self.zh,
            Lang::En => self.en,
        }
    }
}

/// Whether a field must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It must be given.
    Required,
    /// It may be left out, or other fields decide; the template gives it.
    Usual,
    /// It may be left out; the template shows it as a comment.
    Optional,
    /// It may be left out, and then has the example's value.
    Default,
}

/// What values a field takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// 1 to 64 of `A-Z a-z 0-9 . _ -`: goes into topics and file names unescaped.
    Id,
    /// A text of 1 to this many characters, without control characters.
    Text(usize),
    /// A file, folder, device or socket.
    Path,
    /// A file that holds a secret: a value given here is never repeated in a message, as it may be the secret itself.
    SecretFile,
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// One of these numbers.
    NumberOf(&'static [u32]),
    /// A whole number from..=to.
    Number(u32, u32),
    /// `true` or `false`.
    Flag,
    /// A host name or an address.
    Host,
    /// The `http` or `https` address of a service.
    Url,
    /// An IANA time zone.
    TimeZone,
    /// A filter of log lines, as `tracing-subscriber` reads it.
    LogFilter,
    /// A moment with its offset from UTC (RFC 3339).
    Moment,
    /// The name of a GPIO line: 1 to 64 printable ASCII characters, as kernels name them (`ID_SDA/GPIO0`).
    Line,
    /// A list of such names.
    Lines,
    /// Lines of a gate's schedule.
    Schedule,
}

pub(super) const fn required(
    name: &'static str,
    kind: Kind,
    example: &'static str,
    zh: &'static str,
    en: &'static str,
) -> Field {
    Field { name, kind, need: Need::Required, example, doc: Doc { zh, en } }
}

pub(super) const fn usual(
    name: &'static str,
    kind: Kind,
    example: &'static str,
    zh: &'static str,
    en: &'static str,
) -> Field {
    Field { name, kind, need: Need::Usual, example, doc: Doc { zh, en } }
}

pub(super) const fn optional(
    name: &'static str,
    kind: Kind,
    example: &'static str,
    zh: &'static str,
    en: &'static str,
) -> Field {
    Field { name, kind, need: Need::Optional, example, doc: Doc { zh, en } }
}

pub(super) const fn default(
    name: &'static str,
    kind: Kind,
    example: &'static str,
    zh: &'static str,
    en: &'static str,
) -> Field {
    Field { name, kind, need: Need::Default, example, doc: Doc { zh, en } }
}
