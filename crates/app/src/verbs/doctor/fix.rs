//! `doctor --fix`: lets members of the group `lanternfish` capture without root.
//!
//! The program is given the capabilities that it needs and nothing else, and only the group may run it: whoever may run it
//! may see the traffic of the machine.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::exit::Failure;
use crate::terminal::print;

/// Shows the steps, asks unless `is_agreed`, and takes them.
pub(super) fn run(is_agreed: bool) -> Result<(), Failure> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let steps = steps(&program, std::env::var("SUDO_USER").ok().as_deref(), has_group()?);
    let mut text = String::from("These commands let members of the group `lanternfish` capture without root:\n\n");
    for step in &steps {
        text.push_str(&format!("  {}\n", step.join(" ")));
    }
    text.push('\n');
    print(&text)?;
    if !is_root() {
        return Ok(print("Nothing was changed: run `sudo lanternfish doctor --fix`, or the commands as root.\n")?);
    }
    if !is_agreed && !ask()? {
        return Ok(print("Nothing was changed.\n")?);
    }
    for step in &steps {
        take(step)?;
    }
    Ok(print("Done. Group membership holds from the next login.\n")?)
}

/// The commands, each with its arguments.
pub(super) fn steps(program: &Path, user: Option<&str>, has_group: bool) -> Vec<Vec<String>> {
    let program = program.display().to_string();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let mut steps = Vec::new();
    if !has_group {
        steps.push(words(&["groupadd", "--system", GROUP]));
    }
    if let Some(user) = user.filter(|user| *user != "root") {
        steps.push(words(&["usermod", "-aG", GROUP, user]));
    }
    // The owner first: a change of owner takes capabilities away.
    steps.push(words(&["chown", &format!("root:{GROUP}"), &program]));
    steps.push(words(&["chmod", "0750", &program]));
    steps.push(words(&["setcap", CAPABILITIES, &program]));
    steps
}

fn ask() -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("--fix asks before it changes anything: run it on a terminal, or with --yes"));
    }
    print("Go on? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn take(step: &[String]) -> anyhow::Result<()> {
    let Some((program, arguments)) = step.split_first() else { return Ok(()) };
    let status = Command::new(program).args(arguments).status().with_context(|| format!("cannot run {program}"))?;
    if !status.success() {
        bail!("`{}` failed: {status}", step.join(" "));
    }
    Ok(())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

fn has_group() -> anyhow::Result<bool> {
    let groups = std::fs::read_to_string("/etc/group").context("cannot read /etc/group")?;
    Ok(groups.lines().any(|group| group.split(':').next() == Some(GROUP)))
}

const GROUP: &str = "lanternfish";
/// Packets; rings and address translation; the processes of all users.
const CAPABILITIES: &str = "cap_net_raw,cap_net_admin,cap_sys_ptrace,cap_dac_read_search,cap_sys_nice=ep";
