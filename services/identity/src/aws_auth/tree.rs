use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::scalar::{self, Plain};

/// Nodes of a section at most, aliases expanded: a bomb is not read.
const NODES_MAX: usize = 50_000;

/// A place in a section and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
}

/// A YAML value and where it stands in the text.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    /// Byte offset of its first character.
    pub(super) start: usize,
    /// Byte offset after its last character; blank lines after a block scalar do not count.
    pub(super) end: usize,
    pub(super) line: usize,
    /// Column, from 0.
    pub(super) column: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    /// A string, as the YAML 1.1 reader has it.
    Text(String),
    /// A boolean or number, as written.
    Other(String),
    NotJson,
    List {
        items: Vec<Node>,
        style: StructureStyle,
    },
    Map(Vec<(Node, Node)>),
}

impl Node {
    pub(super) fn flaw(&self, problem: impl Into<String>) -> Flaw {
        Flaw {
            line: self.line,
            column: self.column + 1,
            problem: problem.into(),
        }
    }
}

/// Reads the first document of `text`; none if it holds nothing.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Flaw> {
    let options = granit_parser::options! { block_scalar_eof_without_line_feed: true };
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        opaque: Vec::new(),
        flows: 0,
        nodes: 0,
    };
    match reader.document() {
        Ok(root) => {
            let start = root.as_ref().map_or(text.len(), |root| root.start);
            let odd = reader.odd_line(start).or_else(|| reader.odd_character(0));
            let odd = odd.or_else(|| root.as_ref().and_then(|root| junk(text, root)));
            odd.map_or(Ok(root), Err)
        }
        // Our parser reports where it gave up, which for a tab is the line before: people look for the tab.
        Err(flaw) => Err(reader.odd_character(flaw.line).unwrap_or(flaw)),
    }
}

struct Reader<'t> {
    text: &'t str,
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    /// Plain and quoted scalars, comments and flow collections: where a tab is only a character.
    opaque: Vec<(usize, usize)>,
    /// Flow collections around the node being read.
    flows: usize,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Option<Node>, Flaw> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                // What follows the first document is not read by the authenticator either.
                Event::StreamEnd | Event::DocumentEnd => return Ok(None),
                event => return self.node(event, span).map(Some),
            }
        }
    }

    /// The next event that is not a comment.
    fn next(&mut self) -> Result<(Event<'t>, Span), Flaw> {
        loop {
            match self.parser.next_event() {
                None => return Ok((Event::StreamEnd, Span::default())),
                Some(Err(error)) => return Err(flaw_of(&error)),
                Some(Ok((Event::Comment(..), span))) => self.opaque.push(bytes(&span)),
                Some(Ok(next)) => return Ok(next),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, Flaw> {
        let (start, end) = bytes(&span);
        let (line, column) = (span.start.line(), span.start.col());
        let mut node = Node {
            value: Value::Null,
            start,
            end,
            line,
            column,
        };
        self.count(&node)?;
        let anchor = match event {
            Event::Scalar(text, style, anchor, tag) => {
                node.value = scalar_value(&node, &text, style, tag.as_deref())?;
                // libyaml takes the mark for a key's, wherever it stands in a word.
                if style == ScalarStyle::Plain && self.flows > 0 && text.contains('?') {
                    return Err(node.flaw("found a question mark in an unquoted word"));
                }
                node.end = start.max(start + self.text[start..end].trim_end().len());
                if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    self.opaque.push((start, end));
                }
                anchor
            }
            Event::SequenceStart(style, anchor, _) => {
                self.flows += usize::from(style == StructureStyle::Flow);
                self.list(&mut node, style)?;
                anchor
            }
            Event::MappingStart(style, anchor, _) => {
                self.flows += usize::from(style == StructureStyle::Flow);
                self.map(&mut node, style)?;
                anchor
            }
            Event::Alias(id) => {
                let target = self.anchors.get(&id).cloned();
                let target = target.ok_or_else(|| node.flaw("an alias refers to itself"))?;
                self.expand(&node, &target.value)?;
                node.value = target.value;
                0
            }
            _ => return Err(node.flaw("a value was expected")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, node: &mut Node, style: StructureStyle) -> Result<(), Flaw> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                self.close(node, style, &span, items.last().map(|item: &Node| item.end));
                node.value = Value::List { items, style };
                return Ok(());
            }
            items.push(self.node(event, span)?);
        }
    }

    fn map(&mut self, node: &mut Node, style: StructureStyle) -> Result<(), Flaw> {
        let mut pairs: Vec<(Node, Node)> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let end = pairs.last().map(|(key, value)| key.end.max(value.end));
                self.close(node, style, &span, end);
                node.value = Value::Map(pairs);
                return Ok(());
            }
            let key = self.node(event, span)?;
            let (event, span) = self.next()?;
            pairs.push((key, self.node(event, span)?));
        }
    }

    fn close(&mut self, node: &mut Node, style: StructureStyle, end: &Span, last: Option<usize>) {
        if style == StructureStyle::Flow {
            node.end = bytes(end).1;
            self.flows -= 1;
            self.opaque.push((node.start, node.end));
        } else {
            node.end = last.unwrap_or(node.end);
        }
    }

    fn count(&mut self, node: &Node) -> Result<(), Flaw> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(node.flaw("has more values than anybody needs"));
        }
        Ok(())
    }

    fn expand(&mut self, alias: &Node, value: &Value) -> Result<(), Flaw> {
        self.count(alias)?;
        match value {
            Value::List { items, .. } => items
                .iter()
                .try_for_each(|item| self.expand(alias, &item.value)),
            Value::Map(pairs) => pairs
                .iter()
                .try_for_each(|(_, item)| self.expand(alias, &item.value)),
            _ => Ok(()),
        }
    }

    /// The first character, from `line` on, that the authenticator's parser (libyaml, YAML 1.1) does not take: tabs where
    /// a token may begin, and what it takes for line breaks or does not print. Ours lets some of them pass.
    fn odd_character(&self, line: usize) -> Option<Flaw> {
        let mut flaws = self.text.char_indices().filter_map(|(at, c)| {
            let problem = match c {
                '\t' if self.is_tab_misplaced(at) => "found a tab where only spaces may stand",
                '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => "found an invisible line break",
                c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => {
                    "found a control character"
                }
                _ => return None,
            };
            Some(place(self.text, at, problem))
        });
        flaws.find(|flaw| flaw.line >= line)
    }

    /// The first line that only ours takes: a directive after something was read, an end before anything was.
    fn odd_line(&self, root_start: usize) -> Option<Flaw> {
        let mut at = 0;
        for line in self.text.split_inclusive('\n') {
            if line.starts_with('%') && !self.is_opaque(at) {
                return Some(place(self.text, at, "found a directive"));
            }
            if line.starts_with("...") && at < root_start {
                return Some(place(self.text, at, "found an end before a beginning"));
            }
            at += line.len();
        }
        None
    }

    fn is_opaque(&self, at: usize) -> bool {
        let spans = &mut self.opaque.iter();
        spans.any(|(start, end)| (*start..*end).contains(&at))
    }

    fn is_tab_misplaced(&self, at: usize) -> bool {
        let line = self.text[..at].rsplit('\n').next().unwrap_or_default();
        let is_lead = line.chars().all(|c| matches!(c, ' ' | '\t' | '-' | '?'));
        is_lead && !self.is_opaque(at)
    }
}

