//! Who is at each end of a connection: the process, its user and container, and the DNS name of an address.
//!
//! [`Resolver`] finds the process behind a local endpoint of this machine while the connection lives, by the kernel's
//! socket tables and /proc, on a thread of its own with a budget of time. [`Names`] remembers which name an address had
//! when. [`NodeFacts`] tells this machine apart from others. Kubernetes is not asked here.

mod addresses;
mod container;
mod diag;
mod names;
mod netlink;
mod node;
mod owners;
mod proc_net;
mod process;
mod resolver;
mod survey;
mod users;

pub use container::container_id;
pub use diag::{Socket, SocketDiag};
pub use names::{Names, NamesStats};
pub use node::NodeFacts;
pub use resolver::{Ends, Resolver, ResolverConfig, ResolverStats, Ticket};
pub use survey::{Listener, MAX_PROCESSES, Speaker, Survey, survey};
