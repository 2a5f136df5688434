//! Tables that a spreadsheet opens rightly, a Chinese one too: UTF-8 with its mark, for those that would else take it for
//! GBK; lines and quotes as RFC 4180 has them; and no cell that would be taken for a formula (CWE-1236).

use std::io::{self, Write};

use csv::{Terminator, Writer, WriterBuilder};

/// UTF-8's byte order mark.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// A table in the making. Rows go out as they come.
pub struct Sheet<W: Write>(Writer<W>);

impl<W: Write> Sheet<W> {
    /// Begins with the row of headings.
    pub fn begin<'a>(mut out: W, headings: impl IntoIterator<Item = &'a str>) -> io::Result<Self> {
        out.write_all(MARK)?;
        let mut sheet = Self(WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out));
        sheet.row(headings)?;
        Ok(sheet)
    }

    /// One row; every one has as many cells as the first.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        for cell in cells {
            if is_risky(cell) {
                self.0.write_field(format!("'{cell}"))?;
            } else {
                self.0.write_field(cell)?;
            }
        }
        Ok(self.0.write_record(None::<&[u8]>)?)
    }

    /// Sends what is still on its way.
    pub fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Whether a spreadsheet might take the cell for a formula: the characters that OWASP names (CSV injection; ASVS 1.2.10),
/// and their full-width forms, which those for Chinese and Japanese read alike. Ids may begin with `-`.
fn is_risky(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sheet(rows: &[Vec<String>]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut sheet = Sheet::begin(&mut out, ["a", "b"]).unwrap();
        for row in rows {
            sheet.row(row.iter().map(String::as_str)).unwrap();
        }
        sheet.end().unwrap();
        out
    }

    fn one(cell: &str) -> String {
        let text = String::from_utf8(sheet(&[vec![cell.into(), "1".into()]])).unwrap();
        text.strip_prefix("\u{FEFF}a,b\r\n").unwrap().strip_suffix(",1\r\n").unwrap().to_owned()
    }

    #[test]
    fn cells_that_would_be_formulas_are_defused() {
        for formula in ["=1+1", "+1", "-s1", "@SUM(A1)", "\tx", "＝1", "－1"] {
            assert_eq!(one(formula), format!("'{formula}"));
        }
        assert_eq!(one("\r=1"), "\"'\r=1\"");
        assert_eq!(
            (one("a=1").as_str(), one("王小明").as_str(), one("2026-09-01").as_str()),
            ("a=1", "王小明", "2026-09-01")
        );
    }

    #[test]
    fn commas_quotes_and_lines_are_quoted() {
        assert_eq!(one("a,b"), "\"a,b\"");
        assert_eq!(one("say \"yes\""), "\"say \"\"yes\"\"\"");
        assert_eq!(one("a\nb"), "\"a\nb\"");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back_and_no_cell_is_a_formula(rows: Vec<(String, String)>) {
            let rows: Vec<Vec<String>> = rows.into_iter().map(|(a, b)| vec![a, b]).collect();
            let bytes = sheet(&rows);
            let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(bytes.strip_prefix(MARK).unwrap());
            let read: Vec<_> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), rows.len());
            for (cell, written) in read.iter().zip(&rows).flat_map(|(read, row)| read.iter().zip(row)) {
                prop_assert!(!is_risky(cell));
                prop_assert!(cell == written || cell.strip_prefix('\'') == Some(written));
            }
        }
    }
}
