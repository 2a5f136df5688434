//! Text for people, in Chinese and English, by one mechanism.
//!
//! Every sentence that a person reads is written once, in both languages, at the place that says it:
//! [`text!`](crate::text!) takes both, so a missing translation is a compile error and nothing has to be kept in step.

/// A language that schoolgate speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Chinese, simplified.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// Both languages, in the order in which bilingual places show them.
    pub const ALL: [Lang; 2] = [Lang::Zh, Lang::En];
}

/// A name or sentence that comes in both languages, such as a place's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// In Chinese.
    pub zh: alloc::string::String,
    /// In English.
    pub en: alloc::string::String,
}

impl Bilingual {
    /// Says one thing in both languages.
    pub fn say(text: impl Fn(Lang) -> alloc::string::String) -> Self {
        Self { zh: text(Lang::Zh), en: text(Lang::En) }
    }

    /// The text in that language.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }
}

/// Formats one sentence in the language asked for; both languages are given, with inline captures as in `format!`.
///
/// ```
/// use schoolgate_core::text::Lang;
/// let name = "王小明";
/// let say = |lang| schoolgate_core::text!(lang, zh: "{name}已到校", en: "{name} has arrived");
/// assert_eq!(say(Lang::Zh), "王小明已到校");
/// assert_eq!(say(Lang::En), "王小明 has arrived");
/// ```
#[macro_export]
macro_rules! text {
    ($lang:expr, zh: $zh:literal, en: $en:literal $(,)?) => {
        match $lang {
            $crate::text::Lang::Zh => $crate::text::format!($zh),
            $crate::text::Lang::En => $crate::text::format!($en),
        }
    };
}

#[doc(hidden)]
pub use alloc::format;
