//! Rights: what capturing needs, and giving up everything else.
//!
//! A program that captures opens its sockets, calls [`keep_for_capture`], and goes on as the user who called sudo with only
//! the capabilities (capabilities(7)) that it still needs. A program that only reads files calls [`drop_all`] before it
//! opens the first. Both must be called before any thread is started, because a capability belongs to a thread.

mod sys;

use std::io;
use std::path::Path;

/// A capability by its number in linux/capability.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability(pub u8);

impl Capability {
    /// Read any file and search any folder: the descriptors in /proc of other users' processes.
    pub const DAC_READ_SEARCH: Capability = Capability(2);
    /// Open packet sockets.
    pub const NET_RAW: Capability = Capability(13);
    /// Look at other users' processes.
    pub const SYS_PTRACE: Capability = Capability(19);
    /// Let threads that gave way to others compete with them again ([`crate::background`]).
    pub const SYS_NICE: Capability = Capability(23);

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Capability::DAC_READ_SEARCH => "CAP_DAC_READ_SEARCH",
            Capability::NET_RAW => "CAP_NET_RAW",
            Capability::SYS_PTRACE => "CAP_SYS_PTRACE",
            Capability::SYS_NICE => "CAP_SYS_NICE",
            _ => "another capability",
        }
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// What a capturing program needs for good: packet sockets that are opened again, and other users' processes.
    pub const CAPTURE: Capabilities =
        Capabilities(1 << Capability::NET_RAW.0 | 1 << Capability::SYS_PTRACE.0 | 1 << Capability::DAC_READ_SEARCH.0);

    /// What one thread of such a program needs for good, where it is to be had: the one that guards the others.
    pub const GUARD: Capabilities = Capabilities(1 << Capability::SYS_NICE.0);

    /// Whether it holds a capability.
    pub const fn contains(self, capability: Capability) -> bool {
        capability.0 < 64 && self.0 & (1 << capability.0) != 0
    }

    /// The capabilities that are in one or the other.
    pub const fn or(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 | other.0)
    }

    /// The capabilities that are in both.
    pub const fn and(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 & other.0)
    }
}

/// Why rights could not be given up.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// Threads run already, which would keep their rights.
    #[error("rights can't be given up while {count} threads run")]
    ThreadsRunning {
        /// How many threads run.
        count: usize,
    },
    /// A call to the system failed.
    #[error("{call} failed: {source}")]
    System {
        /// The call.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What is left after rights were given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The user that the program runs as now.
    pub uid: u32,
    /// The group that it runs as now.
    pub gid: u32,
    /// Whether it went from root to the user who called sudo.
    pub is_changed_user: bool,
    /// The capabilities that it has now.
    pub kept: Capabilities,
    /// Whether it had capabilities before.
    pub was_privileged: bool,
}

/// Whether the program runs as root.
pub fn is_root() -> bool {
    sys::is_root()
}

/// The number of the user as whom the program goes on: the one who called sudo, or else the one that it runs as.
pub fn lasting_user() -> u32 {
    sudo_user().map_or_else(|| sys::user().0, |(uid, _)| uid)
}

/// Lays aside the right to read files of others until [`take_up`], where it was given to the program rather than to its
/// user: what its arguments name is the user's own. Does nothing for root.
pub fn lay_aside() -> Result<(), PrivilegeError> {
    if sys::is_root() {
        return Ok(());
    }
    lower(Capabilities(!(1 << Capability::DAC_READ_SEARCH.0)))
}

/// Takes up what was laid aside.
pub fn take_up() -> Result<(), PrivilegeError> {
    lower(Capabilities(u64::MAX))
}

/// Makes the permitted capabilities effective, as far as they are among these.
fn lower(wanted: Capabilities) -> Result<(), PrivilegeError> {
    let failed = |call: &'static str| move |source: io::Error| PrivilegeError::System { call, source };
    let permitted = sys::read_capabilities().map_err(failed("capget"))?.permitted;
    sys::write_capabilities(permitted, permitted.and(wanted)).map_err(failed("capset"))
}

/// Goes on as the user who called sudo, where there is one, with at most the capabilities of [`Capabilities::CAPTURE`], and
/// those of [`Capabilities::GUARD`] until [`crate::background::Background::begin`] hands them to its thread.
pub fn keep_for_capture() -> Result<Standing, PrivilegeError> {
    give_up(Capabilities::CAPTURE.or(Capabilities::GUARD), sudo_user())
}

/// Keeps at most these capabilities in the calling thread, for good; other threads keep theirs.
pub(crate) fn keep_in_thread(wanted: Capabilities) -> io::Result<()> {
    let kept = sys::read_capabilities()?.permitted.and(wanted);
    sys::write_capabilities(kept, kept)
}

