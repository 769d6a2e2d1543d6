//! The calls to the system that change users and capabilities, each behind a safe function.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;

use super::Capabilities;

/// The capabilities of this thread.
pub struct Current {
    pub effective: Capabilities,
    pub permitted: Capabilities,
}

/// Reads the capabilities of this thread (capget(2)).
pub fn read_capabilities() -> io::Result<Current> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut data = [Data::default(); 2];
    // SAFETY: version 3 reads a header and two data words, which live during the call.
    check(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) })?;
    let [low, high] = data;
    let join = |low: u32, high: u32| Capabilities(u64::from(high) << 32 | u64::from(low));
    Ok(Current { effective: join(low.effective, high.effective), permitted: join(low.permitted, high.permitted) })
}

/// Sets the permitted and the effective set and empties the inheritable one (capset(2)).
pub fn write_capabilities(permitted: Capabilities, effective: Capabilities) -> io::Result<()> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let half = |permitted: u64, effective: u64| Data {
        effective: effective as u32,
        permitted: permitted as u32,
        inheritable: 0,
    };
    let data = [half(permitted.0, effective.0), half(permitted.0 >> 32, effective.0 >> 32)];
    // SAFETY: version 3 reads a header and two data words, which live during the call.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) })
}

/// Empties the ambient set.
pub fn clear_ambient() -> io::Result<()> {
    control(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64)
}

/// Takes everything but `kept` from the bounding set.
pub fn limit_bounding(kept: Capabilities) -> io::Result<()> {
    for number in 0..64u64 {
        if kept.0 & (1 << number) != 0 {
            continue;
        }
        match control(libc::PR_CAPBSET_DROP, number) {
            // Past the last capability that this kernel knows.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
            result => result?,
        }
    }
    Ok(())
}

/// Keeps the permitted capabilities when the user changes from root.
pub fn keep_capabilities_over_user_change() -> io::Result<()> {
    control(libc::PR_SET_KEEPCAPS, 1)
}

/// Forbids rights by executing other programs.
pub fn forbid_new_rights() -> io::Result<()> {
    control(libc::PR_SET_NO_NEW_PRIVS, 1)
}

/// Forbids core files and, to others, tracing.
pub fn forbid_dump() -> io::Result<()> {
    control(libc::PR_SET_DUMPABLE, 0)
}

/// Becomes a user for good, with a group and the user's other groups.
pub fn change_user(uid: u32, gid: u32) -> io::Result<()> {
    let groups = groups_of(uid, gid);
    // SAFETY: the list lives during the call and its length is given; the other calls take numbers only.
    unsafe {
        check(libc::setgroups(groups.len(), groups.as_ptr()).into())?;
        check(libc::setresgid(gid, gid, gid).into())?;
        check(libc::setresuid(uid, uid, uid).into())
    }
}

/// The effective user and group.
pub fn user() -> (u32, u32) {
    // SAFETY: these calls take nothing and can't fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Whether this program runs as root.
pub fn is_root() -> bool {
    user().0 == 0
}

/// The groups of a user as the system's user database lists them; only `gid` where it does not know the user.
fn groups_of(uid: u32, gid: u32) -> Vec<libc::gid_t> {
    let mut buffer = vec![0u8; NAME_BUFFER_BYTES];
    // SAFETY: the structure is plain numbers and pointers, for which zero is valid.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers live during the call and the size of the buffer is given.
    let result = unsafe { libc::getpwuid_r(uid, &mut entry, buffer.as_mut_ptr().cast(), buffer.len(), &mut found) };
    if result != 0 || found.is_null() || entry.pw_name.is_null() {
        return vec![gid];
    }
    let mut groups = vec![gid; MAX_GROUPS];
    let mut count = MAX_GROUPS as libc::c_int;
    // SAFETY: `pw_name` is a C string inside `buffer`; the list has `count` places.
    unsafe {
        let name = CStr::from_ptr(entry.pw_name);
        if libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &mut count) < 0 {
            return vec![gid];
        }
    }
    groups.truncate(usize::try_from(count).unwrap_or(0));
    groups
}

fn control(option: i32, value: u64) -> io::Result<()> {
    // SAFETY: every option that is used here takes numbers only; the unused ones must be 0.
    check(
        unsafe {
            libc::prctl(option, value as libc::c_ulong, 0 as libc::c_ulong, 0 as libc::c_ulong, 0 as libc::c_ulong)
        }
        .into(),
    )
}

fn check(result: i64) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// `struct __user_cap_header_struct` of linux/capability.h.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct` of linux/capability.h.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

const VERSION_3: u32 = 0x2008_0522;
const NAME_BUFFER_BYTES: usize = 16 << 10;
const MAX_GROUPS: usize = 1024;
