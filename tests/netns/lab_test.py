#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fluxtap lab: each scenario reaches its alert, what the monitor reports there is what tshark sees on
the same interfaces, and nothing stays behind, however it ended."""
import collections
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from datetime import datetime

from netlib import (FLUXTAP, Tap, account_of_event, accounts_of_tshark, die_with_parent,
                    tell_difference, wait_for)

LINKS = ("auth", "res", "svc", "c1", "c2")
CLIENTS = ("198.18.10.10", "198.18.11.10")
TIME = "%Y-%m-%dT%H:%M:%S.%f%z"
EVERY = ("--set", "capture.filter=false")  # an event for each response


def start(*args):
    return subprocess.Popen([FLUXTAP, "lab", *args], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)


def cgroups():
    with open("/proc/self/mounts") as f:
        roots = [line.split()[1] for line in f if line.split()[2] == "cgroup2"]
    return [os.path.join(r, n) for r in roots[:1] for n in os.listdir(r)]


def leftovers(pid, out):
    """What of this lab is still there: namespaces, its directory as its output names it, cgroups."""
    spaces = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    dirs = set(re.findall(r"/tmp/fluxtap-lab-\w+", out))
    return [n for n in spaces if n.startswith(f"fluxtap-lab-{pid}-")] + [
        d for d in dirs if os.path.exists(d)] + [
        c for c in cgroups() if c.endswith(f"/fluxtap-lab-{pid}")]


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return f.read().split()
    except OSError:
        return []


def judged(tap, child, out, name, verdict):
    tap.ok(child.returncode == 0 and "not ok" not in out and verdict in out,
           f"{name}: caught, and nothing harmless", out)
    tap.ok(not leftovers(child.pid, out), f"{name}: nothing left behind",
           leftovers(child.pid, out))
    # packets and tracepoints both tell of them (of a few only the packets, on a very busy machine)
    counts = [int(n) for what in ("host 198.18.10.10", "process .*/updater")
              for n in re.findall(f"^ +{what}.*?, (\\d+) connections", out, re.M)[-1:]]
    tap.ok(len(counts) == 2 and counts[1] <= counts[0] <= 1.2 * counts[1],
           f"{name}: each connection counted once, with its process", f"{counts}\n{out}")


# --- beside tshark ---

class Sniffer:
    """tshark's capturing half on the gateway of a lab; the lab stands still until it listens."""

    def __init__(self, lab, path):
        self.lab, self.path = lab, path
        self.inside = ["nsenter", f"--net=/run/netns/fluxtap-lab-{lab.pid}-gw"]
        wait_for(self.is_built, process=lab)
        lab.send_signal(signal.SIGSTOP)
        args = [a for i in LINKS for a in ("-i", i)]
        self.child = subprocess.Popen([*self.inside, "dumpcap", "-q", "-f", "inbound and udp", *args,
                                       "-w", path], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True,
                                      preexec_fn=die_with_parent)
        self.said = ""
        for line in iter(self.child.stderr.readline, ""):
            self.said += line
            if line.startswith("File:"):  # all of them are open
                break
        lab.send_signal(signal.SIGCONT)

    def is_built(self):
        shown = subprocess.run([*self.inside, "ip", "-o", "link", "show", "up"], capture_output=True,
                               text=True).stdout
        return all(f" {i}@" in shown for i in LINKS)

    def stop(self):
        self.child.send_signal(signal.SIGINT)
        self.said += self.child.communicate(timeout=60)[1]

    def begin(self):
        """When the clients began: before, the lab itself had asked whether the servers answer. Each
        client asks by one socket all its life: the first question by the ports that asked last."""
        out = subprocess.run(["tshark", "-n", "-r", self.path, "-Y", "dns.flags.response==0", "-T",
                              "fields", "-e", "frame.time_epoch", "-e", "ip.src", "-e",
                              "udp.srcport"], capture_output=True, text=True).stdout
        asked = [line.split("\t") for line in out.splitlines()]
        last = {(host, port) for host, port in {h: p for _, h, p in asked if h in CLIENTS}.items()}
        return min((float(t) for t, h, p in asked if (h, p) in last), default=0)

    def ends(self):
        """The last frame's time, by interface. What comes as the lab takes its interfaces away, one
        after the other, is lost with what the kernel then holds for the capture."""
        out = subprocess.run(["tshark", "-n", "-r", self.path, "-T", "fields", "-e",
                              "frame.interface_name", "-e", "frame.time_epoch"],
                             capture_output=True, text=True).stdout
        last = collections.defaultdict(float)
        for interface, time in (line.split("\t") for line in out.splitlines()):
            last[interface] = max(last[interface], float(time))
        return last


