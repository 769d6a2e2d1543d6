//! Golden lines of every format, and JSON that any reader must accept.

#![allow(missing_docs, clippy::unwrap_used)]

mod sample;

use std::sync::Arc;

use lanternfish_model::{Entry, EntryClass, Identity, Outcome, ResolutionStatus, Role, Transport, Values, fields};
use lanternfish_output::{Column, ColumnError, EntryWriter, Format, Options};
use proptest::prelude::*;
use serde_json::{Value, json};

fn written(format: Format, options: Options, entry: &Entry) -> String {
    let table = sample::table();
    let mut writer = EntryWriter::new(format, &table, options);
    let mut out = Vec::new();
    writer.write(entry, &mut out);
    String::from_utf8(out).unwrap()
}

fn jsonl(entry: &Entry) -> Value {
    let line = written(Format::Jsonl, Options::default(), entry);
    assert_eq!(line.matches('\n').count(), 1);
    assert!(line.ends_with("}\n"));
    serde_json::from_str(&line).unwrap()
}

fn with_fields(format: Format, fields: &str, entry: &Entry) -> String {
    written(format, Options::with_fields(&sample::table(), fields).unwrap(), entry)
}

/// An entry with one request whose values are set by `set`.
fn entry_with(set: impl FnOnce(&mut Values)) -> Entry {
    let mut entry = sample::bare();
    let mut request = sample::message(Role::Request);
    set(&mut request.values);
    entry.request = Some(Box::new(request));
    entry
}

#[test]
fn a_bare_entry_leaves_absent_values_out() {
    assert_eq!(
        written(Format::Jsonl, Options::default(), &sample::bare()),
        concat!(
            r#"{"id":65537,"timestamp":"2026-03-14T22:00:00.000123456Z","protocol":"http","src":{"ip":"10.0.0.7","port":50123},"#,
            r#""dst":{"ip":"10.0.0.9","port":80},"index":0,"stream":"1a","elapsed_time":1532,"conn_id":26,"flow_id":4611,"#,
            r#""has_pcap":true,"capture_source":"file","capture_backend":"file","capture_source_code":4,"outcome":"ok","outgoing":true}"#,
            "\n"
        )
    );
}

#[test]
fn a_call_nests_by_its_dots() {
    let json = jsonl(&sample::call());
    assert_eq!(
        json["src"],
        json!({"ip": "10.0.0.7", "port": 50123, "name": "curl",
               "process": {"name": "curl", "pid": 4711, "executable": "/usr/bin/curl", "user": "www-data"}})
    );
    assert_eq!(json["dst"]["dns"], "shop.example.org");
    assert_eq!(json["dst"]["name"], "shop.example.org");
    assert_eq!(json["status_code"], 200);
    assert_eq!(json["method"], "GET");
    assert_eq!(json["query_string"], json!({"id": "17", "sort": "price"}));
    assert_eq!(json["request"]["headers"]["authorization"], "Token 3f9a1c0de5aa");
    assert_eq!(json["request"].as_object().unwrap().len(), 1);
    assert_eq!(json["response"]["headers"]["etag"], "\"67d4a5a0-1f4\"");
    assert_eq!(json["response"]["body"].as_str().unwrap().len(), 500);
    assert!(json.get("http").is_none());
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys[..4], ["id", "timestamp", "protocol", "src"]);
    assert_eq!(keys[keys.len() - 2..], ["request", "response"]);
}

