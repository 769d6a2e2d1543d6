//! KFL on a JSON record (`kfl eval`): the query, a line end, then the record.
#![no_main]

use lanternfish_filter::eval_record;
use lanternfish_model::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (query, record) = text.split_once('\n').unwrap_or((text, "{}"));
    let mut record: Value = serde_json::from_str(record).unwrap_or_default();
    let now = Timestamp::from_parts(1_700_000_000, 0);
    let mut again = record.clone();
    if let Err(error) = eval_record(&mut record, query, now) {
        let _ = error.to_string();
        return;
    }
    // A query has one meaning.
    let first = eval_record(&mut again, query, now).map(|verdict| verdict.limit);
    assert!(first.is_ok());
    assert_eq!(record, again);
});
