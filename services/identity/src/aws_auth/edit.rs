//! Changes of a section's text that leave every other byte alone. Whether they mean what they should is proven by
//! whoever calls: nothing here is trusted.

use std::ops::Range;

use granit_parser::StructureStyle;

use super::{
    Flaw, Mapping, Section,
    model::list,
    tree::{Node, Value},
};

/// `text` with `mapping` as its last entry.
pub(super) fn append(section: Section, text: &str, mapping: &Mapping) -> Result<String, Flaw> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let Some(root) = list(text)? else {
        return Ok(first(section, text, mapping, newline));
    };
    let Value::List { items, style } = &root.value else {
        return Err(root.flaw("is no list"));
    };
    Ok(match (style, items.last()) {
        (StructureStyle::Block, Some(last)) => {
            let at = line_end(text, last.end);
            let before = &text[..at];
            let gap = if before.ends_with('\n') { "" } else { newline };
            let entry = block(section, mapping, root.column, newline);
            format!("{before}{gap}{entry}{}", &text[at..])
        }
        (StructureStyle::Flow, Some(last)) => splice(
            text,
            last.end..last.end,
            &format!(", {}", flow(section, mapping)),
        ),
        (_, None) if is_alone(text, &root) => {
            let entry = block(section, mapping, root.column, newline);
            let rest = &text[root.end..];
            let rest = rest.strip_prefix(newline).unwrap_or(rest);
            let indent = " ".repeat(root.column);
            let entry = entry.strip_prefix(&indent).unwrap_or(&entry);
            format!("{}{entry}{rest}", &text[..root.start])
        }
        (_, None) => splice(
            text,
            root.start..root.end,
            &format!("[{}]", flow(section, mapping)),
        ),
    })
}

/// `text` without item `item` of its list; `[]` if it was the only one.
pub(super) fn remove(text: &str, item: usize) -> Result<String, Flaw> {
    let gone = |at: &Node| at.flaw("cannot be taken out of the text safely");
    let Some(root) = list(text)? else {
        return Ok(text.to_owned());
    };
    let Value::List { items, style } = &root.value else {
        return Err(root.flaw("is no list"));
    };
    let Some(node) = items.get(item) else {
        return Err(gone(&root));
    };
    match style {
        StructureStyle::Block => {
            let start = dash_line(text, root.column, node.start).ok_or_else(|| gone(node))?;
            let end = line_end(text, node.end);
            let newline = if text[start..end].ends_with("\r\n") {
                "\r\n"
            } else {
                "\n"
            };
            let rest = if items.len() == 1 {
                format!("[]{newline}")
            } else {
                String::new()
            };
            Ok(splice(text, start..end, &rest))
        }
        StructureStyle::Flow => {
            let range = flow_range(text, &root, items, item).ok_or_else(|| gone(node))?;
            Ok(splice(text, range, ""))
        }
    }
}

/// The text of an empty section with its first entry. Comments stay; a word for "empty" goes.
fn first(section: Section, text: &str, mapping: &Mapping, newline: &str) -> String {
    let is_comment = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let kept = if text.lines().all(is_comment) {
        text
    } else {
        ""
    };
    let gap = if kept.is_empty() || kept.ends_with('\n') {
        ""
    } else {
        newline
    };
    format!("{kept}{gap}{}", block(section, mapping, 0, newline))
}

/// One entry as AWS and eksctl lay it out, keys by alphabet, each value in double quotes: YAML 1.1 reads an unquoted
/// `no` as false.
fn block(section: Section, mapping: &Mapping, column: usize, newline: &str) -> String {
    let mut lines = Vec::new();
    if !mapping.groups().is_empty() {
        lines.push("groups:".to_owned());
        lines.extend(
            mapping
                .groups()
                .iter()
                .map(|group| format!("- {}", quote(group))),
        );
    }
    lines.push(format!(
        "{}: {}",
        section.arn_field(),
        quote(mapping.principal().arn())
    ));
    lines.push(format!("username: {}", quote(mapping.username())));
    let indent = " ".repeat(column);
    let lead = |at| if at == 0 { "- " } else { "  " };
    let lines = lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("{indent}{}{line}{newline}", lead(at)));
    lines.collect()
}

fn flow(section: Section, mapping: &Mapping) -> String {
    let groups: Vec<String> = mapping.groups().iter().map(|group| quote(group)).collect();
    let groups = match groups.is_empty() {
        true => String::new(),
        false => format!("\"groups\": [{}], ", groups.join(", ")),
    };
    let (arn, username) = (quote(mapping.principal().arn()), quote(mapping.username()));
    format!(
        "{{{groups}\"{}\": {arn}, \"username\": {username}}}",
        section.arn_field()
    )
}

/// A JSON string is a YAML double-quoted scalar as long as it holds printable characters only, as a [`Mapping`]'s do.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn splice(text: &str, range: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

/// Offset after the line that holds the byte before `at`.
fn line_end(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |newline| at + newline + 1)
}

/// Start of the line with the dash that `item` belongs to; none if something else stands before that dash.
fn dash_line(text: &str, column: usize, item: usize) -> Option<usize> {
    let mut end = item;
    loop {
        let start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
        let line = &text[start..item];
        if line
            .get(..column)
            .is_some_and(|lead| lead.bytes().all(|byte| byte == b' '))
            && line.get(column..).is_some_and(|rest| rest.starts_with('-'))
        {
            return Some(start);
        }
        // Between the dash and its item stand blank lines, comments and properties only.
        end = start.checked_sub(1)?;
    }
}

/// Whether an empty list is all that its line holds.
fn is_alone(text: &str, root: &Node) -> bool {
    let line = text[..root.start].rsplit('\n').next().unwrap_or_default();
    let rest = text[root.end..].lines().next().unwrap_or_default();
    line.bytes().all(|byte| byte == b' ') && rest.trim().is_empty()
}

/// The bytes of one item of a flow list with one of the commas around it; none where a comment may stand between.
fn flow_range(text: &str, root: &Node, items: &[Node], item: usize) -> Option<Range<usize>> {
    let comma = |after: &Node| {
        let rest = &text[after.end..];
        let at = rest.find(|c: char| !c.is_whitespace())?;
        Some((after.end + at, rest[at..].chars().next()?))
    };
    let start = match item.checked_sub(1) {
        None => root.start + 1,
        Some(before) => match comma(&items[before])? {
            (at, ',') => at + 1,
            _ => return None,
        },
    };
    match comma(&items[item])? {
        (at, ',') => {
            let spaces = text[at + 1..].len() - text[at + 1..].trim_start_matches(' ').len();
            let lead = text[start..].len() - text[start..].trim_start_matches(' ').len();
            Some(start + lead..at + 1 + spaces)
        }
        (at, ']') if item > 0 => Some(start - 1..at),
        (at, ']') => Some(start..at),
        _ => None,
    }
}
