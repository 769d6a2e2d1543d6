//! A process for each service: this program started again, with a name of its own.
//!
//! A service tells its address in a line on standard output, is told the plan in a line on standard input, and ends when that
//! closes: with the shop, however it ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::{env, fs, thread};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::shop::Options;
use super::staff::{self, Counts, Places, Plan, Role};
use super::stop::Stop;
use super::tls::Papers;

/// The processes of all services.
pub(super) struct Processes(Vec<Child>);

impl Processes {
    /// Starts them, and tells each where the others are.
    pub(super) fn start(options: Options) -> Result<(Processes, Places)> {
        let program = env::current_exe()?;
        // Those that were started end when something goes wrong with a later one.
        let mut processes = Processes(Vec::new());
        for role in Role::ALL {
            let child = Command::new(&program)
                .env_clear()
                .env(ROLE, role.name())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()?;
            processes.0.push(child);
        }
        let mut found = Vec::new();
        for (role, child) in Role::ALL.into_iter().zip(&mut processes.0) {
            let mut line = String::new();
            let output = child.stdout.take().context("a service without output")?;
            BufReader::new(output).take(MAX_LINE_BYTES).read_line(&mut line)?;
            anyhow::ensure!(!line.is_empty(), "the service {} did not start", role.name());
            if let Ok(at) = line.trim().parse::<SocketAddr>() {
                found.push((role, at));
            }
        }
        let places = Places::of(found.into_iter())?;
        let line = format!("{}\n", written(&Plan::new(places, options)?));
        for child in &mut processes.0 {
            child.stdin.as_mut().context("a service without input")?.write_all(line.as_bytes())?;
        }
        Ok((processes, places))
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.stdin.take());
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

/// Does the work of a service where this process was started for one.
pub(crate) fn service() -> Option<Result<()>> {
    let role = env::var(ROLE).ok()?;
    Some(serve(&role))
}

fn serve(name: &str) -> Result<()> {
    let role = Role::named(name).context("there is no such service")?;
    // Processes are told apart by this name; without it they still work.
    let _ = fs::write("/proc/self/comm", role.name());
    let door = role.open()?;
    let place = door.address().map_or_else(|| "-".to_owned(), |at| at.to_string());
    writeln!(io::stdout(), "{place}")?;
    let mut line = String::new();
    let mut input = BufReader::new(io::stdin());
    input.by_ref().take(MAX_LINE_BYTES).read_line(&mut line)?;
    let plan = read(&line)?;
    thread::spawn(move || {
        let _ = io::copy(&mut input, &mut io::sink());
        std::process::exit(0);
    });
    staff::work(role, door, &plan, &Stop::default(), &Arc::<Counts>::default());
    Ok(())
}

fn written(plan: &Plan) -> Value {
    let at = |role: Role| plan.places.at(role).map(|at| at.to_string());
    json!({
        "places": Role::ALL.map(at),
        "closed": plan.places.closed.to_string(),
        "papers": [plan.papers.server, plan.papers.server_key, plan.papers.client, plan.papers.client_key],
        "rounds_per_second": plan.options.rounds_per_second,
        "seed": plan.options.seed,
    })
}

fn read(line: &str) -> Result<Plan> {
    let told: Value = serde_json::from_str(line)?;
    let part = |name: &str| told.get(name).cloned().unwrap_or_default();
    let places: [Option<SocketAddr>; 7] = serde_json::from_value(part("places"))?;
    let mut places = Places::of(Role::ALL.into_iter().zip(places).filter_map(|(role, at)| Some((role, at?))))?;
    places.closed = serde_json::from_value(part("closed"))?;
    let [server, server_key, client, client_key]: [Vec<u8>; 4] = serde_json::from_value(part("papers"))?;
    let options = Options {
        rounds_per_second: serde_json::from_value(part("rounds_per_second"))?,
        seed: serde_json::from_value(part("seed"))?,
    };
    Ok(Plan { places, papers: Papers { server, server_key, client, client_key }, options })
}

/// The variable that names the service of a process.
const ROLE: &str = "LANTERNFISH_SHOP_SERVICE";
const MAX_LINE_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_told_whole() {
        let at = |last: u16| SocketAddr::from(([127, 0, 1, 9], last));
        let roles = Role::ALL.into_iter().filter(|role| *role != Role::Visitors);
        let places = Places::of(roles.zip((1..).map(at))).unwrap();
        let plan = Plan::new(places, Options { rounds_per_second: 7, seed: 9 }).unwrap();
        assert_eq!(read(&written(&plan).to_string()).unwrap(), plan);
        assert_eq!(plan.places.at(Role::Names), Some(at(6)));
        assert!(read("{}").is_err() && read("").is_err());
    }
}
