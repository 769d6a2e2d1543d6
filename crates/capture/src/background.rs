//! Threads that give way: they run when a CPU has nothing else to do, for as long as they are not starved by it.
//!
//! A program that observes a machine competes with the observed for its CPUs. Where there is CPU time to spare, the
//! threads that take in packets run by `SCHED_IDLE` (sched(7)): whoever is observed takes the CPU from them at once, and is
//! woken on it as if it were free. Where CPU time is short this would starve them, and packets would be lost. So a guard,
//! which comes before all others (`SCHED_FIFO`), looks again and again how much of the kernel's packet ring is unread, and now
//! and then how long the threads waited. Where that is much, it lets them compete like any other thread until there is CPU
//! time to spare again.

mod sys;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use sys::Policy;

use crate::live::backlogs;
use crate::privileges::{self, Capabilities};

/// Threads that give way, until this is dropped.
pub struct Background {
    stop: Option<Sender<()>>,
    guard: Option<JoinHandle<()>>,
}

impl Background {
    /// Lets the calling thread give way, with those of this program that have no name of their own, such as workers that it
    /// starts, and those that have one of these names.
    ///
    /// To come back takes [`Capabilities::GUARD`]: it goes from the calling thread to the guard, so this comes before
    /// other threads are started. Where it is not there, or the program was started with a policy of its own (chrt(1)), all
    /// is left as it is, and nothing is given.
    pub fn begin(names: &'static [&'static str]) -> Option<Background> {
        let own_name = name_of(sys::own_thread()).unwrap_or_default();
        let (stop, stopped) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let run = move || {
            let is_able = privileges::keep_in_thread(Capabilities::GUARD).is_ok() && is_reversible();
            if tell.send(is_able).is_err() || !is_able {
                return;
            }
            // Without it the guard is a thread like any other, and is woken a little later.
            let _ = sys::set_policy(sys::own_thread(), Policy::First);
            let mut guard = Guard { own_name, names, giving_way: None, spare: Spare::default() };
            while guard.watch(&stopped) {}
            guard.compete();
        };
        let guard = Builder::new().name("guard".to_owned()).spawn(run).ok();
        let is_able = told.recv().unwrap_or(false);
        let is_left = privileges::keep_in_thread(Capabilities::CAPTURE).is_ok();
        (is_able && is_left).then_some(Background { stop: Some(stop), guard })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(guard) = self.guard.take() {
            let _ = guard.join();
        }
    }
}

/// Whether threads are scheduled like any other, and come back from [`Policy::Idle`]: tried on the calling one.
fn is_reversible() -> bool {
    let own = sys::own_thread();
    sys::is(own, Policy::Normal)
        && sys::set_policy(own, Policy::Idle).and_then(|()| sys::set_policy(own, Policy::Normal)).is_ok()
}

/// Decides whether the threads give way.
struct Guard {
    /// The name of the thread that asked for it, and of threads without a name of their own.
    own_name: String,
    names: &'static [&'static str],
    /// The threads that give way now, where they do.
    giving_way: Option<Vec<Watched>>,
    spare: Spare,
}

impl Guard {
    /// Looks at the rings while threads give way, and at the end of [`LOOK_EVERY`] at the threads; false where it is to stop.
    fn watch(&mut self, stopped: &Receiver<()>) -> bool {
        let is_stopped = |time| stopped.recv_timeout(time) != Err(RecvTimeoutError::Timeout);
        let (rings, looks_at) = (backlogs(), Instant::now() + LOOK_EVERY);
        while self.giving_way.is_some() && Instant::now() < looks_at {
            if is_stopped(RING_EVERY) {
                return false;
            }
            if rings.iter().any(|ring| ring.is_unread_by(UNREAD_PART)) {
                self.compete();
            }
        }
        if is_stopped(looks_at.saturating_duration_since(Instant::now())) {
            return false;
        }
        self.look();
        true
    }

