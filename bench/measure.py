"""What the benchmarks share: commands with their CPU time and memory, and the table of figures with their bars."""
import collections, hashlib, os, shutil, statistics, subprocess, sys, threading, time

Figure = collections.namedtuple("Figure", "cpu wall memory rss")


def memory_of(pid):
    """RssAnon + RssShmem of a process and its RSS, in MiB."""
    try:
        with open(f"/proc/{pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status if ":" in line)
        mib = lambda name: int(lines[name].split()[0]) / 1024
        return mib("RssAnon") + mib("RssShmem"), mib("VmRSS")
    except (OSError, ValueError, KeyError):
        return 0.0, 0.0


def ring_of(pid):
    """The packet rings that a process has mapped, in MiB."""
    with open(f"/proc/{pid}/maps") as maps:
        spans = [line.split()[0].split("-") for line in maps if "socket:" in line]
    return sum(int(end, 16) - int(start, 16) for start, end in spans) / (1 << 20)


def cpu_of_threads(pid):
    """The CPU seconds of each thread of a process so far, exactly."""
    seconds = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as stat:
            seconds[thread] = int(stat.read().split()[0]) / 1e9
    return seconds


def cpu_of(pid):
    """The CPU seconds of all threads of a process so far, exactly."""
    return sum(cpu_of_threads(pid).values())


def measure(command):
    """Runs a command; its output is thrown away."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak, is_over = 0.0, threading.Event()

    def sample():
        nonlocal peak
        while not is_over.is_set():
            peak = max(peak, memory_of(process.pid)[0])
            time.sleep(0.005)

    sampler = threading.Thread(target=sample)
    sampler.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    is_over.set()
    sampler.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with {process.returncode}: {' '.join(command)}")
    return Figure(usage.ru_utime + usage.ru_stime, wall, peak, usage.ru_maxrss / 1024)


def medians(commands, runs):
    """Runs the commands (by name) in turn, so that a machine whose speed drifts is fair to all; the median of each."""
    figures = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            figures[name].append(measure(command))
    middle = lambda name, part: statistics.median(getattr(figure, part) for figure in figures[name])
    return {name: Figure(*(middle(name, part) for part in Figure._fields)) for name in commands}


def digest_of(command):
    """The SHA-256 of what a command prints."""
    digest = hashlib.sha256()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    while chunk := process.stdout.read(1 << 20):
        digest.update(chunk)
    process.wait()
    return digest.hexdigest()


def is_there(command):
    return shutil.which(command, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is not None


class Table:
    """Rows of figures; the bars that hold are counted."""

    def __init__(self):
        self.held, self.missed, self.skipped = 0, [], []
        print("| what | figure | bar | holds | aim |\n|---|---|---|---|---|", flush=True)

    def row(self, what, figure, bar="", holds=None, aim=""):
        if holds is True:
            self.held += 1
        elif holds is False:
            self.missed.append(what)
        print(f"| {what} | {figure} | {bar} | {'' if holds is None else 'yes' if holds else 'NO'} | {aim} |", flush=True)

    def skip(self, what, why):
        self.skipped.append(what)
        print(f"| {what} | not measured: {why} | | | |", flush=True)

    def conclude(self):
        print(f"\n{self.held} bars hold, {len(self.missed)} do not{''.join(f'; {what}' for what in self.missed)}; {len(self.skipped)} rows were not measured")
