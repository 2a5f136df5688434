//! A configuration file to start from, printed from the declarations.

use schoolgate_core::text;
use schoolgate_core::text::Lang;

use super::fields::{Need, Occurs, Section};
use super::table::SECTIONS;

/// Prints a configuration file in which every field stands with its explanation.
///
/// Explanations begin with `# `; fields that may be left out begin with `#` and no space, so that taking the `#` away
/// sets them. The file is valid as it is printed.
pub fn template(lang: Lang) -> String {
    let mut text = text!(
        lang,
        zh: "# schoolgate 网关配置。\n\
             # “# ”之后是说明；“#”之后不空格的是可不写的项，写出的值是缺省值或样例。\n\
             # 改完后检查：schoolgate config check 本文件\n",
        en: "# Configuration of a schoolgate gateway.\n\
             # Behind \"# \" are explanations; behind \"#\" without a space are fields that may be left out, with their\n\
             # default or an example. After a change: schoolgate config check THIS_FILE\n",
    );
    for section in SECTIONS {
        add(section, lang, &mut text);
    }
    text
}

fn add(section: &Section, lang: Lang, text: &mut String) {
    let Section { name, occurs, doc, fields } = section;
    let (off, header) = match occurs {
        Occurs::Once => ("", format!("[{name}]")),
        Occurs::AtMostOnce => ("#", format!("[{name}]")),
        Occurs::Repeatedly => ("", format!("[[{name}]]")),
    };
    let doc = doc.of(lang);
    text.push_str(&format!("\n# {doc}\n{off}{header}\n"));
    for field in *fields {
        let off = match field.need {
            Need::Required | Need::Usual => off,
            Need::Optional | Need::Default => "#",
        };
        let (doc, name, example) = (field.doc.of(lang), field.name, field.example);
        text.push_str(&format!("# {doc}\n{off}{name} = {example}\n"));
    }
}
