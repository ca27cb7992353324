#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A flood of all that is hostile at once, with a real server's answers in between: memory stays
flat, the ledger balances, the answers are reported.

FLOOD_SECONDS=60 FLOOD_NAMES=10000000 FLOOD_RATE=0 is the long run (`make flood`): at least that
long, and until that many distinct names have gone out, as fast as they go.
"""
import json
import os
import statistics
import time

from netlib import BUILD, Net, Tap, wait_for

SECONDS = float(os.environ.get("FLOOD_SECONDS", "7"))
NAMES = os.environ.get("FLOOD_NAMES", "0")
RATE = os.environ.get("FLOOD_RATE", "20000")
LONG = SECONDS >= 30
KINDS = "nnnnnnnnnncrtfh" if LONG else "nccrtfh"
GROWTH_KIB = 4096
QUEUE_KIB = 16384  # sink_config_default().max_bytes
ZONE = "$ORIGIN normal.test.\n@ 60 SOA ns1 host 1 3600 600 86400 60\n@ 60 NS ns1\n" \
    "ns1 60 A 198.18.3.1\n*.wild 5 A 198.18.200.77\n"

CLIENT = """
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
for n in range(1 << 15):
    label = b"q%d" % n
    s.sendto(struct.pack(">HHHHHH", n, 0, 1, 0, 0, 0) + bytes([len(label)]) + label +
             b"\\4wild\\6normal\\4test\\0\\0\\1\\0\\1", ("198.18.3.1", 53))
    try:
        if struct.unpack(">H", s.recv(4096)[:2])[0] == n:
            print(label.decode(), flush=True)
    except socket.timeout:
        pass
    time.sleep(0.02)
"""


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def start(net):
    """The monitor, what it says of the flood thrown away as it comes."""
    os.mkfifo(net.path("all"))
    net.spawn("mon", "sh", "-c", f"exec grep -a --line-buffered -F -e '\"event_type\":\"stats\"' "
              f"-e wild.normal.test <>{net.path('all')}", out="events")
    # small tables, so that they are full in the first third
    return net.monitor("mon", "-i", "m0", out="all", capture__filter=True,
                       capture__filter_bytes="1MiB", limits={"memory": "16MiB"},
                       detect={"count_special": ["198.18.0.0/15"], "max_names": 1024,
                               "max_candidates": 64},
                       reassembly={"max_tcp_streams": 1024, "max_tcp_bytes": "2MiB",
                                   "max_fragments_bytes": "1MiB"})


def flood(net, monitor):
    """(what was sent, [(seconds, rss)])"""
    tool = net.spawn("srv", os.path.join(BUILD, "tests/tools/hostile"), "-t", str(SECONDS),
                     "-n", NAMES, "-r", RATE, "-k", KINDS, "s0", out="sent")
    begin, samples = time.monotonic(), []
    while tool.poll() is None and monitor.poll() is None:
        samples.append((time.monotonic() - begin, rss_kib(monitor.pid)))
        time.sleep(0.1)
    net.stop(tool)
    return json.loads(net.text("sent") or "{}"), samples


def check_memory(tap, samples):
    """The middle third against the last; between them lines may wait for a slow reader."""
    took = samples[-1][0]
    middle = [rss for at, rss in samples if took / 3 <= at < took * 2 / 3]
    last = [rss for at, rss in samples if at >= took * 2 / 3]
    warm, end, most = statistics.median(middle), statistics.median(last), max(middle + last)
    tap.note(f"resident: {warm / 1024:.1f} MiB in the second third of {took:.0f} s, {end / 1024:.1f} "
             f"MiB in the last, at most {most / 1024:.1f} MiB")
    tap.ok(end - warm <= GROWTH_KIB and most - warm <= GROWTH_KIB + QUEUE_KIB,
           f"memory is flat: at most {GROWTH_KIB // 1024} MiB more in the last third than in the "
           "second, beside what waits to be written", samples[::max(1, len(samples) // 20)])


def lost(stats):
    """All that the ledger says was not reported for want of room."""
    kernel = stats["kernel"]
    return kernel["ring_full"] + kernel["shed"] + stats["events"]["dropped"]


def check_ledger(tap, net, sent):
    every = [e["stats"] for e in net.events("stats")]
    last = every[-1] if every else {"kernel": {"refused": {}}, "reassembly": {}}
    tap.ok(every and all(s["balanced"] for s in every) and last["ring"]["in_ring"] == 0,
           "the ledger balances in every account of it, and nothing is left in the ring",
           [s.get("unbalanced") for s in every])
    tap.ok(last["kernel"]["seen"] >= sum(sent["sent"].values()), "every frame was seen",
           f"{sent} {last['kernel']}")
    counted = {**last["kernel"]["refused"], **last["dns"]["malformed"], **last["reassembly"],
               **last["reassembly"]["given_up"], **last["detect"], **last["filter"]}
    want = ["bad_ip_header", "bad_udp_length", "bad_question", "fragment_limit", "fragment_overlap",
            "tcp_limit", "evicted_streams", "evicted_fragments", "evicted_names", "evictions"]
    tap.ok(all(counted.get(k, 0) > 0 for k in want), "every bounded table was full and said so",
           {k: counted.get(k, 0) for k in want})
    tap.note(f"stats: {json.dumps({k: last[k] for k in ('kernel', 'ring', 'events', 'detect')})}")
    return last


def main():
    tap, net = Tap(), Net("srv", "mon")
    net.link("srv", "s0", "198.18.3.1/24", "mon", "m0", "198.18.3.2/24")
    net.knot("srv", "198.18.3.1@53", {"normal.test": ZONE})
    monitor = start(net)
    client = net.spawn("mon", "python3", "-c", CLIENT, out="answered")
    sent, samples = flood(net, monitor)
    net.stop(client)
    answered = set(net.text("answered").split())
    tap.note(f"sent: {json.dumps(sent)}")
    status = net.stop(monitor)
    wait_for(lambda: len(net.events("stats")) and net.events("stats")[-1]["stats"]["ring"]
             ["in_ring"] == 0, limit=5)
    tap.ok(status == 0, "the monitor came through it", f"{status}\n{net.text('log')}")
    check_memory(tap, samples)
    last = check_ledger(tap, net, sent)
    reported = {e["dns"]["queries"][0]["rrname"].split(".")[0] for e in net.events("dns")}
    missing = answered - reported
    tap.note(f"{len(answered)} answers reached their client in the flood, "
             f"{len(answered & reported)} of them reported; lost by the ledger: {lost(last)}")
    tap.ok(len(answered) > 10 and len(missing) <= lost(last) and
           len(answered & reported) * 2 > len(answered),
           "answers to real questions are reported, but for what the ledger counts as lost",
           f"{len(answered)} {sorted(missing)[:9]} {lost(last)}\n{net.text('log')}")
    tap.done()


main()
