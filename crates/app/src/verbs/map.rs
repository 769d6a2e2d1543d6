//! `lanternfish map`: who calls whom in what is stored.

use std::collections::HashMap;
use std::fmt::Write;

use lanternfish_api::dto::MapAnswer;
use lanternfish_query::{Edge, Map};
use lanternfish_telemetry::thousands;

use crate::cli::{MapArgs, MapFormat};
use crate::exit::Failure;
use crate::tables::{aligned, field_table};
use crate::terminal::{print, tell};
use crate::verbs::capture::compile;
use crate::verbs::stored::{Stored, query_failure, text, window};

/// Prints the map.
pub(super) fn run(arguments: &MapArgs) -> Result<(), Failure> {
    let table = field_table()?;
    let filter = compile(arguments.query.as_deref().unwrap_or_default(), table)?;
    let window = window(arguments.window)?;
    let mut stored = Stored::open(&arguments.stored, table)?;
    let found = stored.wait(stored.queried.query().map(&filter, window, arguments.group)).map_err(query_failure)?;
    let shown = match arguments.output {
        MapFormat::Table => as_table(&found),
        MapFormat::Dot => as_dot(&found),
        MapFormat::Mermaid => as_mermaid(&found),
        MapFormat::Json => {
            let answer = serde_json::to_string_pretty(&MapAnswer::from(&found)).map_err(anyhow::Error::from)?;
            format!("{answer}\n")
        }
    };
    print(&shown)?;
    if found.map.omitted_edges > 0 {
        let omitted = thousands(found.map.omitted_edges);
        tell(&format!("lanternfish: {omitted} edges with the fewest calls are left out: choose a narrower filter"));
    }
    stored.tell_unreadable(&found.cost.unreadable);
    if found.map.edges.is_empty() {
        stored.tell_nothing(window);
    }
    stored.conclude(&found.loss)
}

/// A line an edge, the most calls first.
fn as_table(map: &Map) -> String {
    let names = names(map);
    let name = |id: &str| plain(names.get(id).map_or(id, String::as_str));
    let time = |us: Option<u64>| us.map_or_else(|| "-".to_owned(), duration);
    let row = |edge: &&Edge| {
        let figures = &edge.figures;
        vec![
            name(&edge.src),
            name(&edge.dst),
            edge.protocol.clone(),
            thousands(figures.calls),
            errors(edge),
            thousands(figures.bytes),
            time(figures.p50_us),
            time(figures.p95_us),
            time(figures.p99_us),
            text(edge.last_seen),
        ]
    };
    let rows: Vec<Vec<String>> = by_calls(map).iter().map(row).collect();
    aligned(&["FROM", "TO", "PROTOCOL", "CALLS", "ERRORS", "BYTES", "P50", "P95", "P99", "LAST"], &rows)
}

/// A graph in the DOT language of Graphviz.
fn as_dot(map: &Map) -> String {
    let mut graph = String::from("digraph lanternfish {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    let quoted = |text: &str| plain(text).replace('\\', "\\\\").replace('"', "\\\"");
    let numbers = numbers(map);
    for (number, node) in map.map.nodes.iter().enumerate() {
        let _ = writeln!(graph, "  n{number} [label=\"{}\"];", quoted(&node.label()));
    }
    for edge in by_calls(map) {
        let (Some(src), Some(dst)) = (numbers.get(edge.src.as_str()), numbers.get(edge.dst.as_str())) else { continue };
        let color = if edge.figures.errors > 0 { ", color=red" } else { "" };
        let _ = writeln!(graph, "  n{src} -> n{dst} [label=\"{}\"{color}];", quoted(&words(edge)));
    }
    graph.push_str("}\n");
    graph
}

/// A flowchart in the language of Mermaid.
fn as_mermaid(map: &Map) -> String {
    let mut chart = String::from("flowchart LR\n");
    let quoted = |text: &str| -> String {
        let mut quoted = String::new();
        for character in plain(text).chars() {
            match character {
                '"' | '#' | '<' | '>' | '`' | '&' | ';' => {
                    let _ = write!(quoted, "#{};", u32::from(character));
                }
                _ => quoted.push(character),
            }
        }
        quoted
    };
    let numbers = numbers(map);
    for (number, node) in map.map.nodes.iter().enumerate() {
        let _ = writeln!(chart, "  n{number}[\"{}\"]", quoted(&node.label()));
    }
    for edge in by_calls(map) {
        let (Some(src), Some(dst)) = (numbers.get(edge.src.as_str()), numbers.get(edge.dst.as_str())) else { continue };
        let _ = writeln!(chart, "  n{src} -->|\"{}\"| n{dst}", quoted(&words(edge)));
    }
    chart
}

fn by_calls(map: &Map) -> Vec<&Edge> {
    let mut edges: Vec<&Edge> = map.map.edges.iter().collect();
    edges.sort_by_key(|edge| std::cmp::Reverse(edge.figures.calls));
    edges
}

fn names(map: &Map) -> HashMap<&str, String> {
    map.map.nodes.iter().map(|node| (node.id.as_str(), node.label())).collect()
}

fn numbers(map: &Map) -> HashMap<&str, usize> {
    map.map.nodes.iter().enumerate().map(|(number, node)| (node.id.as_str(), number)).collect()
}

/// What stands at an edge of a graph.
fn words(edge: &Edge) -> String {
    let mut words = format!("{} {} calls", edge.protocol, thousands(edge.figures.calls));
    if edge.figures.errors > 0 {
        let _ = write!(words, ", {} errors", errors(edge));
    }
    if let Some(us) = edge.figures.p95_us {
        let _ = write!(words, ", p95 {}", duration(us));
    }
    words
}

/// The number of errors and their share.
fn errors(edge: &Edge) -> String {
    let (calls, errors) = (edge.figures.calls, edge.figures.errors);
    if errors == 0 || calls == 0 {
        return "0".to_owned();
    }
    format!("{} ({:.1}%)", thousands(errors), errors as f64 * 100.0 / calls as f64)
}

fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}µs"),
        1_000..1_000_000 => format!("{:.1}ms", us as f64 / 1e3),
        _ => format!("{:.2}s", us as f64 / 1e6),
    }
}

/// A name from the network without what would move a cursor or break a line.
fn plain(name: &str) -> String {
    name.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests;
