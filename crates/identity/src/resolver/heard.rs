//! Who served at an address: a call that finds nobody there any more is still a call to that service.

use std::collections::HashMap;
use std::sync::Arc;

use lanternfish_model::{Endpoint, Identity, ResolutionStatus};

/// The processes that served last, by address and port.
#[derive(Debug, Default)]
pub(super) struct Heard(HashMap<Endpoint, Known>);

#[derive(Debug)]
struct Known {
    served: Arc<Identity>,
    /// The same, as one that has ended.
    ended: Arc<Identity>,
}

impl Heard {
    /// Takes notice of a server that was found; where there is none any more, gives the one that served there last, as ended.
    pub(super) fn server(&mut self, at: Endpoint, found: &Arc<Identity>) -> Arc<Identity> {
        let known = self.0.get(&at);
        match found.status {
            ResolutionStatus::Resolved if known.is_none_or(|known| !Arc::ptr_eq(&known.served, found)) => {
                if self.0.len() >= MAX_SERVERS {
                    self.0.clear();
                }
                let ended = Identity { status: ResolutionStatus::ProcessEnded, ..Identity::clone(found) };
                self.0.insert(at, Known { served: Arc::clone(found), ended: Arc::new(ended) });
                Arc::clone(found)
            }
            ResolutionStatus::ProcessEnded if found.process_name.is_empty() => {
                known.map_or_else(|| Arc::clone(found), |known| Arc::clone(&known.ended))
            }
            _ => Arc::clone(found),
        }
    }
}

/// The most servers that are remembered; past it all are forgotten, and learned anew.
const MAX_SERVERS: usize = 4096;
