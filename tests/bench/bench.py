#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench.py offline|memory|live|host: what fluxtap costs, one table each.

Rounds are interleaved (every subject once, then every subject again), because the machine changes
under the measurement; tables have the median and the range. Load is bounded in frames and seconds
and stays inside namespaces that are removed again.
"""
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "netns"))
from netlib import BUILD, FLUXTAP, ROOT, Net, wait_for  # noqa: E402

TOOLS = os.path.join(BUILD, "tests", "tools")
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "3"))
CLK = os.sysconf("SC_CLK_TCK")


def cpu_model():
    with open("/proc/cpuinfo") as f:
        names = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


def version(*argv):
    out = subprocess.run(argv, capture_output=True, text=True)
    return (out.stdout or out.stderr).splitlines()[0] if out.stdout or out.stderr else "?"


def heading(title):
    print(f"\n## {title}\n")
    print(f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {cpu_model()}, Linux "
          f"{platform.release()}, load {os.getloadavg()[0]:.1f}, "
          f"{version(FLUXTAP, '--version')}; {ROUNDS} rounds, median (lowest - highest)\n")


def row(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def columns(*names):
    row(*names)
    row(*["---"] + ["---:"] * (len(names) - 1))


def spread(values, digits=0):
    mid = statistics.median(values)
    return f"{mid:,.{digits}f} ({min(values):,.{digits}f} - {max(values):,.{digits}f})"


def run(argv, stdin=None):
    """CPU seconds and peak MiB of one process, output thrown away."""
    child = subprocess.Popen(argv, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    _, status, use = os.wait4(child.pid, 0)
    child.returncode = status
    if status:
        sys.exit(f"bench: {' '.join(argv)}: ended with {os.waitstatus_to_exitcode(status)}")
    return use.ru_utime + use.ru_stime, use.ru_maxrss / 1024


def workload(path, responses, names=100000, *more):
    with open(path, "wb") as f:
        subprocess.run([os.path.join(TOOLS, "workload"), "-n", str(responses), "-N", str(names),
                        *more], stdout=f, check=True)


def build_base(ref, where):
    """fluxtap as of @ref, built below @where; or @ref itself, if that is a program."""
    if os.access(ref, os.X_OK):
        return ref
    os.makedirs(where)
    tree = subprocess.Popen(["git", "-C", ROOT, "archive", ref], stdout=subprocess.PIPE)
    subprocess.run(["tar", "x", "-C", where], stdin=tree.stdout, check=True)
    if tree.wait():
        sys.exit(f"bench: BASE={ref}: no such version")
    subprocess.run(["make", "-C", where, "-j2", "build/fluxtap"], check=True,
                   stdout=subprocess.DEVNULL)
    return os.path.join(where, "build", "fluxtap")


# --- offline ---------------------------------------------------------------------------------------

def suricata(path, eve, tmp):
    return ["suricata", "-c", os.path.join(HERE, "suricata.yaml"), "-r", path, "-l", tmp, "-k", "none",
            "-S", "/dev/null", "--runmode", "single", "--set", f"outputs.0.eve-log.filename={eve}"]


def logged_by_suricata(path, tmp):
    eve = os.path.join(tmp, "suricata.json")
    run(suricata(path, eve, tmp))
    with open(eve, "rb") as f:
        lines = sum(b'"event_type":"dns"' in line for line in f)
    os.unlink(eve)  # it would append
    return lines


def offline(tmp):
    responses, some, few = 500000, 200000, 20000
    path, twice, asked, short = (os.path.join(tmp, name + ".pcap")
                                 for name in ("w", "twice", "asked", "short"))
    workload(path, responses)
    workload(twice, 2 * responses)
    workload(asked, some, 100000, "-Q")
    workload(short, few)
    none, everything = ["replay", "-q", "--emit", "none"], ["replay", "-q", "--emit", "all"]
    subjects = [("fluxtap, detection", [FLUXTAP, *none, path], responses),
                ("fluxtap, detection, twice as many", [FLUXTAP, *none, twice], 2 * responses),
                ("fluxtap, detection and JSON of all", [FLUXTAP, *everything, path], responses)]
    if os.environ.get("BASE"):
        base = build_base(os.environ["BASE"], os.path.join(tmp, "base"))
        subjects += [(f"{os.environ['BASE']}, detection", [base, *none, path], responses),
                     (f"{os.environ['BASE']}, detection, twice as many", [base, *none, twice],
                      2 * responses),
                     (f"{os.environ['BASE']}, detection and JSON", [base, *everything, path],
                      responses)]
    peers = [("tcpdump", "tcpdump (one line each)", ["-nn", "-r", short], few),
             ("dnscap", "dnscap (some lines each)", ["-r", short, "-s", "r", "-g"], few),
             ("dnstop", "dnstop (counts)", ["-l", "3", "-R", path], responses),
             ("tshark", "tshark (one line each)", ["-n", "-r", short], few),
             ("suricata", "Suricata (EVE of each), with queries",
              suricata(asked, "/dev/null", tmp)[1:], some),
             (FLUXTAP, "fluxtap, detection and JSON of all, with queries", [*everything, asked], some)]
    absent = []
    for program, name, args, n in peers:
        if shutil.which(program):
            subjects.append((name, [program, *args], n))
        else:
            absent.append(program)
    heading("Offline")
    figures = {name: [] for name, _, _ in subjects}
    for _ in range(ROUNDS):
        for name, argv, n in subjects:
            cpu, mib = run(argv)
            figures[name].append((n / cpu, mib))
    columns(f"{responses:,} responses, 100,000 names", "responses a core second", "peak MiB")
    for name, _, _ in subjects:
        row(name, spread([f[0] for f in figures[name]]),
            f"{max(f[1] for f in figures[name]):.0f}")
    print(f"\nNot installed: {', '.join(absent) or 'nothing is missing'} (all are Debian packages, "
          "Suricata of bookworm-backports). "
          f"tcpdump, tshark and dnscap read {few:,} responses; dnscap and dnstop pass over the "
          "fifth with VLAN tags.")
    if "suricata" not in absent:
        print(f"{version('suricata', '-V')}: reads {some:,} responses with the query before each, "
              f"{logged_by_suricata(asked, tmp):,} lines; of {few:,} responses without queries "
              f"{logged_by_suricata(short, tmp):,} lines.")
    print("\nDecoding alone, step by step (parse_bench):\n", flush=True)
    sys.stdout.write(subprocess.run([os.path.join(TOOLS, "parse_bench")], capture_output=True,
                                    text=True).stdout)


# --- memory and time by number of names ------------------------------------------------------------

def replayed(path, limit):
    """The detector's figures, peak KiB and CPU seconds of a replay that holds @limit of tables."""
    argv = [FLUXTAP, "replay", "-q", "--emit", "stats", "--set", f"limits.memory={limit}", path]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    out = child.stdout.read()
    _, _, use = os.wait4(child.pid, 0)
    child.returncode = 0
    return (json.loads(out.splitlines()[-1])["stats"]["detect"], use.ru_maxrss,
            use.ru_utime + use.ru_stime)