    fn look(&mut self) {
        match &mut self.giving_way {
            // Each is asked, so that all count from now on.
            Some(threads) => {
                let longest = threads.iter_mut().filter_map(Watched::waited).fold(0.0, f64::max);
                if longest > STARVED {
                    self.compete();
                }
            }
            None if self.spare.look() => self.give_way(),
            None => {}
        }
    }

    fn give_way(&mut self) {
        let is_meant = |name: String| name == self.own_name || self.names.contains(&name.as_str());
        let chosen = threads().filter(|thread| name_of(*thread).is_some_and(is_meant));
        // None gives way that can't be watched.
        let watched = chosen.filter_map(|thread| {
            let watched = Watched::open(thread)?;
            sys::set_policy(thread, Policy::Idle).ok().map(|()| watched)
        });
        self.giving_way = Some(watched.collect());
    }

    fn compete(&mut self) {
        let Some(known) = self.giving_way.take() else { return };
        for thread in known {
            let _ = sys::set_policy(thread.number, Policy::Normal);
        }
        // Those that were started meanwhile are as those that started them.
        for thread in threads().filter(|thread| sys::is(*thread, Policy::Idle)) {
            // One that is gone needs nothing any more.
            let _ = sys::set_policy(thread, Policy::Normal);
        }
        self.spare = Spare::default();
    }
}

/// The threads of this program.
fn threads() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir(TASKS).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn name_of(thread: i32) -> Option<String> {
    let name = fs::read_to_string(format!("{TASKS}/{thread}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// A thread that gives way, and how long it has waited for a CPU.
struct Watched {
    number: i32,
    schedstat: File,
    stat: File,
    seen: Times,
    looked_at: Instant,
    /// Whether it could have run at the last look, and had not run since the one before.
    is_stuck: bool,
}

impl Watched {
    fn open(thread: i32) -> Option<Watched> {
        let open = |name: &str| File::open(format!("{TASKS}/{thread}/{name}")).ok();
        let (schedstat, stat) = (open("schedstat")?, open("stat")?);
        let seen = Times::parse(&read(&schedstat)?)?;
        Some(Watched { number: thread, schedstat, stat, seen, looked_at: Instant::now(), is_stuck: false })
    }

    /// The share of the time since the last look, from 0 to 1, in which the thread waited for a CPU; nothing where it has
    /// ended.
    fn waited(&mut self) -> Option<f64> {
        let now = Times::parse(&read(&self.schedstat)?)?;
        let (before, passed) = (std::mem::replace(&mut self.seen, now), self.looked_at.elapsed());
        self.looked_at = Instant::now();
        // The system counts a wait when it is over. Once may be a thread that was woken this moment.
        let was_stuck = std::mem::take(&mut self.is_stuck);
        if now == before {
            self.is_stuck = is_runnable(&read(&self.stat)?);
            return Some(if was_stuck && self.is_stuck { 1.0 } else { 0.0 });
        }
        let waited = Duration::from_nanos(now.waiting_ns.saturating_sub(before.waiting_ns));
        Some(waited.as_secs_f64() / passed.as_secs_f64().max(f64::MIN_POSITIVE))
    }
}

/// What a thread did so far, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    running_ns: u64,
    waiting_ns: u64,
}

impl Times {
    /// Reads `/proc/PID/task/TID/schedstat`: time on a CPU, time waiting for one, and how often it ran.
    fn parse(text: &str) -> Option<Times> {
        let mut numbers = text.split_ascii_whitespace().map(str::parse);
        Some(Times { running_ns: numbers.next()?.ok()?, waiting_ns: numbers.next()?.ok()? })
    }
}

/// Reads the state in `/proc/PID/task/TID/stat`: it comes behind the name, which may hold anything.
fn is_runnable(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))
}

/// Whether the CPUs of the machine have time to spare.
struct Spare {
    seen: Option<Ticks>,
    looks: u32,
}

/// CPU time of the whole machine, in ticks of the clock (proc_stat(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    all: u64,
    idle: u64,
}

impl Default for Spare {
    fn default() -> Self {
        Spare { seen: Ticks::now(), looks: 0 }
    }
}