fn scalar_value(
    node: &Node,
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<Value, Flaw> {
    if let Some(tag) = tag.and_then(Tag::core_suffix)
        && tag != "str"
    {
        return Err(node.flaw(format!("has the tag !!{tag}, which is not read here")));
    }
    if tag.is_some() || style != ScalarStyle::Plain {
        return Ok(Value::Text(text.to_owned()));
    }
    Ok(match scalar::resolve(text) {
        Plain::Text => Value::Text(text.to_owned()),
        Plain::Null => Value::Null,
        Plain::Other => Value::Other(text.to_owned()),
        Plain::NotJson => Value::NotJson,
    })
}

fn bytes(span: &Span) -> (usize, usize) {
    span.byte_range()
        .map_or((0, 0), |range| (range.start, range.end))
}

fn flaw_of(error: &ScanError) -> Flaw {
    let marker = error.marker();
    Flaw {
        line: marker.line(),
        column: marker.col() + 1,
        problem: error.info(),
    }
}

/// What stands after a flow collection and begins no document: libyaml gives up on some of it, and not on all.
fn junk(text: &str, root: &Node) -> Option<Flaw> {
    let is_flow = matches!(&text[root.start..root.end], rest if rest.starts_with(['[', '{']));
    let mut at = root.end;
    for line in text[root.end..].split_inclusive('\n').filter(|_| is_flow) {
        let begins_document = line.starts_with("---") || line.starts_with("...");
        if at > root.end && begins_document {
            return None;
        }
        let trimmed = line.trim();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            return Some(place(text, at, "found something after the list"));
        }
        at += line.len();
    }
    None
}

/// Names byte `at` of `text` by line and column.
fn place(text: &str, at: usize, problem: &str) -> Flaw {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Flaw {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        problem: problem.to_owned(),
    }
}