# what is said of the traffic, names, responses, further arguments of the workload, limits.memory
MEMORY = (("10,000", 10000, 500000, (), ("64MiB", "1GiB")),
          ("100,000", 100000, 500000, (), ("64MiB", "1GiB")),
          ("1,000,000", 1000000, 2000000, (), ("64MiB", "1GiB")),
          ("960,000, three a domain, each twice", 960000, 1920000, ("-u", "-d", "3"), ("1GiB",)),
          ("1,000,000, one a domain, each twice", 1000000, 2000000, ("-u",), ("1GiB",)),
          ("3,000,000", 3000000, 2000000, (), ("64MiB", "1GiB")),
          ("20,000, half of them changing", 20000, 500000, ("-r", "50", "-q", "2000"), ("1GiB",)))


def memory(tmp):
    heading("Names")
    columns("names in the traffic", "limits.memory", "tracked", "evicted", "peak MiB",
            "bytes a tracked name", "examined", "bytes an examined name", "us of CPU a response")
    path = os.path.join(tmp, "names.pcap")
    for title, names, responses, more, limits in MEMORY:
        workload(path, responses, names, *more)
        for limit in limits:
            kept, kib, cpu = replayed(path, limit)
            row(title, limit, f"{kept['names']:,}", f"{kept['evicted_names']:,}", f"{kib / 1024:.0f}",
                f"{kib * 1024 / max(kept['names'], 1):.0f}", f"{kept['candidates']:,}",
                f"{kept['candidate_bytes'] / max(kept['candidates'], 1):.0f}",
                f"{cpu / responses * 1e6:.2f}")
    print("\nPeak memory is that of the whole process. Examined names: what they take beside their "
          "entry. One run each.\n")
    columns("clients", "peak MiB", "us of CPU a response")
    paths = {n: os.path.join(tmp, f"c{n}.pcap") for n in (1000, 20000, 200000)}
    figures = {n: [] for n in paths}
    for n, where in paths.items():
        workload(where, 500000, 100000, "-c", str(n))
    for _ in range(ROUNDS):
        for n, where in paths.items():
            _, kib, cpu = replayed(where, "64MiB")
            figures[n].append((kib / 1024, cpu / 500000 * 1e6))
    for n, got in figures.items():
        row(f"{n:,}", spread([f[0] for f in got]), spread([f[1] for f in got], 2))
    print("\n200,000 clients are of one /14. 100,000 names, 500,000 responses, limits.memory 64MiB.")