/// Gives up every capability and keeps the user: a program that reads what others wrote can do no more than its files allow.
pub fn drop_all() -> Result<Standing, PrivilegeError> {
    give_up(Capabilities::default(), None)
}

/// Gives up every capability, and goes on as the user who called sudo, where there is one: for what an instance stored that
/// was started in the same way.
pub fn drop_all_as_user() -> Result<Standing, PrivilegeError> {
    give_up(Capabilities::default(), sudo_user())
}

/// Why root may fail to open a file after [`drop_all`], for the message about it; nothing for other users and errors.
pub fn denied_hint(standing: &Standing, path: &Path, error: &io::Error) -> Option<String> {
    if error.kind() != io::ErrorKind::PermissionDenied || standing.uid != 0 || !standing.was_privileged {
        return None;
    }
    let path = path.display();
    Some(format!(
        "root's rights are given up before files are read, so {path} must be readable by its owner root or by all: \
         run as its owner, or pass it in by `< {path}` and `-`"
    ))
}

/// A right that is missing, and how to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRight {
    /// The capability.
    pub capability: Capability,
    /// What can't be seen without it.
    pub effect: &'static str,
    /// How to get it, for the program at `program`.
    pub remedy: String,
}

/// The rights that capturing needs and this thread may not take up; `program` is the path of the executable.
pub fn missing_rights(program: &Path) -> io::Result<Vec<MissingRight>> {
    let current = sys::read_capabilities()?;
    let needs = [
        (Capability::NET_RAW, "no live packets can be captured"),
        (Capability::SYS_PTRACE, "processes of other users can't be named"),
        (Capability::DAC_READ_SEARCH, "processes of other users can't be named"),
    ];
    let missing = needs.into_iter().filter(|(capability, _)| !current.permitted.contains(*capability));
    Ok(missing
        .map(|(capability, effect)| MissingRight {
            capability,
            effect,
            remedy: format!(
                "use sudo, or as root: setcap cap_net_raw,cap_sys_ptrace,cap_dac_read_search+ep {} (and let only a \
                 trusted group run it: chgrp GROUP, chmod 750)",
                program.display()
            ),
        })
        .collect())
}

/// The user and group who called sudo, where this program runs as root through it.
fn sudo_user() -> Option<(u32, u32)> {
    if !sys::is_root() {
        return None;
    }
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    let (uid, gid) = (number("SUDO_UID")?, number("SUDO_GID")?);
    // The largest number means "leave as it is" to the system (setresuid(2)).
    (uid != 0 && uid != u32::MAX && gid != u32::MAX).then_some((uid, gid))
}

fn give_up(wanted: Capabilities, user: Option<(u32, u32)>) -> Result<Standing, PrivilegeError> {
    let failed = |call: &'static str| move |source: io::Error| PrivilegeError::System { call, source };
    let count = std::fs::read_dir("/proc/self/task").map_err(failed("reading /proc/self/task"))?.count();
    if count != 1 {
        return Err(PrivilegeError::ThreadsRunning { count });
    }
    let before = sys::read_capabilities().map_err(failed("capget"))?;
    let kept = before.permitted.and(wanted);
    sys::clear_ambient().map_err(failed("prctl(PR_CAP_AMBIENT)"))?;
    // The bounding set can only be cut with CAP_SETPCAP; without it there is nothing to win by it either.
    if before.effective.contains(CAP_SETPCAP) {
        sys::limit_bounding(kept).map_err(failed("prctl(PR_CAPBSET_DROP)"))?;
    }
    if let Some((uid, gid)) = user {
        sys::keep_capabilities_over_user_change().map_err(failed("prctl(PR_SET_KEEPCAPS)"))?;
        sys::change_user(uid, gid).map_err(failed("changing to the user who called sudo"))?;
    }
    sys::write_capabilities(kept, kept).map_err(failed("capset"))?;
    sys::forbid_new_rights().map_err(failed("prctl(PR_SET_NO_NEW_PRIVS)"))?;
    // Nobody may attach to this program and use its rights, and no core file may hold packets.
    sys::forbid_dump().map_err(failed("prctl(PR_SET_DUMPABLE)"))?;
    let (uid, gid) = sys::user();
    let after = sys::read_capabilities().map_err(failed("capget"))?;
    Ok(Standing {
        uid,
        gid,
        is_changed_user: user.is_some(),
        kept: after.permitted,
        was_privileged: before.permitted != Capabilities::default(),
    })
}

const CAP_SETPCAP: Capability = Capability(8);
