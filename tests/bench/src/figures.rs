//! Figures of several rounds in one table.

use std::time::Duration;

use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};

/// A table whose lines have the least, the middle and the greatest figure of all rounds.
pub(crate) fn table(what: &str) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header([what, "min", "median", "max"]);
    table
}

/// Adds the figures of a line, one for each round.
///
/// Panics: there was no round.
pub(crate) fn add(table: &mut Table, what: &str, mut figures: Vec<f64>) {
    figures.sort_by(f64::total_cmp);
    let picked = [
        figures[0],
        figures[figures.len() / 2],
        figures[figures.len() - 1],
    ];
    let [min, median, max] = picked.map(|figure| format!("{figure:.2}"));
    table.add_row([what.to_owned(), min, median, max]);
}

/// In seconds, of times in order.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(at)
        .map(Duration::as_secs_f64)
        .unwrap_or_default()
}
