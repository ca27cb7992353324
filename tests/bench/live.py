#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""live.py [addresses|servers]: fluxtap in front of frames that the kernel itself makes (BPF_F_TEST_XDP_LIVE_FRAMES),
beside a program that parses to the ports and passes, in the same run, by turns.

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
from bench import (BUILD, ROUNDS, SECONDS, TOOLS, attach_pass, columns, heading, last_stats,  # noqa: E402
                   process_cpu, row, spread, two_ends, wait_for)

SENDER = os.path.join(BUILD, "tests", "bench", "sender.bpf.o")
CPUS = sorted(os.sched_getaffinity(0))
GOAL = 1000000
WARM = 1.5  # seconds


def send(net, kind, rate, seconds=SECONDS):
    out = net.run("src", "taskset", "-c", str(CPUS[0]), os.path.join(TOOLS, "live_frames"), "-t",
                  str(seconds), "-r", str(rate), "-k", kind, SENDER, "bs0")
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


def pass_round(net, kind, rate):
    off = attach_pass(net)
    send(net, kind, 0, WARM)
    before = received(net)
    sent = send(net, kind, rate)
    got = received(net) - before
    off()
    return {"rate": sent["sent"] / sent["seconds"], "unseen": max(0, 1 - got / sent["sent"])}


def idle(net, seen=1):
    """An account after all of it."""
    stats = last_stats(net)
    return stats and stats["kernel"]["seen"] >= seen and stats["ring"]["in_ring"] == 0


def monitor_round(net, kind, rate, how):
    child = net.monitor("mon", "-i", "bm0", capture__filter=True, eve__types=["stats", "alert"],
                        stats__interval="1s")
    net.run(None, "taskset", "-a", "-p", "-c", str(CPUS[-1]), str(child.pid))
    send(net, kind, 0, WARM)  # so that most names are known
    wait_for(lambda: idle(net), limit=10)
    warm = last_stats(net)["kernel"]
    cpu, reader = process_cpu(child.pid), Reader(child.pid, how)
    sent = send(net, kind, rate)
    reader.end()
    wait_for(lambda: idle(net, warm["seen"] + sent["sent"]), limit=10)
    cpu = process_cpu(child.pid) - cpu
    net.stop(child)
    stats = last_stats(net)
    kernel = {k: stats["kernel"][k] - warm[k] for k in warm if k != "refused"}
    if not stats["balanced"]:
        sys.exit(f"bench: the ledger does not balance: {json.dumps(stats)}")
    return {"rate": sent["sent"] / sent["seconds"], "cores": cpu / sent["seconds"],
            "unseen": max(0, 1 - kernel["seen"] / sent["sent"]),
            "lost": (kernel["ring_full"] + kernel["shed"]) / max(kernel["response"], 1),
            "up": kernel["emitted"] / max(kernel["response"], 1)}


SUBJECTS = (("pass", "XDP program that parses to the ports"), ("fast", "fluxtap"),
            ("slow", "fluxtap, daemon halted 90 of 100 ms"), ("stopped", "fluxtap, daemon stopped"))


def one(net, kind, rate, subject):
    return pass_round(net, kind, rate) if subject == "pass" else \
        monitor_round(net, kind, rate, subject)


def table(net, kind, rate, subjects, rounds):
    figures = {key: [] for key, _ in subjects}
    for _ in range(rounds):
        for key, _ in subjects:
            figures[key].append(one(net, kind, rate, key))
    columns("in front of the receiver", "frames/s", "of the passing program's", "not seen",
            "to user space", "lost by the daemon", "cores of the daemon")
    for key, name in subjects:
        got = figures[key]
        ratio = [f["rate"] / p["rate"] for f, p in zip(got, figures["pass"])]
        row(name, spread([f["rate"] for f in got]), spread(ratio, 2),
            *(f"{100 * max(f[k] for f in got):.3f} %" if k in got[0] else "-"
              for k in ("unseen", "up", "lost")),
            spread([f["cores"] for f in got], 2) if "cores" in got[0] else "-")
    return statistics.median(f["rate"] for f in figures["fast"])


KINDS = (("addresses", "156 octets: four addresses, EDNS"),
         ("servers", "158 octets: three addresses, a name server, EDNS"))


def main():
    if os.geteuid():
        print("bench: live frames need root for namespaces: left out")
        return
    chosen = sys.argv[1:] or [kind for kind, _ in KINDS]
    net = two_ends()
    for kind, what in KINDS:
        if kind not in chosen:
            continue
        heading(f"Live XDP frames, native XDP, as fast as it goes ({what})")
        fastest = table(net, kind, 0, SUBJECTS if kind == "addresses" else SUBJECTS[:2], ROUNDS)
        if kind != "addresses":
            continue
        rate = min(GOAL, int(fastest * 0.9))
        heading(f"The same at {rate:,} a second")
        table(net, kind, rate, SUBJECTS, ROUNDS)
    print("\nEach frame is another response, of one of 32,768 names (log-uniform ranks); 6 % bring "
          "an address never used before. Processor "
          f"{CPUS[0]} makes and sends the frames and runs the receiving end's program and stack, "
          f"{CPUS[-1]} the daemon; clients are one host. What is not seen and what is lost is the "
          "worst of the rounds.")
    net.close()


if __name__ == "__main__":
    main()
