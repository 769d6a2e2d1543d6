//! KFL against the field table: compiles the input as a query, then judges entries of several protocols with it.
#![no_main]

use std::sync::LazyLock;

use lanternfish_filter::Filter;
use lanternfish_fuzz::table;
use lanternfish_model::{Entry, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(query) = std::str::from_utf8(data) else { return };
    let now = Timestamp::from_parts(1_700_000_000, 0);
    match Filter::compile(query, table(), now) {
        Ok(filter) => {
            for entry in ENTRIES.iter() {
                let verdict = filter.judge(table(), entry);
                assert_eq!(verdict.matches, filter.matches(table(), entry));
                let mut record = serde_json::json!({"request": {"headers": {"a": "b"}}, "method": "GET"});
                filter.redact(&verdict, &mut record);
            }
            let _ = (filter.limit(), filter.fields().count(), filter.warnings().len());
        }
        Err(error) => {
            let _ = error.to_string();
        }
    }
});

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let file = lanternfish_fuzz::seeds::conversations().to_pcap();
    let entries = lanternfish_fuzz::entries(&file);
    assert!(entries.len() > 5);
    entries
});
