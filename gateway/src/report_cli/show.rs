//! A report for a terminal, a spreadsheet or a program.

use std::io::{self, Write};

use clap::ValueEnum;
use schoolgate_core::{report::Period, text, text::Lang};
use serde::{Serialize, Serializer, ser::SerializeMap};
use unicode_width::UnicodeWidthStr;

use super::{
    columns::Column,
    table::{Cell, Table},
};
use crate::{
    cli::{ReportBy, ReportFormat},
    spreadsheet::Sheet,
};

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) period: Period,
    pub(super) by: ReportBy,
    pub(super) table: Table<'a>,
}

pub(super) fn write(shown: Shown<'_>, format: ReportFormat, lang: Lang, mut out: impl Write) -> io::Result<()> {
    match format {
        ReportFormat::Table => terminal(shown, lang, &mut out)?,
        ReportFormat::Csv => csv(shown, lang, &mut out)?,
        ReportFormat::Json => json(shown, &mut out)?,
    }
    out.flush()
}

/// The period stands in each row, so that files of several periods can be put together.
fn csv(Shown { period, table, .. }: Shown<'_>, lang: Lang, out: &mut impl Write) -> io::Result<()> {
    let mut headings = vec![text!(lang, zh: "起始日", en: "from"), text!(lang, zh: "截止日", en: "until")];
    headings.extend(table.columns.iter().map(|column| column.heading(lang)));
    let (from, until) = (period.from().to_string(), period.until().to_string());
    let mut sheet = Sheet::begin(out, headings.iter().map(String::as_str))?;
    for row in table.rows {
        let cells: Vec<String> = row.iter().map(Cell::plain).collect();
        sheet.row([from.as_str(), until.as_str()].into_iter().chain(cells.iter().map(String::as_str)))?;
    }
    sheet.end()
}

fn json(Shown { period, by, table }: Shown<'_>, out: &mut impl Write) -> io::Result<()> {
    let (from, until) = (period.from(), period.until());
    let by = by.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    write!(out, "{{\"from\":\"{from}\",\"until\":\"{until}\",\"by\":\"{by}\",\"rows\":[")?;
    for (n, row) in table.rows.enumerate() {
        out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &Row { columns: &table.columns, cells: &row })?;
    }
    out.write_all(b"\n]}\n")
}

struct Row<'a> {
    columns: &'a [Column],
    cells: &'a [Cell],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.cells.len()))?;
        for (column, cell) in self.columns.iter().zip(self.cells) {
            match cell {
                Cell::Text(text) => map.serialize_entry(column.key(), text)?,
                Cell::Count(count) => map.serialize_entry(column.key(), count)?,
                Cell::Empty => map.serialize_entry(column.key(), &None::<()>)?,
            }
        }
        map.end()
    }
}

fn terminal(Shown { period, table, .. }: Shown<'_>, lang: Lang, out: &mut impl Write) -> io::Result<()> {
    let (from, until) = (period.from(), period.until());
    writeln!(out, "{}", text!(lang, zh: "{from} 至 {until}", en: "{from} to {until}"))?;
    let headings: Vec<Cell> = table.columns.iter().map(|column| Cell::Text(column.heading(lang))).collect();
    // A column is as wide as its widest cell, so all rows have to be there: as many as there are people.
    let rows: Vec<Vec<Cell>> = table.rows.collect();
    let mut widths = vec![0; headings.len()];
    for row in rows.iter().chain([&headings]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.plain().width());
        }
    }
    // Headings stand as their figures do.
    let is_figure = |at: usize| rows.iter().any(|row| matches!(row.get(at), Some(Cell::Count(_))));
    for row in [&headings].into_iter().chain(&rows) {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            let text = cell.plain().replace(char::is_control, " ");
            let room = " ".repeat(width.saturating_sub(text.width()));
            if is_figure(at) { room + &text } else { text + &room }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    if rows.is_empty() {
        writeln!(out, "{}", text!(lang, zh: "这段时间没有记录", en: "nothing was written down in this period"))?;
    }
    Ok(())
}

impl Cell {
    fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Empty => String::new(),
        }
    }
}
