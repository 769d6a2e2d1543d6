//! Maps as text: names from the network break nothing.

use lanternfish_model::{Loss, Timestamp};
use lanternfish_query::{Cost, Figures, Node, NodeKind, ServiceMap};

use super::*;

fn map() -> Map {
    let node = |id: &str, name: &str| Node {
        id: id.to_owned(),
        kind: NodeKind::Host,
        name: name.to_owned(),
        port: None,
        calls_in: 0,
        calls_out: 0,
        errors_in: 0,
    };
    let edge = |src: &str, dst: &str, calls, errors| Edge {
        src: src.to_owned(),
        dst: dst.to_owned(),
        protocol: "http".to_owned(),
        figures: Figures {
            calls,
            errors,
            client_errors: 0,
            bytes: 12_345,
            answered: calls,
            p50_us: Some(900),
            p95_us: Some(12_340),
            p99_us: Some(2_345_678),
        },
        last_seen: Timestamp::from_ns(0),
    };
    let nodes = vec![node("host:a", "a\"]; evil[\"\\\n"), node("host:b", "<b>&`b`#")];
    let edges = vec![edge("host:a", "host:b", 3, 0), edge("host:b", "host:a", 2000, 20)];
    let map = ServiceMap { nodes, edges, omitted_edges: 0 };
    Map { map, loss: Loss::default(), cost: Cost::default() }
}

#[test]
fn a_table_has_a_line_an_edge() {
    let table = as_table(&map());
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(
        lines[1].starts_with("<b>&`b`#") && lines[1].contains("2,000  20 (1.0%)  12,345  900µs  12.3ms  2.35s"),
        "{table}"
    );
    assert!(lines[2].contains("3      0"), "{table}");
}

#[test]
fn graphs_quote_names() {
    let dot = as_dot(&map());
    assert!(dot.contains(r#"n0 [label="a\"]; evil[\"\\ "];"#), "{dot}");
    assert!(dot.contains(r#"n1 -> n0 [label="http 2,000 calls, 20 (1.0%) errors, p95 12.3ms", color=red];"#), "{dot}");
    assert!(dot.contains(r#"n0 -> n1 [label="http 3 calls, p95 12.3ms"];"#), "{dot}");
    let mermaid = as_mermaid(&map());
    assert!(mermaid.contains(r##"  n0["a#34;]#59; evil[#34;\ "]"##), "{mermaid}");
    assert!(mermaid.contains(r##"  n1["#60;b#62;#38;#96;b#96;#35;"]"##), "{mermaid}");
    assert!(mermaid.contains("  n0 -->|\"http 3 calls, p95 12.3ms\"| n1"), "{mermaid}");
}
