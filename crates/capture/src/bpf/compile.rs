//! Compiles tcpdump's filter syntax with libpcap, which is loaded when the first filter is given.
//!
//! Only `pcap_compile` on a dead handle is used: libpcap opens no device and reads no packet here.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::OnceLock;

use super::program::{BpfProgram, Instruction};
use crate::FilterError;

/// Compiles an expression for packets of a link type (`LINKTYPE_…`); a match returns `snaplen`.
pub fn compile(expression: &str, link: u16, snaplen: u32) -> Result<BpfProgram, FilterError> {
    let library = library().ok_or(FilterError::NoLibrary)?;
    let refused = |message: String| FilterError::Expression { expression: expression.to_owned(), message };
    let text = CString::new(expression).map_err(|_| refused("it holds a NUL character".to_owned()))?;
    let snaplen = c_int::try_from(snaplen).unwrap_or(c_int::MAX);
    let mut raw = RawProgram { count: 0, instructions: std::ptr::null_mut() };
    // SAFETY: the functions have the types that pcap.h declares, see `Library`. The handle is closed once, after its error
    // message was copied, and the program is freed once, after its instructions were copied. `raw.instructions` points
    // to `raw.count` instructions after a successful compile.
    let instructions = unsafe {
        let handle = (library.open_dead)(data_link_type(link), snaplen);
        if handle.is_null() {
            return Err(refused("libpcap has no memory".to_owned()));
        }
        let is_bad = (library.compile)(handle, &mut raw, text.as_ptr(), OPTIMIZE, NETMASK_UNKNOWN) != 0;
        if is_bad {
            let message = CStr::from_ptr((library.error)(handle)).to_string_lossy().into_owned();
            (library.close)(handle);
            return Err(refused(message));
        }
        let instructions = match raw.instructions.is_null() {
            true => Vec::new(),
            false => std::slice::from_raw_parts(raw.instructions, raw.count as usize).to_vec(),
        };
        (library.free)(&mut raw);
        (library.close)(handle);
        instructions
    };
    let convert = |raw: RawInstruction| Instruction {
        code: raw.code,
        jump_true: raw.jump_true,
        jump_false: raw.jump_false,
        k: raw.k,
    };
    BpfProgram::new(instructions.into_iter().map(convert).collect())
}

/// Whether libpcap can be loaded, so that filters can be used.
pub fn is_libpcap_present() -> bool {
    library().is_some()
}

/// The number that libpcap uses inside for a link type, where it differs from the one in files (pcap-common.c).
fn data_link_type(link: u16) -> c_int {
    match link {
        100 => 11,
        101 => 12,
        other => c_int::from(other),
    }
}

/// `struct bpf_program` of pcap/bpf.h.
#[repr(C)]
struct RawProgram {
    count: u32,
    instructions: *mut RawInstruction,
}

/// `struct bpf_insn` of pcap/bpf.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct RawInstruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    k: u32,
}

/// The functions of libpcap that are used, with the types of pcap/pcap.h.
struct Library {
    open_dead: unsafe extern "C" fn(c_int, c_int) -> *mut c_void,
    compile: unsafe extern "C" fn(*mut c_void, *mut RawProgram, *const c_char, c_int, u32) -> c_int,
    error: unsafe extern "C" fn(*mut c_void) -> *mut c_char,
    free: unsafe extern "C" fn(*mut RawProgram),
    close: unsafe extern "C" fn(*mut c_void),
    #[cfg(test)]
    offline_filter: unsafe extern "C" fn(*const RawProgram, *const RawPacketHeader, *const u8) -> c_int,
}

/// The library, loaded once and never unloaded.
fn library() -> Option<&'static Library> {
    static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
    LIBRARY.get_or_init(load).as_ref()
}

fn load() -> Option<Library> {
    for name in NAMES {
        // SAFETY: the name is a C string; the handle stays open for the life of the process, so that the functions stay
        // valid. Each function is a pointer of the size of `*mut c_void` and has the type that pcap.h declares.
        unsafe {
            let handle = libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
            if handle.is_null() {
                continue;
            }
            return Some(Library {
                open_dead: find(handle, c"pcap_open_dead")?,
                compile: find(handle, c"pcap_compile")?,
                error: find(handle, c"pcap_geterr")?,
                free: find(handle, c"pcap_freecode")?,
                close: find(handle, c"pcap_close")?,
                #[cfg(test)]
                offline_filter: find(handle, c"pcap_offline_filter")?,
            });
        }
    }
    None
}

/// Finds a function of a library.
///
/// # Safety
/// `T` must be the type of a pointer to that function.
unsafe fn find<T: Copy>(handle: *mut c_void, symbol: &CStr) -> Option<T> {
    const { assert!(size_of::<T>() == size_of::<*mut c_void>()) };
    // SAFETY: the handle is that of an open library; the sizes are equal, and the caller vouches for the type.
    unsafe {
        let found = libc::dlsym(handle, symbol.as_ptr());
        (!found.is_null()).then(|| std::mem::transmute_copy(&found))
    }
}

/// The names of the library in the families of Linux systems.
const NAMES: [&CStr; 3] = [c"libpcap.so.0.8", c"libpcap.so.1", c"libpcap.so"];
const OPTIMIZE: c_int = 1;
/// `PCAP_NETMASK_UNKNOWN`: `ip broadcast` can't be asked for then, and libpcap says so.
const NETMASK_UNKNOWN: u32 = 0xffff_ffff;

/// `struct pcap_pkthdr` of pcap/pcap.h.
#[cfg(test)]
#[repr(C)]
struct RawPacketHeader {
    time: libc::timeval,
    captured: u32,
    on_wire: u32,
}

/// Runs a program by libpcap's own interpreter.
#[cfg(test)]
pub(super) fn libpcap_run(program: &BpfProgram, bytes: &[u8], wire_len: u32) -> Option<u32> {
    let library = library()?;
    let convert = |from: &Instruction| RawInstruction {
        code: from.code,
        jump_true: from.jump_true,
        jump_false: from.jump_false,
        k: from.k,
    };
    let mut instructions: Vec<RawInstruction> = program.instructions().iter().map(convert).collect();
    let raw = RawProgram { count: instructions.len() as u32, instructions: instructions.as_mut_ptr() };
    let time = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let header = RawPacketHeader { time, captured: bytes.len() as u32, on_wire: wire_len };
    // SAFETY: all three live during the call, and `captured` is the length of `bytes`.
    Some(unsafe { (library.offline_filter)(&raw, &header, bytes.as_ptr()) } as u32)
}
