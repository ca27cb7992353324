#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""live.py [addresses|servers|paced|reader]... | queues: fluxtap in front of frames that the kernel itself
makes (BPF_F_TEST_XDP_LIVE_FRAMES), beside a program that parses to the ports and passes, in the same
run, by turns.

One processor makes the frames, sends them over a veth and runs the program of the receiving end;
the daemon is on another. Bounded, and inside namespaces that are removed again.
"""
import json
import os
import signal
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import (BUILD, Net, ROUNDS, SECONDS, TOOLS, attach_pass, columns, heading, last_stats,  # noqa: E402
                   process_cpu, row, spread, two_ends, wait_for)

SENDER = os.path.join(BUILD, "tests", "bench", "sender.bpf.o")
CPUS = sorted(os.sched_getaffinity(0))
GOAL = 1000000
WARM = 1.5  # seconds


def send(net, kind, rate, seconds=SECONDS, cpu=CPUS[0], iface="bs0"):
    out = net.run("src", "taskset", "-c", str(cpu), os.path.join(TOOLS, "live_frames"), "-t",
                  str(seconds), "-r", str(rate), "-k", kind, SENDER, iface)
    if out.returncode:
        sys.exit(f"bench: live_frames: {out.stderr}")
    return json.loads(out.stdout)


def received(net):
    out = net.run("mon", "ip", "-s", "-j", "link", "show", "dev", "bm0")
    return json.loads(out.stdout)[0]["stats64"]["rx"]["packets"]


class Reader:
    """fast: left alone; slow: halted for nine tenths of the time; stopped."""

    def __init__(self, pid, how):
        self.pid, self.over = pid, threading.Event()
        self.thread = threading.Thread(target=self.disturb) if how == "slow" else None
        if how == "stopped":
            os.kill(pid, signal.SIGSTOP)
        if self.thread:
            self.thread.start()

    def disturb(self):
        while not self.over.is_set():
            os.kill(self.pid, signal.SIGSTOP)
            time.sleep(0.09)
            os.kill(self.pid, signal.SIGCONT)
            time.sleep(0.01)

    def end(self):
        self.over.set()
        if self.thread:
            self.thread.join()
        os.kill(self.pid, signal.SIGCONT)


def pass_rounds(net, kind, rates):
    off = attach_pass(net)
    send(net, kind, 0, WARM)
    figures = []
    for rate in rates:
        before = received(net)
        sent = send(net, kind, rate)
        figures.append({"rate": sent["sent"] / sent["seconds"],
                        "unseen": max(0, 1 - (received(net) - before) / sent["sent"])})
    off()
    return figures


def idle(net, seen=1):
    """An account after all of it."""
    stats = last_stats(net)
    return stats and stats["kernel"]["seen"] >= seen and stats["ring"]["in_ring"] == 0


def measure(net, child, kind, rate, how):
    wait_for(lambda: idle(net), limit=10)
    before = last_stats(net)["kernel"]
    cpu, reader = process_cpu(child.pid), Reader(child.pid, how)
    sent = send(net, kind, rate)
    reader.end()
    wait_for(lambda: idle(net, before["seen"] + sent["sent"]), limit=10)
    cpu = process_cpu(child.pid) - cpu
    after = last_stats(net)["kernel"]
    kernel = {k: after[k] - before[k] for k in before if k != "refused"}
    return {"rate": sent["sent"] / sent["seconds"], "cores": cpu / sent["seconds"],
            "unseen": max(0, 1 - kernel["seen"] / sent["sent"]),
            "lost": (kernel["ring_full"] + kernel["shed"]) / max(kernel["response"], 1),
            "up": kernel["emitted"] / max(kernel["response"], 1)}


def monitor_rounds(net, kind, rates, how, filtering=True):
    child = net.monitor("mon", "-i", "bm0", capture__filter=filtering, eve__types=["stats", "alert"],
                        stats__interval="1s")
    net.run(None, "taskset", "-a", "-p", "-c", str(CPUS[-1]), str(child.pid))
    send(net, kind, 0, WARM)  # so that most names are known
    figures = [measure(net, child, kind, rate, how) for rate in rates]
    net.stop(child)
    stats = last_stats(net)
    if not stats["balanced"]:
        sys.exit(f"bench: the ledger does not balance: {json.dumps(stats)}")
    return figures


SUBJECTS = (("pass", "XDP program that parses to the ports"), ("fast", "fluxtap"),
            ("slow", "fluxtap, daemon halted 90 of 100 ms"), ("stopped", "fluxtap, daemon stopped"))


def table(net, kind, rates, subjects, rounds):
    """Each subject starts once a round and meets the rates one after the other; 0: no limit."""
    figures = {(key, rate): [] for key, _ in subjects for rate in rates}
    for _ in range(rounds):
        for key, _ in subjects:
            got = pass_rounds(net, kind, rates) if key == "pass" else \
                monitor_rounds(net, kind, rates, key)
            for rate, f in zip(rates, got):
                figures[key, rate].append(f)
    columns("in front of the receiver", "asked for, frames/s", "frames/s",
            "of the passing program's", "not seen", "to user space", "lost by the daemon",
            "cores of the daemon")
    for rate in rates:
        for key, name in subjects:
            got = figures[key, rate]
            ratio = [f["rate"] / p["rate"] for f, p in zip(got, figures["pass", rate])]
            row(name, f"{rate:,}" if rate else "all", spread([f["rate"] for f in got]),
                spread(ratio, 2 if not rate else 3),
                *(f"{100 * max(f[k] for f in got):.3f} %" if k in got[0] else "-"
                  for k in ("unseen", "up", "lost")),
                spread([f["cores"] for f in got], 2) if "cores" in got[0] else "-")
    return statistics.median(f["rate"] for f in figures["fast", rates[0]])


def reader(net, rounds):
    """Without the filter each response is a record: what one thread takes through the analysis."""
    rates = (250000, 500000, 750000, 0)
    figures = [monitor_rounds(net, "addresses", rates, "fast", False) for _ in range(rounds)]
    columns("asked for, frames/s", "frames/s", "lost by the daemon", "records read a second",
            "cores of the daemon")
    for rate, got in zip(rates, zip(*figures)):
        row(f"{rate:,}" if rate else "all", spread([f["rate"] for f in got]),
            f"{100 * max(f['lost'] for f in got):.3f} %", spread([f["rate"] * f["up"] for f in got]),
            spread([f["cores"] for f in got], 2))


def send_both(net, seconds=SECONDS):
    """Two processors at once; frames a second of both."""
    sent = []
    threads = [threading.Thread(target=lambda i=i: sent.append(
        send(net, "addresses", 0, seconds, CPUS[i], f"bs{i}"))) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(s["sent"] / s["seconds"] for s in sent)


def queues_round(net, how):
    """The daemons are stopped meanwhile and their rings hold it all: the processors make frames."""
    if how == "pass":
        off = [attach_pass(net, f"bm{i}") for i in range(2)]
        send_both(net, WARM)
        rate = send_both(net)
        for detach in off:
            detach()
        return rate, 0
    places = (("-i", "bm0", "-i", "bm1"),) if how == "one" else (("-i", "bm0"), ("-i", "bm1"))
    ring = "256MiB" if how == "one" else "128MiB"
    children = [net.monitor("mon", *place, out=f"events{i}", err=f"log{i}", wait=len(place) // 2,
                            capture__filter=True, capture__ring_bytes=ring, eve__types=["stats"],
                            stats__interval="1s") for i, place in enumerate(places)]
    send_both(net, WARM)
    time.sleep(0.5)
    for child in children:
        os.kill(child.pid, signal.SIGSTOP)
    rate = send_both(net)
    for child in children:
        os.kill(child.pid, signal.SIGCONT)
    for child in children:
        net.stop(child)
    kernel = [net.events("stats", f"events{i}")[-1]["stats"]["kernel"] for i in range(len(places))]
    return rate, sum(k["ring_full"] + k["shed"] for k in kernel)


def queues():
    net = Net("src", "mon")
    for i in range(2):
        net.link("src", f"bs{i}", f"198.18.{i}.1/24", "mon", f"bm{i}", f"198.18.{i}.2/24")
    subjects = (("pass", "XDP program that parses to the ports"),
                ("two", "two fluxtaps, each with its own ring and tables"),
                ("one", "one fluxtap at both, one ring"))
    got = {key: [] for key, _ in subjects}
    for _ in range(ROUNDS):
        for key, _ in subjects:
            got[key].append(queues_round(net, key))
    columns("in front of two receivers", "frames/s of both", "of the two fluxtaps'", "lost")
    for key, name in subjects:
        row(name, spread([rate for rate, _ in got[key]]),
            spread([rate / two for (rate, _), (two, _) in zip(got[key], got["two"])], 2),
            max(lost for _, lost in got[key]))
    net.close()


KINDS = (("addresses", "156 octets: four addresses, EDNS"),
         ("servers", "158 octets: three addresses, a name server, EDNS"))


def main():
    if os.geteuid():
        print("bench: live frames need root for namespaces: left out")
        return
    chosen = sys.argv[1:] or ["paced", "reader"] + [kind for kind, _ in KINDS]
    if chosen == ["queues"]:
        heading("Live XDP frames of two processors at once (156 octets, daemons stopped)")
        queues()
        return
    fastest = GOAL
    net = two_ends()
    for kind, what in KINDS:
        if kind not in chosen:
            continue
        heading(f"Live XDP frames, native XDP, as fast as it goes ({what})")
        got = table(net, kind, (0,), SUBJECTS if kind == "addresses" else SUBJECTS[:2], ROUNDS)
        fastest = min(fastest, int(got * 0.9)) if kind == "addresses" else fastest
    if "paced" in chosen:
        heading("Live XDP frames at rates that the sender keeps (156 octets)")
        table(net, "addresses", (fastest // 4, fastest // 2, fastest), SUBJECTS, ROUNDS)
    if "reader" in chosen:
        heading("Live XDP frames without the filter: each is a record (156 octets)")
        reader(net, ROUNDS)
    print("\nEach frame is another response, of one of 32,768 names (log-uniform ranks); 6 % bring "
          "an address never used before. Processor "
          f"{CPUS[0]} makes and sends the frames and runs the receiving end's program and stack, "
          f"{CPUS[-1]} the daemon; clients are one host. What is not seen and what is lost is the "
          "worst of the rounds.")
    net.close()


if __name__ == "__main__":
    main()
