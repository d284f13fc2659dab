//! What a person sees while units run: bars on a terminal, plain lines elsewhere, one table at the end.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::{Duration, Instant};

use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Prints a line of the answer; a reader that has seen enough is no failure.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::report::print(::std::format_args!($($line)*))
    };
}
pub(crate) use say;

/// What `say!` does.
pub(crate) fn print(line: Arguments<'_>) {
    // The one thing that can go wrong with a pipe or a terminal: nobody is there any more.
    let _ = writeln!(stdout(), "{line}");
}

/// The progress of a set of units.
pub(crate) enum Report {
    /// A spinner per running unit.
    Bars(MultiProgress),
    /// A line per finished unit.
    Lines,
}

/// One unit under way.
pub(crate) struct Running<'a> {
    report: &'a Report,
    name: String,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Report {
    /// Bars if a person is looking.
    pub(crate) fn new() -> Self {
        if stderr().is_terminal() {
            Self::Bars(MultiProgress::new())
        } else {
            Self::Lines
        }
    }

    /// Says that a unit begins.
    pub(crate) fn begin(&self, name: &str) -> Running<'_> {
        let bar = match self {
            Self::Bars(bars) => Some(spinner(bars, name)),
            Self::Lines => None,
        };
        Running {
            report: self,
            name: name.to_owned(),
            since: Instant::now(),
            bar,
        }
    }

    fn line(&self, text: &str) {
        match self {
            // The terminal may have gone; the work goes on.
            Self::Bars(bars) => drop(bars.println(text)),
            Self::Lines => eprintln!("{text}"),
        }
    }
}

impl Running<'_> {
    /// Says how it ended.
    pub(crate) fn end(self, is_good: bool) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let mark = if is_good { "✓" } else { "✗" };
        self.report.line(&format!(
            "{mark} {:<24} {}",
            self.name,
            seconds(self.since.elapsed())
        ));
    }
}

fn spinner(bars: &MultiProgress, name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg:<24} {elapsed}")
        .expect("the template is valid");
    let bar = bars.add(
        ProgressBar::new_spinner()
            .with_style(style)
            .with_message(name.to_owned()),
    );
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// `12.3 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!(
        "{}.{} s",
        duration.as_secs(),
        duration.subsec_millis() / 100
    )
}

/// A table with a head.
pub(crate) fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(head);
    table.add_rows(rows);
    table.to_string()
}
