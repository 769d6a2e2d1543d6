//! The whole pipeline on a file: every format of output, one thread and several, and the books balance.
#![no_main]

use lanternfish_fuzz::{run, settings};
use lanternfish_output::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (report, lines) = run(settings(None), data, Format::Jsonl, 1);
    let Some(report) = report else { return };
    assert!(report.ledger.is_balanced(), "{}", report.ledger.stats());
    for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let entry: serde_json::Value = serde_json::from_slice(line).expect("a line is JSON");
        assert!(entry["id"].as_u64().is_some_and(|id| id < 1 << 53));
    }
    match data.len() % 8 {
        0..3 => {
            let (again, others) = run(settings(None), data, Format::Jsonl, 3);
            assert!(lines == others, "the number of threads changes the output");
            assert_eq!(again.map(|report| report.ledger), Some(report.ledger));
        }
        3 => drop(run(settings(None), data, Format::Table, 1)),
        4 => drop(run(settings(None), data, Format::Csv, 1)),
        _ => {}
    }
});