#[test]
fn the_request_comes_first_and_no_name_twice() {
    let mut entry = entry_with(|values| {
        values.text(sample::METHOD, b"GET");
        values.text(sample::METHOD, b"PUT");
    });
    let mut response = sample::message(Role::Response);
    response.values.text(sample::METHOD, b"POST");
    response.values.text(sample::VERSION, b"1.1");
    entry.response = Some(Box::new(response));
    let line = written(Format::Jsonl, Options::default(), &entry);
    assert_eq!(line.matches("\"method\"").count(), 1);
    assert!(line.contains(r#""method":"GET","http_version":"1.1""#));
}

#[test]
fn repeated_names_are_lists_in_lower_case() {
    let json = jsonl(&entry_with(|values| {
        let mut headers = values.map(sample::REQUEST_HEADERS);
        headers.push(b"Accept", b"a");
        headers.push(b"Host", b"h");
        headers.push(b"accept", b"b");
        headers.finish();
        let mut cookies = values.map(sample::REQUEST_COOKIES);
        cookies.push(b"A", b"1");
        cookies.push(b"a", b"2");
        cookies.finish();
        values.map(sample::QUERY).finish();
    }));
    assert_eq!(json["request"]["headers"], json!({"accept": ["a", "b"], "host": "h"}));
    assert_eq!(json["request"]["cookies"], json!({"A": "1", "a": "2"}));
    assert_eq!(json["query_string"], json!({}));
}

#[test]
fn bytes_are_base64_item_by_item() {
    let json = jsonl(&entry_with(|values| {
        values.text(sample::URL, b"/\xff");
        values.bytes(sample::PAYLOAD, b"plain");
        let mut headers = values.map(sample::REQUEST_HEADERS);
        headers.push(b"X", b"text");
        headers.push(b"x", b"\xfe");
        headers.push(b"x_b64", b"looks alike");
        headers.push(b"\xff", b"v");
        headers.push(b"\xff", b"\xff");
        headers.finish();
        let mut list = values.list(sample::QUESTIONS);
        list.push(b"a");
        list.push(b"\xff");
        list.push(b"b");
        list.finish();
    }));
    assert_eq!(json["url_b64"], "L/8=");
    assert!(json.get("url").is_none());
    assert_eq!(json["payload"], "plain");
    assert_eq!(
        json["request"]["headers"],
        json!({"x": "text", "x_b64": ["/g==", "looks alike"], "/w==_name_b64": "v", "/w==_name_b64_b64": "/w=="})
    );
    assert_eq!((&json["questions"], &json["questions_b64"]), (&json!(["a", "b"]), &json!(["/w=="])));
    let json = jsonl(&entry_with(|values| {
        let mut list = values.list(sample::QUESTIONS);
        list.push(b"\xff");
        list.finish();
    }));
    assert!(json.get("questions").is_none());
    assert_eq!(json["questions_b64"], json!(["/w=="]));
}

#[test]
fn many_headers_are_grouped_too() {
    let json = jsonl(&entry_with(|values| {
        let mut headers = values.map(sample::REQUEST_HEADERS);
        for number in 0..5000 {
            headers.push(format!("H{}", number % 2500).as_bytes(), b"v");
        }
        headers.finish();
    }));
    let headers = json["request"]["headers"].as_object().unwrap();
    assert_eq!(headers.len(), 2500);
    assert_eq!(headers["h7"], json!(["v", "v"]));
}

#[test]
fn other_types_and_a_name_below_a_name() {
    let mut entry = entry_with(|values| {
        values.bool(sample::IS_ODD, false);
        values.double(sample::RATIO, f64::NAN);
        values.time(sample::SEEN_AT, sample::TIME);
        values.ip(sample::PEER, "2001:db8::1".parse().unwrap());
        values.text(sample::PEER_NAME, b"x");
    });
    entry.class = EntryClass::Connection;
    entry.notes.add("response cut by the end of the capture");
    let json = jsonl(&entry);
    assert_eq!(json["conn"], true);
    assert!(json.get("is_odd").is_none());
    assert_eq!(json["ratio"], Value::Null);
    assert_eq!(json["seen_at"], "2026-03-14T22:00:00.000123456Z");
    assert_eq!(json["peer"], json!({"ip": "2001:db8::1", "ip.name": "x"}));
    assert_eq!(json["notes"], json!(["response cut by the end of the capture"]));
}

#[test]
fn columns_choose_names_and_keys() {
    let fields = r#"id,http,request.headers["Host"],request.headers.accept,request.path,response.body,questions"#;
    let line = with_fields(Format::Jsonl, "id,http,request.path,request.headers[\"Host\"],is_odd", &sample::call());
    assert_eq!(
        line,
        "{\"id\":65537,\"http\":true,\"request\":{\"path\":\"/cart/items\",\"headers\":{\"host\":\"shop.example.org\"}}}\n"
    );
    let table = sample::table();
    let mut writer = EntryWriter::new(Format::Csv, &table, Options::with_fields(&table, fields).unwrap());
    let mut out = Vec::new();
    writer.begin(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "id,http,\"request.headers[\"\"Host\"\"]\",request.headers.accept,request.path,response.body,questions\n"
    );
}

#[test]
fn csv_quotes_what_must_be_quoted() {
    let fields = "timestamp,src.ip,dst.port,url,questions,query_string,payload,conn,node_name,elapsed_time";
    let entry = entry_with(|values| {
        values.text(sample::URL, b"/a,\"b\"\r\n");
        values.bytes(sample::PAYLOAD, b"\xff");
        let mut list = values.list(sample::QUESTIONS);
        list.push(b"a");
        list.push(b"b");
        list.finish();
        let mut query = values.map(sample::QUERY);
        query.push(b"k", b"v");
        query.finish();
    });
    assert_eq!(
        with_fields(Format::Csv, fields, &entry),
        "2026-03-14T22:00:00.000123456Z,10.0.0.7,80,\"/a,\"\"b\"\"\r\n\",a;b,\"{\"\"k\"\":\"\"v\"\"}\",b64:/w==,false,,1532\n"
    );
}

#[test]
fn csv_has_columns_of_its_own() {
    let table = sample::table();
    let mut writer = EntryWriter::new(Format::Csv, &table, Options::default());
    let mut out = Vec::new();
    writer.begin(&mut out);
    writer.write(&sample::call(), &mut out);
    writer.end(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "id,timestamp,protocol,src.ip,src.port,src.name,dst.ip,dst.port,dst.name,status_code,outcome,elapsed_time,conn_id\n\
         65537,2026-03-14T22:00:00.000123456Z,http,10.0.0.7,50123,curl,10.0.0.9,80,shop.example.org,200,ok,1532,26\n"
    );
}

#[test]
fn a_json_array_takes_separators() {
    let table = sample::table();
    for count in 0..3 {
        let mut writer = EntryWriter::new(Format::Json, &table, Options::default());
        let mut out = Vec::new();
        writer.begin(&mut out);
        for position in 0..count {
            out.extend_from_slice(if position > 0 { writer.separator() } else { b"" });
            writer.write(&sample::call(), &mut out);
        }
        writer.end(&mut out);
        let json: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json.as_array().unwrap().len(), count);
    }
}

#[test]
fn a_table_is_cut_to_its_width() {
    let table = sample::table();
    let mut entry = sample::call();
    let show = |options: Options| {
        let mut writer = EntryWriter::new(Format::Table, &table, options);
        let mut out = Vec::new();
        writer.begin(&mut out);
        writer.write(&entry, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        show(Options::default()),
        "TIME (UTC)    PROTOCOL  STATUS    TOOK  CLIENT                 SERVER                 SUMMARY\n\
         22:00:00.000  http         200  1.53ms  curl:50123             shop.example.org:80    GET /cart/items?id=17&sort=price\n"
    );
    assert_eq!(
        show(Options { width: Some(80), ..Options::default() }),
        "TIME (UTC)    PROTOCOL  STATUS    TOOK  CLIENT        SERVER        SUMMARY\n\
         22:00:00.000  http         200  1.53ms  curl:50123    …mple.org:80  GET /cart/i…\n"
    );
    entry.outcome = Outcome::Failed;
    let show = |options: Options| {
        let mut writer = EntryWriter::new(Format::Table, &table, options);
        let mut out = Vec::new();
        writer.write(&entry, &mut out);
        String::from_utf8(out).unwrap()
    };
    let line = show(Options { has_color: true, ..Options::default() });
    assert!(line.starts_with("\x1b[1;31m") && line.ends_with("\x1b[0m\n"), "{line:?}");
}

#[test]
fn a_table_shows_no_control_characters() {
    let mut entry = entry_with(|values| values.text(sample::URL, "/\x1b[31m\n\u{202e}x\u{9b}".as_bytes()));
    entry.outcome = Outcome::ServerError;
    entry.notes.add("odd");
    let line = written(Format::Table, Options::default(), &entry);
    assert!(
        line.ends_with(" error  1.53ms  10.0.0.7:50123         10.0.0.9:80            /·[31m ·x· (odd)\n"),
        "{line:?}"
    );
    let line = with_fields(Format::Table, "method,url,id", &entry);
    assert!(!line.trim_end().contains(char::is_control), "{line:?}");
}

#[test]
fn columns_are_checked() {
    let table = sample::table();
    for (list, message) in [
        ("metod", "unknown field `metod`, did you mean `method`?"),
        ("nothing_like_it", "unknown field `nothing_like_it`"),
        ("id,,url", "a field name is missing in `id,,url`"),
        ("", "a field name is missing in ``"),
        ("id[\"a\"]", "`id[\"a\"]`: the field `id` is of type int and has no keys"),
        ("request.headers[\"a", "a bracket or quote is not closed in `request.headers[\"a`"),
        ("request.headers[a]", "a bracket or quote is not closed in `request.headers[a]`"),
        ("request.heders.a", "unknown field `request.heders.a`, did you mean `request.headers`?"),
    ] {
        assert_eq!(Column::parse_list(&table, list).unwrap_err().to_string(), message, "{list}");
    }
    assert!(matches!(Column::parse(&table, "id.x"), Err(ColumnError::NotAMap { .. })));
    let names: Vec<String> = Column::parse_list(&table, " id , request.headers[\"a,b\"] ")
        .unwrap()
        .into_iter()
        .map(|column| column.name)
        .collect();
    assert_eq!(names, ["id", "request.headers[\"a,b\"]"]);
}

#[test]
fn the_fields_that_are_read_are_known() {
    let table = sample::table();
    let paths = |format, options| -> Vec<&str> {
        EntryWriter::new(format, &table, options).fields().into_iter().map(|id| table.spec(id).path).collect()
    };
    assert_eq!(
        paths(Format::Csv, Options::with_fields(&table, "id,request.headers.host").unwrap()),
        ["id", "request.headers"]
    );
    assert!(paths(Format::Jsonl, Options::default()).contains(&"response.body"));
    let of_table = paths(Format::Table, Options::default());
    assert!(of_table.contains(&"url") && of_table.contains(&"src.ip"));
    assert!(!of_table.contains(&"response.body") && !of_table.contains(&"request.headers"));
}

#[test]
fn icmp_has_no_ports_in_a_table() {
    let mut entry = sample::bare();
    let mut connection = (*entry.connection).clone();
    connection.facts.transport = Transport::Icmp;
    entry.connection = connection.into();
    assert!(written(Format::Table, Options::default(), &entry).contains("10.0.0.7               10.0.0.9\n"));
}

/// Calls on a few connections, in turn: with processes that become known, other names, and roles that turn.
fn calls() -> Vec<Entry> {
    let identity = |name: &str| {
        let process_name = name.to_owned();
        Arc::new(Identity { status: ResolutionStatus::Resolved, process_name, pid: 7, ..Identity::default() })
    };
    let connections: Vec<_> = (0..3u64)
        .map(|id| {
            let mut connection = (*sample::bare().connection).clone();
            connection.facts.id = id * 1024;
            connection.values = Values::default();
            connection.values.text_fmt(fields::STREAM, format_args!("{id:x}"));
            Arc::new(connection)
        })
        .collect();
    let (one, other) = (identity("one"), identity("other"));
    let mut calls = Vec::new();
    for number in 0..60u64 {
        let mut entry = if number % 5 == 0 { sample::bare() } else { sample::call() };
        entry.id = number;
        entry.index = number / 3;
        entry.connection = Arc::clone(&connections[(number % 3) as usize]);
        entry.src.identity = match number {
            0..20 => None,
            20..40 => Some(Arc::clone(&one)),
            _ => Some(Arc::clone(if number % 2 == 0 { &one } else { &other })),
        };
        entry.dst.dns = (number > 30).then(|| Arc::from(format!("host{}", number / 10)));
        if number % 7 == 0 {
            std::mem::swap(&mut entry.src, &mut entry.dst);
        }
        if number % 11 == 0 {
            entry.class = EntryClass::Connection;
        }
        calls.push(entry);
    }
    calls
}

#[test]
fn a_line_does_not_depend_on_the_lines_before() {
    let table = sample::table();
    for fields in [None, Some("id,src.ip,src.name,path,conn_id,dst.dns,outcome")] {
        let options = || fields.map_or_else(Options::default, |list| Options::with_fields(&table, list).unwrap());
        let mut writer = EntryWriter::new(Format::Jsonl, &table, options());
        for entry in calls() {
            let mut line = Vec::new();
            writer.write(&entry, &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), written(Format::Jsonl, options(), &entry));
        }
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "\\PC{0,20}".prop_map(String::into_bytes),
        "[a-c\"\\\\\n]{0,40}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_valid_json(url in bytes(), payload in bytes(), items in prop::collection::vec(bytes(), 0..5),
                                pairs in prop::collection::vec((bytes(), bytes()), 0..40), body in bytes()) {
        let mut entry = entry_with(|values| {
            values.text(sample::URL, &url);
            values.bytes(sample::PAYLOAD, &payload);
            let mut list = values.list(sample::QUESTIONS);
            items.iter().for_each(|item| list.push(item));
            list.finish();
            let mut map = values.map(sample::REQUEST_HEADERS);
            pairs.iter().for_each(|(name, value)| map.push(name, value));
            map.finish();
        });
        if let Some(request) = &mut entry.request {
            request.body.bytes = body.clone();
            request.body.is_present = true;
        }
        let json = jsonl(&entry);
        for (name, bytes) in [("url", &url), ("payload", &payload)] {
            match std::str::from_utf8(bytes) {
                Ok(text) => prop_assert_eq!(&json[name], text),
                Err(_) => prop_assert!(json[name.to_owned() + "_b64"].is_string()),
            }
        }
        if let Ok(text) = std::str::from_utf8(&body) {
            prop_assert_eq!(&json["request"]["body"], text);
        }
        let values = |value: &Value| value.as_array().map_or(usize::from(value.is_string()), Vec::len);
        let listed = values(&json["questions"]) + values(&json["questions_b64"]);
        prop_assert_eq!(listed, items.len());
        let kept: usize = json["request"]["headers"].as_object().unwrap().values().map(values).sum();
        prop_assert_eq!(kept, pairs.len());
        for format in [Format::Table, Format::Csv] {
            written(format, Options { width: Some(60), ..Options::default() }, &entry);
        }
    }
}
