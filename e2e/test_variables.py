"""The variables that only live traffic has: the `live` cases of `crates/app/tests/variables/cases.tsv`, whose values are known from the
machine itself."""
import contextlib, json, os, pathlib, pwd, subprocess, time

from harness import ROOT, Observer, dig, folder, nginx, run, wait_for
from test_live import needs_root

CASES = ROOT / "crates" / "app" / "tests" / "variables" / "cases.tsv"
CLIENT = """
import socket, sys, time
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    client.sendall(b"GET /orders.json?variables HTTP/1.1\\r\\nHost: shop.test\\r\\n\\r\\n")
    client.recv(65536)
    time.sleep(6)
"""


@contextlib.contextmanager
def containers(*digits):
    """Control groups with the names that Docker gives, an id of 64 digits each; gives their folders by id."""
    mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    root = next(pathlib.Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")
    made = {digit * 64: root / f"docker-{digit * 64}.scope" for digit in digits}
    try:
        for path in made.values():
            path.mkdir(exist_ok=True)
        yield made
    finally:
        for path in made.values():
            # What still lives there goes back to the root before the folder can go.
            for pid in (path / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    (root / "cgroup.procs").write_text(pid)
            path.rmdir()


def facts_of(pid, side):
    """What the kernel says of a process."""
    path = pathlib.Path(f"/proc/{pid}")
    uid = next(int(line.split()[2]) for line in (path / "status").read_text().splitlines() if line.startswith("Uid:"))
    return {f"{side}_pid": pid, f"{side}_name": (path / "comm").read_text().strip(), f"{side}_exe": os.readlink(path / "exe"), f"{side}_user": pwd.getpwuid(uid).pw_name}


def node_facts():
    """The node's name, its id by the published way (FNV-1a over its machine id, folded to 53 bits), and its address towards others."""
    name = pathlib.Path("/proc/sys/kernel/hostname").read_text().strip()
    ids = [path.read_text().strip() for path in map(pathlib.Path, ("/etc/machine-id", "/var/lib/dbus/machine-id")) if path.exists()]
    value = 0xCBF29CE484222325
    for byte in b"lanternfish node " + next((text for text in ids if len(text) >= 32), name).encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    routed = run("ip", "-o", "route", "get", "192.0.2.1").stdout.decode().split()
    own = routed[routed.index("src") + 1] if "src" in routed else ""
    if not own or own.startswith("127."):
        own = next((a for a in run("hostname", "-I").stdout.decode().split()), "")
    return {"node": name, "node_id": format((value >> 53) ^ (value & (2**53 - 1)), "x"), "node_ip": own}


@needs_root
def test_variables_that_only_live_traffic_has():
    cases = [line.split("\t") for line in CASES.read_text().splitlines()[1:]]
    cases = [(variable, wanted, value) for variable, capture, wanted, value in cases if capture == "live"]
    assert len(cases) > 20, len(cases)
    with folder() as work, nginx(work) as port, containers("a", "b") as made:
        (client_id, client_group), (server_id, server_group) = made.items()
        worker = int(run("pgrep", "-P", (work / "nginx.pid").read_text().strip()).stdout.split()[0])
        (server_group / "cgroup.procs").write_text(str(worker))
        known = {"port": port, **node_facts(), **facts_of(worker, "server"), "client_container": client_id, "server_container": server_id}
        fill = lambda text: json.loads(text, object_hook=None) if not text.startswith('"{') else known[text[2:-2]]
        test = " && ".join(f"{variable} == {json.dumps(fill(value))}" for variable, _, value in cases if not value.startswith('"{client_'))
        everything, chosen = Observer(work), Observer(work, "-f", f"http && dst.port == {port} && {test}")
        with everything, chosen:
            script = 'echo $$ > "$0"; exec python3 -c "$1" "$2"'
            client = subprocess.Popen(["sh", "-c", script, client_group / "cgroup.procs", CLIENT, str(port)], stdin=subprocess.DEVNULL)
            try:
                entry = everything.find(url="/orders.json?variables")
                assert entry, "no entry"
                known.update(facts_of(client.pid, "client"))
                for variable, wanted, value in cases:
                    assert wanted == "http && dst.port == {port}", (variable, wanted)
                    assert dig(entry, variable) == fill(value), (variable, dig(entry, variable), fill(value))
                assert chosen.find(url="/orders.json?variables"), f"a filter does not find it: {test}"
            finally:
                client.terminate()
                client.wait()
