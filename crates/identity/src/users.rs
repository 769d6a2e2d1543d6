//! The names of users, from /etc/passwd (passwd(5)).

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use crate::proc_net::read_limited;

/// Names by number, read again when the file changes.
#[derive(Debug, Default)]
pub struct Users {
    names: HashMap<u32, String>,
    changed_at: Option<SystemTime>,
    looked_at: Option<Instant>,
}

impl Users {
    /// The name of a user, else the number.
    pub fn name(&mut self, uid: u32) -> String {
        self.refresh();
        self.names.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    fn refresh(&mut self) {
        if self.looked_at.is_some_and(|then| then.elapsed() < LOOK_EVERY) {
            return;
        }
        self.looked_at = Some(Instant::now());
        let changed_at = std::fs::metadata(PASSWD).and_then(|facts| facts.modified()).ok();
        if changed_at == self.changed_at && changed_at.is_some() {
            return;
        }
        self.changed_at = changed_at;
        if let Ok(text) = read_limited(PASSWD, MAX_BYTES) {
            self.names = read_names(&text);
        }
    }
}

/// The first line of a number counts, as for the system.
fn read_names(text: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut parts = line.split(':');
        if let (Some(name), Some(Ok(uid))) = (parts.next(), parts.nth(1).map(str::parse)) {
            names.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    names
}

const PASSWD: &str = "/etc/passwd";
const LOOK_EVERY: Duration = Duration::from_secs(10);
const MAX_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_counts() {
        let names = read_names("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nbad\nweb:x:33:33::/:\n+::::::\n");
        assert_eq!(names.len(), 2);
        assert_eq!((names[&0].as_str(), names[&33].as_str()), ("root", "web"));
        assert_eq!(Users::default().name(4_000_000_000), "4000000000");
    }
}