# --- live ------------------------------------------------------------------------------------------

def two_ends():
    net = Net("src", "mon")
    net.link("src", "bs0", "198.18.0.1/24", "mon", "bm0", "198.18.0.2/24")
    return net


def process_cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLK


def flood(net, path, rate=0):
    out = net.run("src", os.path.join(TOOLS, "flood"), "-n", "20000000", "-t", str(SECONDS), "-r",
                  str(rate), "bs0", path)
    if out.returncode:
        sys.exit(f"bench: flood: {out.stderr}")
    return json.loads(out.stdout)


def last_stats(net):
    found = net.events("stats")
    return found[-1]["stats"] if found else None


def attach_pass(net, iface="bm0"):
    obj = os.path.join(BUILD, "tests", "bench", "pass.bpf.o")
    net.ip("link", "set", "dev", iface, "xdpdrv", "obj", obj, "sec", "xdp.frags", ns="mon")
    return lambda: net.ip("link", "set", "dev", iface, "xdpdrv", "off", ns="mon")


def live_round(net, path, subject, rate):
    """One flood at `rate`: frames a second, share not seen, share lost by the monitor, cores."""
    if subject == "pass":
        off = attach_pass(net)
        sent = flood(net, path, rate)
        off()
        return {"rate": sent["sent"] / sent["seconds"], "work": sent["sent"] / sent["cpu"]}
    if subject == "tcpdump":
        child = net.spawn("mon", "tcpdump", "-i", "bm0", "-nn", "-B", "16384", "-w", "/dev/null",
                          "udp src port 53", out="td.out", err="td.err")
        wait_for(lambda: "listening" in net.text("td.err"), process=child)
        cpu = process_cpu(child.pid)
        sent = flood(net, path, rate)
        cpu = process_cpu(child.pid) - cpu
        net.stop(child)
        figures = [int(line.split()[0]) for line in net.text("td.err").splitlines()
                   if line.endswith("by filter") or line.endswith("by kernel")]
        os.unlink(net.path("td.err"))
        return {"rate": sent["sent"] / sent["seconds"], "work": sent["sent"] / sent["cpu"],
                "cores": cpu / sent["seconds"],
                "lost": figures[1] / max(sent["sent"], 1) if len(figures) > 1 else float("nan")}
    child = net.monitor("mon", "-i", "bm0", capture__filter=subject == "filter",
                        eve__types=["stats", "alert"])
    cpu = process_cpu(child.pid)
    sent = flood(net, path, rate)
    cpu = process_cpu(child.pid) - cpu
    net.stop(child)
    stats = last_stats(net)
    kernel = stats["kernel"]
    if not stats["balanced"]:
        sys.exit(f"bench: the ledger does not balance: {json.dumps(stats)}")
    return {"rate": sent["sent"] / sent["seconds"], "work": sent["sent"] / sent["cpu"],
            "cores": cpu / sent["seconds"],
            "unseen": max(0, sent["sent"] - kernel["seen"]) / sent["sent"],
            "lost": (kernel["ring_full"] + kernel["shed"]) / max(kernel["response"], 1),
            "up": kernel["emitted"] / max(kernel["response"], 1)}


LIVE = (("pass", "XDP program that parses to the ports"),
        ("filter", "fluxtap, filter on"),
        ("all", "fluxtap, filter off"),
        ("tcpdump", "tcpdump -w /dev/null"))


def live(tmp):
    path = os.path.join(tmp, "live.pcap")
    workload(path, 26000)
    net = two_ends()
    heading("Live on veth, native XDP, as fast as one sender goes (sendmmsg)")
    subjects = [s for s in LIVE if s[0] != "tcpdump" or shutil.which("tcpdump")]
    figures = {key: [] for key, _ in subjects}
    for _ in range(ROUNDS):
        for key, _ in subjects:
            figures[key].append(live_round(net, path, key, 0))
    columns("in front of the receiver", "sender, frames/s", "frames a CPU second of the sender",
            "to user space", "lost by it", "cores of the process")
    for key, name in subjects:
        got = figures[key]
        row(name, spread([f["rate"] for f in got]),
            spread([f["work"] for f in got]),
            *(f"{100 * max(f[k] for f in got):.2f} %" if k in got[0] else "-"
              for k in ("up", "lost")),
            spread([f["cores"] for f in got], 2) if "cores" in got[0] else "-")
    print(f"\nThe same {26000:,} frames over and over, {SECONDS:.0f} s a round: with the filter on "
          "most are repeats.\nLoss is the highest of the rounds. What happens to a frame behind "
          "the sender's veth is done on the sender's CPU.")
    heading("Live on veth, filter off: rate by rate")
    columns("asked for, frames/s", "sent, frames/s", "lost", "cores of fluxtap")
    for rate in (50000, 100000, 200000, 300000, 400000):
        got = live_round(net, path, "all", rate)
        row(f"{rate:,}", f"{got['rate']:,.0f}", f"{100 * got['lost']:.3f} %", f"{got['cores']:.2f}")
    net.close()