def beside_tshark(tap, name):
    tmp = tempfile.mkdtemp(prefix="fluxtap-lab-test-")
    try:
        lab = start("--scenario", name, *EVERY)
        sniffer = Sniffer(lab, os.path.join(tmp, "lab.pcapng"))
        out, log = "", None
        for line in iter(lab.stdout.readline, ""):
            out += line
            where = re.search(r"(/tmp/fluxtap-lab-\w+)/", line)
            if where and not log:  # the file outlives its name
                log = wait_for(lambda: open_file(where.group(1) + "/monitor/eve.json"), process=lab)
                shutil.copy(where.group(1) + "/asns.csv", tmp)
        lab.wait()
        sniffer.stop()
        judged(tap, lab, out, name, f"{name}-flux")
        compare(tap, name, [json.loads(line) for line in log], sniffer)
        without_flows(tap, name, out, sniffer, tmp)
    finally:
        shutil.rmtree(tmp)


def open_file(path):
    return open(path) if os.path.exists(path) else None


def compare(tap, name, events, sniffer):
    responses = [e for e in events if e["event_type"] == "dns"]
    ours = collections.Counter((e["in_iface"], *account_of_event(e)) for e in responses)
    theirs = collections.Counter(accounts_of_tshark(sniffer.path, sniffer.begin(), interfaces=True))
    ends = sniffer.ends()
    over = max(ends.values(), default=0) - 1
    late = collections.Counter((e["in_iface"], *account_of_event(e)) for e in responses
                               if datetime.strptime(e["timestamp"], TIME).timestamp() >
                               max(ends[e["in_iface"]], over))
    ours -= late - theirs
    stats = [e["stats"] for e in events if e["event_type"] == "stats"]
    tap.note(f"{name}: {sum(theirs.values())} responses seen by tshark, {sum(ours.values())} events")
    tap.ok(sum(theirs.values()) > 100 and ours == theirs, f"{name}: events equal tshark's account",
           f"{tell_difference(ours, theirs)}\n{sniffer.said}")
    tap.ok({a[0] for a in theirs} == {"auth", "res"}, f"{name}: by each interface where answers come in",
           {a[0] for a in theirs})
    tap.ok(len(stats) > 2 and all(s["balanced"] for s in stats), f"{name}: the ledger balances",
           stats[-1:] or "no stats")


def without_flows(tap, name, out, sniffer, tmp):
    """The time servers' name is harmless because of what its clients do: by its answers alone, which
    are all that a replay of them has, it would be taken for flux."""
    answers, config = os.path.join(tmp, "dns.pcapng"), os.path.join(tmp, "replay.yaml")
    subprocess.run(["tshark", "-r", sniffer.path, "-Y", "dns", "-w", answers], capture_output=True)
    with open(config, "w") as f:
        json.dump({"detect": {"count_special": ["198.18.0.0/15"], "update_s": 5},
                   "enrich": {"asn": [f"csv:{tmp}/asns.csv"]}}, f)  # JSON is YAML
    said = subprocess.run([FLUXTAP, "replay", "-c", config, "--emit", "alert", answers],
                          capture_output=True, text=True).stdout.splitlines()
    alone = [e["flux"] for e in map(json.loads, said) if e["flux"]["domain"] == "pool.time.example"]
    judged_at = re.search(r"pool\.time\.example: .* score (-?[\d.]+)", out)
    tap.note(f"{name}: time servers' score {judged_at and judged_at.group(1)}, "
             f"by answers alone {[round(f['score'], 1) for f in alone]}")
    tap.ok(judged_at and alone and alone[-1]["confidence"] in ("medium", "high") and
           float(judged_at.group(1)) < alone[-1]["score"] - 2,
           f"{name}: the questions for the time keep their servers below medium", f"{out}\n{said}")


# --- on a host ---

def on_host(tap):
    child = start("--scenario", "host")
    out = child.communicate(timeout=200)[0]
    judged(tap, child, out, "host", "single-flux")
    process = re.search(r"^ok +process: pid \d+, .*/updater, unit updater\.service, container \w{12}$",
                        out, re.M)
    tap.ok(process, "host: executable, unit and container in the alert", out)


def interrupted(tap, sig, name):
    child, out = start("--keep", "--scenario", "host"), ""
    for line in iter(child.stdout.readline, ""):
        out += line
        if "kept running" in line:
            break
    pids = children(child.pid)
    tap.ok(len(pids) > 6 and len(leftovers(child.pid, out)) == 8, f"{name}: it runs",
           f"{pids}\n{leftovers(child.pid, out)}\n{out}")
    child.send_signal(sig)
    child.communicate(timeout=60)
    gone = wait_for(lambda: not leftovers(child.pid, out) and
                    not any(os.path.exists(f"/proc/{p}") for p in pids), limit=30)
    tap.ok(gone, f"{name}: nothing left behind", f"{leftovers(child.pid, out)} {pids}")


def main():
    tap = Tap()
    beside_tshark(tap, "single")
    beside_tshark(tap, "double")
    on_host(tap)
    interrupted(tap, signal.SIGINT, "Ctrl-C")
    interrupted(tap, signal.SIGKILL, "killed")
    tap.done()


main()
