#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every stage filled on purpose, one after the other: the reader stopped until the ring is over
half, three quarters and wholly full, the output's reader stopped until its queue is, tables of
streams and fragments full. What is known is shed before what changed, first sightings never; each
loss is counted where it happened, the ledger balances, and the log says when."""
import os
import re
import signal
import struct
import subprocess
import time

from netlib import (BUILD, Net, Tap, die_with_parent, ipv4_frame, tcp_segment, udp_datagram,
                    wait_for, write_pcap)

RING = 64 << 10
HALF, THREE_QUARTERS = RING // 2, RING // 4 * 3


def response(name, address):
    labels = b"".join(bytes([len(p)]) + p for p in name.encode().split(b".")) + b"\0"
    message = struct.pack(">HHHHHH", 7, 0x8180, 1, 1, 0, 0) + labels + b"\0\1\0\1" + struct.pack(
        ">HHHIHI", 0xc00c, 1, 1, 60, 4, 0x2d4d0000 + address)
    return ipv4_frame(17, udp_datagram(message))


def record(frame):
    """Octets of the ring that the record of such a frame takes (struct ft_response, header)."""
    message = len(frame) - 14 - 20 - 8
    return 8 + 144 + (message + 7) // 8 * 8


def send(net, name, frames):
    path = net.path(f"{name}.pcap")
    write_pcap(path, frames)
    # on one processor: another may put some records into the ring before it looks how full that is
    cpu = str(min(os.sched_getaffinity(0)))
    out = net.run("srv", "taskset", "-c", cpu, os.path.join(BUILD, "tests/tools/send_frames"), "s0",
                  path).stdout
    assert f"sent {len(frames)} " in out, out


def names(net):
    return [e["dns"]["queries"][0]["rrname"] for e in net.events("dns")]


def counters(net):
    """The latest account."""
    stats = net.events("stats")
    return stats[-1]["stats"] if stats else None


def wait_account(net, good):
    wait_for(lambda: counters(net) and good(counters(net)), limit=20)
    return counters(net)


def ring(tap, net):
    monitor = net.monitor("mon", "-i", "m0", capture__filter=True, capture__ring_bytes="64KiB",
                          capture__refresh="1s", capture__clients="off")
    known = [response(f"known{n}.ring.test", n) for n in range(20)]
    send(net, "known", known)
    wait_for(lambda: len(names(net)) >= len(known), limit=10)
    time.sleep(1.2)  # what is known is due for a refresh: it would go up
    monitor.send_signal(signal.SIGSTOP)
    fill = [response(f"first{n:05}.ring.test", n) for n in range(1000)]
    size = record(fill[0])
    half, more = HALF // size + 1, (THREE_QUARTERS - HALF) // size + 1
    send(net, "half", fill[:half])
    send(net, "refresh", known)  # shed
    send(net, "changed_in_time", [response("known0.ring.test", 500)])  # not yet shed
    send(net, "more", fill[half:half + more])
    changes = [response(f"known{n}.ring.test", 600) for n in range(10)]
    send(net, "changed", changes)  # shed
    send(net, "rest", fill[half + more:])  # as many as there is room for
    monitor.send_signal(signal.SIGCONT)
    stats = wait_account(net, lambda s: s["kernel"]["ring_full"] and not s["ring"]["in_ring"])
    kernel = stats["kernel"]
    room = RING // size
    tap.note(f"ring of {RING} octets, records of {size}: {kernel}")
    tap.ok(kernel["shed"] == len(known) + len(changes),
           "over half: what is known is shed; over three quarters: what changed", kernel)
    tap.ok(abs(kernel["emitted"] - len(known) - room) <= 3 and
           kernel["emitted"] + kernel["ring_full"] + kernel["shed"] == kernel["response"],
           "first sightings go up to the last place, the rest is ring_full", kernel)
    got = set(names(net))
    tap.ok(all(f"first{n:05}.ring.test" in got for n in range(room - 3)) and
           len([n for n in names(net) if n.startswith("known0.")]) == 2,
           "no first sighting was lost before the ring was full", len(got))
    send(net, "again", changes)
    wait_for(lambda: len([n for n in names(net) if re.match("known[1-9]", n)]) >= 28, limit=10)
    repeats = [e for e in net.events("dns") if e["dns"]["answers"][0]["rdata"] == "45.77.2.88"]
    tap.ok(len(repeats) == len(changes), "what was shed comes up again", len(repeats))
    status = net.stop(monitor)
    log = net.text("log")
    tap.ok(re.search(rf"ring full: {kernel['ring_full']} responses lost", log) and
           re.search(rf"over half full: {kernel['shed']} known or changed", log),
           "the log says how many and when", log)
    balance(tap, net, "ring", status)


def balance(tap, net, what, status):
    every = [e["stats"] for e in net.events("stats")]
    tap.ok(status == 0 and every and all(s["balanced"] for s in every) and
           every[-1]["ring"]["in_ring"] == 0, f"{what}: the ledger balances, before and after",
           [s.get("unbalanced") for s in every])


def queue(tap, net):
    """Nobody reads the output for a while: its queue of 16 MiB is full, repeats and responses go
    first, and every line is written or counted."""
    os.mkfifo(net.path("pipe"))
    keep = os.open(net.path("pipe"), os.O_RDWR)  # open for reading, but nobody reads
    monitor = net.monitor("mon", "-i", "m0", out="pipe", capture__filter=False)
    large = [response(f"q{n:03}." + ".".join(["x" * 60] * 3) + ".test", n) for n in range(500)]
    rounds = (24 << 20) // (500 * 700) + 1
    for _ in range(rounds):
        send(net, "large", large)
    child = subprocess.Popen(["cat", net.path("pipe")], stdout=open(net.path("events"), "wb"),
                             preexec_fn=die_with_parent)
    net.children.append(child)
    wait_account(net, lambda s: s["dns"]["parsed"] == rounds * 500 and
                 s["events"]["written"] + s["events"]["dropped"] > rounds * 500)
    status = net.stop(monitor)
    os.close(keep)
    child.wait(30)
    stats, lines = counters(net), len(net.events("dns"))
    tap.note(f"queue: {rounds * 500} responses, {lines} written, {stats['events']}")
    tap.ok(stats["events"]["dropped"] > 0 and
           lines + stats["events"]["dropped"] == stats["dns"]["parsed"],
           "a full queue: every response is written or counted as dropped", stats["events"])
    balance(tap, net, "queue", status)


def tables(tap, net):
    """Streams and fragments beyond the smallest tables."""
    monitor = net.monitor("mon", "-i", "m0", reassembly={"max_tcp_streams": 16,
                          "max_tcp_bytes": "64KiB", "max_fragments_bytes": "64KiB"})
    begun = [ipv4_frame(6, tcp_segment(struct.pack(">HHH", 1000, n, 0x8180) + bytes(10), 20000 + n,
                                       1000, 0x18)) for n in range(400)]
    pieces = [ipv4_frame(17, struct.pack(">HHHH", 53, 40000, 1500, 0) + bytes(1000), n, 0x2000)
              for n in range(1, 400)]
    send(net, "tables", begun + pieces)
    stats = wait_account(net, lambda s: s["reassembly"]["fragments"] == 399)
    status = net.stop(monitor)
    made = stats["reassembly"]
    tap.ok(made["evicted_streams"] >= 400 - 16 - 8 and made["evicted_fragments"] > 300 and
           made["given_up"]["tcp_limit"] == made["evicted_streams"] and
           made["given_up"]["fragment_limit"] == made["evicted_fragments"] and
           made["bytes_pending"] <= 2 * 64 << 10,
           "full tables: the oldest goes, each counted by its reason", made)
    balance(tap, net, "tables", status)


def main():
    tap, net = Tap(), Net("srv", "mon")
    net.link("srv", "s0", "198.18.3.1/24", "mon", "m0", "198.18.3.2/24")
    ring(tap, net)
    queue(tap, net)
    tables(tap, net)
    tap.done()


main()
