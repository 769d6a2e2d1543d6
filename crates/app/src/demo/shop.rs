//! The shop: how it is opened, and how it is closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Result;

use super::process::Processes;
use super::staff::{self, Counts, Places, Plan, Role};
use super::stop::Stop;

/// What the shop is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Rounds of calls a second; a round is about five calls.
    pub(crate) rounds_per_second: u32,
    /// The seed of all that looks random.
    pub(crate) seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { rounds_per_second: 3, seed: 1 }
    }
}

/// The shop under way; it closes when it is dropped.
pub(crate) struct Shop {
    places: Places,
    staff: Staff,
}

/// Who works in the shop.
enum Staff {
    /// A process for each service, so that they have names of their own.
    Processes { _held: Processes },
    /// Threads of this program, where it can't start itself.
    Threads {
        stop: Stop,
        threads: Vec<JoinHandle<()>>,
        #[cfg(test)]
        counts: Arc<Counts>,
    },
}

impl Shop {
    /// Opens the shop.
    pub(crate) fn start(options: Options) -> Result<Shop> {
        match Processes::start(options) {
            Ok((processes, places)) => Ok(Shop { places, staff: Staff::Processes { _held: processes } }),
            Err(_) => Shop::within(options),
        }
    }

    /// Opens the shop within this process.
    fn within(options: Options) -> Result<Shop> {
        let doors = Role::ALL.into_iter().map(|role| Ok((role, role.open()?))).collect::<Result<Vec<_>>>()?;
        let places = Places::of(doors.iter().filter_map(|(role, door)| Some((*role, door.address()?))))?;
        let plan = Arc::new(Plan::new(places, options)?);
        let (stop, counts) = (Stop::default(), Arc::<Counts>::default());
        let mut threads = Vec::new();
        for (role, door) in doors {
            let (plan, stop, counts) = (Arc::clone(&plan), stop.clone(), Arc::clone(&counts));
            let work = move || staff::work(role, door, &plan, &stop, &counts);
            threads.push(thread::Builder::new().name(format!("shop-{}", role.name())).spawn(work)?);
        }
        Ok(Shop {
            places,
            staff: Staff::Threads {
                stop,
                threads,
                #[cfg(test)]
                counts,
            },
        })
    }

    /// The services with their addresses, a line each.
    pub(crate) fn describe(&self) -> String {
        let line =
            |(name, what, at): (&str, &str, SocketAddr)| format!("  {:<10} {:<18} {what}\n", name, at.to_string());
        Role::ALL
            .into_iter()
            .filter_map(|role| Some(line((role.name(), role.speaks(), self.places.at(role)?))))
            .collect()
    }

    /// Calls made, and how many of them did not go well; nothing where other processes make them.
    #[cfg(test)]
    fn counts(&self) -> (u64, u64) {
        match &self.staff {
            Staff::Threads { counts, .. } => counts.read(),
            Staff::Processes { .. } => (0, 0),
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let Staff::Threads { stop, threads, .. } = &mut self.staff else { return };
        stop.set();
        for thread in threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_shop_lives_and_closes() {
        let shop = Shop::within(Options { rounds_per_second: 40, seed: 3 }).unwrap();
        let gateway = shop.places.at(Role::Gateway).unwrap();
        thread::sleep(Duration::from_secs(3));
        let (calls, failures) = shop.counts();
        assert!(calls > 40 && failures > 0 && failures < calls / 2, "{calls} calls, {failures} failures");
        assert!(shop.describe().contains("payment"));
        drop(shop);
        assert!(TcpStream::connect(gateway).is_err());
    }
}
