#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Connections in captures: who contacted the addresses of a candidate, by both engines, and a
connection that begins half an hour after the answer whose TTL was 5 seconds."""
import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
from fluxlib import CLIENT, QUICK, address, message, frame, write_networks, write_pcap
from netlib import FLUXTAP, Net, Tap

NAME, ROUNDS, TTL = "www.late.example", 24, 5
ADDRESSES = [f"198.19.{i}.7" for i in range(ROUNDS)]
LATE = 1800  # seconds after its answer
SYN, SYNACK, RST = 2, 0x12, 4
MAC, ROUTER = b"\2\0\0\0\0\x77", b"\2\0\0\0\0\1"


def packet(src, sport, dst, dport, body, proto, mac=MAC):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, proto, 0, address(src),
                       address(dst))
    return ROUTER + mac + b"\x08\0" + head + body


def tcp(src, sport, dst, dport, flags, mac=MAC):
    return packet(src, sport, dst, dport,
                  struct.pack(">HHIIBBHHH", sport, dport, 1, 0, 5 << 4, flags, 1000, 0, 0), 6, mac)


def udp(src, sport, dst, dport, mac=MAC):
    return packet(src, sport, dst, dport, struct.pack(">HHHH", sport, dport, 12, 0) + b"quic", 17,
                  mac)


def capture():
    """A name that answers with another address each minute; contacts to some, and to a stranger."""
    out = [(60.0 * i, frame(message(i, NAME, TTL, [a]), CLIENT, 2000 + i))
           for i, a in enumerate(ADDRESSES)]
    end = 60.0 * (ROUNDS - 1)
    last = ADDRESSES[-1]
    out += [
        (end + 1.0, tcp(CLIENT, 40001, last, 443, SYN)),
        (end + 1.1, tcp(last, 443, CLIENT, 40001, SYNACK, ROUTER)),
        (end + 2.0, tcp(CLIENT, 40002, last, 8443, SYN)),
        (end + 2.1, tcp(last, 8443, CLIENT, 40002, RST, ROUTER)),
        (end + 3.0, udp(CLIENT, 40003, last, 443)),
        (end + 3.1, udp(last, 443, CLIENT, 40003, ROUTER)),
        (end + 3.2, udp(CLIENT, 40003, last, 443)),
        (end + 4.0, tcp(CLIENT, 40004, "198.19.200.1", 443, SYN)),
        (end + 4.1, tcp("198.19.200.1", 443, CLIENT, 40004, SYNACK, ROUTER)),
        (end + LATE * 1.0, tcp(CLIENT, 40005, last, 443, SYN)),
        (end + LATE + 0.1, tcp(last, 443, CLIENT, 40005, SYNACK, ROUTER)),
    ]
    return out


def replay(net, config, pcap, *args):
    done = subprocess.run([FLUXTAP, "replay", "-q", "-c", config, "-o", "json", "--emit", "connect",
                           *args, pcap], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr, {}
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return done.stdout, {e["src_port"]: e for e in events}


def check(tap, out, by_port):
    last = ADDRESSES[-1]

    def result(port):
        return by_port.get(port, {}).get("connect", {}).get("result")

    tap.ok(sorted(by_port) == [40001, 40002, 40003, 40005] and len(out.splitlines()) == 4,
           "contacts with the candidate's addresses, each once, and no others", out)
    tap.ok((result(40001), result(40002), result(40003)) == ("ok", "ECONNREFUSED", "ok"),
           "established, refused, UDP", out)
    first = by_port.get(40001, {})
    tap.ok(first.get("src_ip") == CLIENT and first.get("dest_ip") == last and
           first.get("ether", {}).get("src_mac") == "02:00:00:00:00:77", "client by address and MAC", out)
    late = by_port.get(40005, {}).get("connect", {}).get("names", [{}])[0]
    tap.ok(late.get("rrname") == NAME, "half an hour later the connection still carries the name", out)
    tap.ok(abs(late.get("age_s", 0) - LATE) < 1 and abs(late.get("ttl_left_s", 0) - TTL + LATE) < 1,
           "marked as late: its age, and by how much the TTL has passed", late)
    fresh = first.get("connect", {}).get("names", [{}])[0]
    tap.ok(fresh.get("ttl_left_s", 0) > 0 and late.get("confidence", 1) < fresh.get("confidence", 0),
           "with less confidence than the connection that came at once", (fresh, late))


def main():
    tap, net = Tap(), Net()
    config, pcap = net.path("fluxtap.yaml"), net.path("late.pcap")
    write_pcap(pcap, capture())
    with open(config, "w", encoding="utf-8") as f:
        json.dump({"detect": QUICK, "enrich": {"asn": write_networks(net.path("asn.csv"))}}, f)
    out, by_port = replay(net, config, pcap)
    check(tap, out, by_port)
    again, _ = replay(net, config, pcap, "--engine", "kernel")
    tap.ok(again == out, "the same by the kernel engine, byte for byte", out + again)
    tap.done()


main()