# --- the host's own traffic ------------------------------------------------------------------------

SERVER = """
import socket, sys, threading
s = socket.create_server(("198.18.0.2", 7000), backlog=1024)
print("ready", flush=True)
def drain(c):
    while c.recv(1 << 20):
        pass
    c.close()
while True:
    threading.Thread(target=drain, args=(s.accept()[0],), daemon=True).start()
"""

CLIENT = """
import socket, sys, time
kind, limit = sys.argv[1], float(sys.argv[2])
n, start = 0, time.monotonic()
if kind == "stream":
    c, block = socket.create_connection(("198.18.0.2", 7000)), bytes(1 << 18)
    while time.monotonic() - start < limit:
        c.sendall(block)
        n += len(block)
elif kind == "tcp":
    while time.monotonic() - start < limit and n < 20000:
        socket.create_connection(("198.18.0.2", 7000)).close()
        n += 1
else:
    while time.monotonic() - start < limit and n < 400000:
        c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        c.connect(("198.18.0.2", 7001))
        c.close()
        n += 1
print(n / (time.monotonic() - start))
"""


def client(net, kind, limit=1.5):
    out = net.run("src", sys.executable, "-c", CLIENT, kind, str(limit))
    if out.returncode:
        sys.exit(f"bench: {out.stderr}")
    return float(out.stdout)


def host(tmp):
    net = two_ends()
    child = net.spawn("mon", sys.executable, "-c", SERVER, out="server.out")
    wait_for(lambda: "ready" in net.text("server.out"), process=child)
    kinds = (("stream", "TCP stream, MB/s", 1e-6), ("tcp", "TCP connect and close, a second", 1),
             ("udp", "UDP connect and close, a second", 1))
    figures = {(kind, how): [] for kind, _, _ in kinds for how in ("off", "pass", "on")}
    heading("What the host's own traffic notices")
    for _ in range(ROUNDS):
        for how in ("off", "pass", "on"):
            monitor = detach = None
            if how == "on":
                monitor = net.monitor("mon", "-i", "bm0", connect__enabled=True,
                                      eve__types=["stats", "alert"])
            elif how == "pass":
                detach = attach_pass(net)
            for kind, _, scale in kinds:
                figures[kind, how].append(client(net, kind) * scale)
            if monitor:
                net.stop(monitor)
            if detach:
                detach()
    columns("veth between two namespaces, client in Python", "without", "an XDP program that passes",
            "fluxtap", "fluxtap : passes")
    for kind, name, _ in kinds:
        off, passes, on = (figures[kind, how] for how in ("off", "pass", "on"))
        row(name, spread(off), spread(passes), spread(on),
            f"{statistics.median(on) / statistics.median(passes):.2f}")
    idle(net)
    net.close()


SETTLED = 8  # seconds


def idle(net):
    limit = 30
    heading(f"Idle: default settings, a quiet interface, {limit} s after {SETTLED}")
    monitor = net.monitor("mon", "-i", "bm0", capture__filter=True, connect__enabled=True,
                          enrich__asn=["libloc"], stats__interval="60s")
    time.sleep(SETTLED)  # start-up is not idling
    cpu = process_cpu(monitor.pid)
    time.sleep(limit)
    cpu = process_cpu(monitor.pid) - cpu
    with open(f"/proc/{monitor.pid}/status") as f:
        status = dict(line.rstrip().split(":", 1) for line in f)
    columns("measure", "value")
    row("share of a core", f"{100 * cpu / limit:.2f} %")
    row("resident", f"{int(status['VmRSS'].split()[0]) / 1024:.1f} MiB")
    row("of it anonymous", f"{int(status['RssAnon'].split()[0]) / 1024:.1f} MiB")
    row("voluntary switches a second",
        f"{int(status['voluntary_ctxt_switches']) / (limit + SETTLED):.1f}")
    net.stop(monitor)


def main():
    tables = {"offline": offline, "memory": memory, "live": live, "host": host}
    if len(sys.argv) != 2 or sys.argv[1] not in tables:
        sys.exit(f"usage: bench.py {'|'.join(tables)}")
    if sys.argv[1] in ("live", "host") and os.geteuid():
        print(f"bench: {sys.argv[1]} needs root for namespaces: left out")
        return
    with tempfile.TemporaryDirectory(prefix="fluxtap-bench-") as tmp:
        tables[sys.argv[1]](tmp)


if __name__ == "__main__":
    main()
