//! The calls to the system that change how threads are scheduled (sched(7)), each behind a safe function.
#![allow(unsafe_code)]

use std::io;

/// How the system chooses when a thread runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Like any other (`SCHED_OTHER`).
    Normal,
    /// When a CPU has nothing else to do, more or less (`SCHED_IDLE`).
    Idle,
    /// Before all of them (`SCHED_FIFO`): for what takes no time.
    First,
}

/// The number of the calling thread.
pub fn own_thread() -> i32 {
    // SAFETY: the call takes nothing and can't fail.
    unsafe { libc::gettid() }
}

impl Policy {
    const fn number(self) -> i32 {
        match self {
            Policy::Normal => libc::SCHED_OTHER,
            Policy::Idle => libc::SCHED_IDLE,
            Policy::First => libc::SCHED_FIFO,
        }
    }

    const fn priority(self) -> i32 {
        matches!(self, Policy::First) as i32
    }
}

/// Whether a thread has a policy (sched_getscheduler(2)).
pub fn is(thread: i32, policy: Policy) -> bool {
    // SAFETY: the call takes a number only.
    unsafe { libc::sched_getscheduler(thread) == policy.number() }
}

/// Sets the policy of a thread of this program (sched_setscheduler(2)).
pub fn set_policy(thread: i32, policy: Policy) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: policy.priority() };
    // SAFETY: the structure lives during the call.
    check(unsafe { libc::sched_setscheduler(thread, policy.number(), &raw const parameters) })
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