impl Spare {
    /// Whether enough of the last [`LOOKS`] looks' CPU time was idle.
    fn look(&mut self) -> bool {
        self.looks = self.looks.saturating_add(1);
        if self.looks < LOOKS {
            return false;
        }
        let last = std::mem::take(self);
        last.seen.zip(self.seen).is_some_and(|(before, now)| now.idle_since(&before) >= SPARED)
    }
}

impl Ticks {
    fn now() -> Option<Ticks> {
        Ticks::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// Reads the first line of `/proc/stat`: user, nice, system, idle, waiting for a disk, interrupts, the same in software,
    /// and stolen by the host. What guests ran is in user already.
    fn parse(text: &str) -> Option<Ticks> {
        let numbers = text.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
        let numbers: Vec<u64> = numbers.take(8).map_while(|number| number.parse().ok()).collect();
        let [_, _, _, idle, disk, ..] = numbers.as_slice() else { return None };
        Some(Ticks { all: numbers.iter().sum(), idle: idle.saturating_add(*disk) })
    }

    /// The share of CPU time, from 0 to 1, that was idle since an earlier look.
    fn idle_since(&self, before: &Ticks) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.idle.saturating_sub(before.idle) as f64 / all as f64
    }
}

fn read(file: &File) -> Option<String> {
    let mut buffer = [0u8; 1024];
    let length = file.read_at(&mut buffer, 0).ok()?;
    String::from_utf8(buffer.get(..length)?.to_vec()).ok()
}

/// How often the guard looks at how long the threads waited.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the guard looks at the rings. To be woken by the ring would cost nothing on a quiet machine, but the kernel wakes
/// in the middle of the work of the observed, whose latency rose by more than giving way had won.
const RING_EVERY: Duration = Duration::from_millis(5);
/// Threads compete when a quarter of a ring is unread: 4 MiB of 16, which a transfer of 500 MB a second fills in 8 ms.
const UNREAD_PART: usize = 4;
/// A thread that waited for more than this share of the time between two looks is starved.
const STARVED: f64 = 0.5;
/// Threads give way when at least this share of the machine's CPU time was idle.
const SPARED: f64 = 0.25;
/// Over how many looks CPU time is counted before threads give way: a second.
const LOOKS: u32 = 10;
const TASKS: &str = "/proc/self/task";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_behind_any_name() {
        assert!(is_runnable("12 (a) S (b) R 1 12"));
        assert!(!is_runnable("12 (a) R (b) S 1 12") && !is_runnable("") && !is_runnable("12 (x"));
    }

    #[test]
    fn idle_time_is_a_share_of_all() {
        let before = Ticks::parse("cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1 2").unwrap();
        let now = Ticks::parse("cpu  150 0 70 820 60 0 0 0 9 0\n").unwrap();
        assert_eq!(before, Ticks { all: 1000, idle: 850 });
        assert!((now.idle_since(&before) - 0.3).abs() < 1e-9);
        assert_eq!(Ticks::parse("intr 5"), None);
        assert_eq!(Ticks::parse("cpu  1 2 3"), None);
    }

    #[test]
    fn waits_of_a_running_thread_are_known() {
        assert_eq!(Times::parse("120 30 4\n"), Some(Times { running_ns: 120, waiting_ns: 30 }));
        assert_eq!(Times::parse("120"), None);
        let mut own = Watched::open(sys::own_thread()).unwrap();
        let waited = own.waited().unwrap();
        assert!((0.0..=1.0).contains(&waited), "{waited}");
    }

    #[test]
    fn threads_give_way_and_come_back() {
        if !is_reversible() {
            eprintln!("skipped: threads that give way could not come back here");
            return;
        }
        let own = sys::own_thread();
        let mut guard =
            Guard { own_name: name_of(own).unwrap(), names: &[], giving_way: None, spare: Spare::default() };
        guard.give_way();
        assert!(sys::is(own, Policy::Idle));
        assert_eq!(guard.giving_way.as_ref().map(Vec::len), Some(1));
        guard.compete();
        assert!(sys::is(own, Policy::Normal));
    }
}
