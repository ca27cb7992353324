#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A truncated UDP answer and the same question asked again over TCP: one set, in replay and live."""
import os
import struct
import subprocess

from netlib import (BUILD, FLUXTAP, Net, Tap, ipv4_frame, tcp_segment, udp_datagram, wait_for,
                    write_pcap)

NAME = b"\3www\3cut\4test\0"
ROUNDS, WHOLE, PART = 3, 60, 20


def message(ident, first, answers, tc=False):
    head = struct.pack(">HHHHHH", ident, 0x8380 if tc else 0x8180, 1, answers, 0, 0)
    record = struct.pack(">HHHIH", 0xc00c, 1, 1, 60, 4)
    return head + NAME + b"\0\1\0\1" + b"".join(
        record + struct.pack(">I", 0x2d4d0000 + first + n) for n in range(answers))


def udp(payload, port):
    return ipv4_frame(17, udp_datagram(payload, port))


def tcp(payload, port, seq, flags):
    return ipv4_frame(6, tcp_segment(payload, port, seq, flags))


def lookup(n, retry=True):
    """The frames of one look-up: part of set @n over UDP, the whole of it over TCP."""
    whole = message(200 + n, 100 * n, WHOLE)
    stream = struct.pack(">H", len(whole)) + whole
    frames = [udp(message(100 + n, 100 * n, PART, tc=True), 40000 + n)]
    if retry:
        frames += [tcp(b"", 41000 + n, 999, 0x12), tcp(stream[:500], 41000 + n, 1000, 0x18),
                   tcp(stream[500:], 41000 + n, 1500, 0x19)]
    return frames


def by_replay(net, name, rounds, step=70):
    """Churn events and fresh sets of rounds a minute apart."""
    path = net.path(name)
    write_pcap(path, [f for frames in rounds for f in frames])
    times = [n for n, frames in enumerate(rounds) for _ in frames]
    with open(path, "r+b") as f:
        pos = 24
        for n in times:
            f.seek(pos)
            f.write(struct.pack("<I", 1700000000 + step * n))
            f.seek(pos + 8)
            pos += 16 + struct.unpack("<I", f.read(4))[0]
    out = subprocess.run([FLUXTAP, "replay", "-c", net.config("replay.yaml"), "--emit",
                          "churn,stats", path], capture_output=True, text=True)
    with open(net.path("out"), "w") as f:
        f.write(out.stdout)
    return net.events("churn", "out"), net.events("stats", "out")[-1]["stats"]


def kinds(events):
    return [(e["churn"]["change"], e["churn"]["set_size"]) for e in events]


def main():
    tap, net = Tap(), Net("srv", "mon")
    churn, stats = by_replay(net, "retried.pcap", [lookup(n) for n in range(ROUNDS)])
    tap.ok(kinds(churn) == [("first", WHOLE)] + [("changed", WHOLE)] * (ROUNDS - 1),
           "replay: each look-up changes the set once, to the whole of it", kinds(churn))
    tap.ok(stats["detect"]["fresh_sets"] == ROUNDS and stats["dns"]["parsed"] == 2 * ROUNDS,
           "replay: two answers each, one set", stats)
    churn, stats = by_replay(net, "alone.pcap", [lookup(n, retry=False) for n in range(ROUNDS)])
    tap.ok(stats["detect"]["fresh_sets"] == ROUNDS - 2 and kinds(churn) == [("first", PART)],
           "replay: where no retry is seen, truncated answers count from the third on",
           f"{kinds(churn)} {stats['detect']}")

    net.link("srv", "s0", "198.18.3.1/24", "mon", "m0", "198.18.3.2/24")
    write_pcap(net.path("live.pcap"), lookup(0))
    monitor = net.monitor("mon", "-i", "m0", capture__filter=True)
    net.run("srv", os.path.join(BUILD, "tests/tools/send_frames"), "s0", net.path("live.pcap"))
    wait_for(lambda: len(net.events("dns")) >= 2, limit=10)
    net.stop(monitor)
    tap.ok(len(net.events("dns")) == 2 and kinds(net.events("churn")) == [("first", WHOLE)],
           "live: both answers are events, the set counts once",
           f"{kinds(net.events('churn'))}\n{net.text('log')}")
    stats = net.events("stats")[-1]["stats"]
    tap.ok(stats["detect"]["fresh_sets"] == 1 and stats["balanced"], "live: one fresh set", stats)
    tap.done()


main()
