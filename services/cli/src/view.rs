//! An answer as people see it: columns, rows, and names for scripts.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::NOTHING};

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    is_wide: bool,
    alignment: CellAlignment,
}

impl Column {
    /// Text, always shown.
    pub(crate) const fn text(title: &'static str) -> Self {
        Self {
            title,
            is_wide: false,
            alignment: CellAlignment::Left,
        }
    }

    /// Numbers of one scale, so that decimal points line up.
    pub(crate) const fn number(title: &'static str) -> Self {
        Self {
            title,
            is_wide: false,
            alignment: CellAlignment::Right,
        }
    }

    /// Shown with `-o wide` only.
    pub(crate) const fn wide(self) -> Self {
        Self {
            is_wide: true,
            ..self
        }
    }
}

/// An answer as people see it.
///
/// Invariant: each row has a cell for each column.
pub(crate) struct View {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<String>>,
    /// `noun/name` of each thing, for `-o name`.
    pub(crate) names: Vec<String>,
    /// What to say on stderr where there is nothing to show.
    pub(crate) empty: String,
}

impl View {
    /// The table as kubectl would print it: no borders, three blanks between columns, none at line ends.
    pub(crate) fn table(&self, wide: bool, headers: bool) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|&index| wide || !self.columns[index].is_wide)
            .collect();
        let mut table = Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if headers {
            table.set_header(shown.iter().map(|&index| self.columns[index].title));
        }
        for row in &self.rows {
            table.add_row(
                shown
                    .iter()
                    .map(|&index| row.get(index).map_or("", String::as_str)),
            );
        }
        for (place, &index) in shown.iter().enumerate() {
            if let Some(column) = table.column_mut(place) {
                column
                    .set_padding((0, 3))
                    .set_cell_alignment(self.columns[index].alignment);
            }
        }
        table
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }

    /// One name per line.
    pub(crate) fn names(&self) -> String {
        self.names.iter().map(|name| format!("{name}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View {
            columns: vec![
                Column::text("NAME"),
                Column::text("UID").wide(),
                Column::number("COST"),
            ],
            rows: vec![
                vec!["logistics".to_owned(), "u-1".to_owned(), "10.50".to_owned()],
                vec!["retail".to_owned(), "u-2".to_owned(), "9.05".to_owned()],
            ],
            names: vec!["tenant/logistics".to_owned()],
            empty: "nothing".to_owned(),
        }
    }

    #[test]
    fn tables_look_like_kubectls_and_decimals_line_up() {
        assert_eq!(
            view().table(false, true),
            "NAME         COST\nlogistics   10.50\nretail       9.05\n"
        );
    }

    #[test]
    fn wide_shows_every_column_and_headers_can_be_left_out() {
        assert_eq!(
            view().table(true, false),
            "logistics   u-1   10.50\nretail      u-2    9.05\n"
        );
    }

    #[test]
    fn nothing_to_show_prints_nothing() {
        assert_eq!(
            View {
                rows: vec![],
                ..view()
            }
            .table(false, true),
            ""
        );
    }
}
