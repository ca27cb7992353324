#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Connections in captures: who contacted the addresses of a candidate, by both engines, what the
client calls itself by DHCP, and a connection that begins half an hour after the answer whose TTL
was 5 seconds."""
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
BOOTREQUEST, BOOTREPLY, DHCPREQUEST, DHCPACK = 1, 2, 3, 5
HOST = "living-room-tv"
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


def dhcp(op, kind, name, given="0.0.0.0"):
    options = bytes([53, 1, kind]) + (bytes([12, len(name)]) + name if name else b"")
    options += bytes([51, 4]) + struct.pack(">I", 7200) + b"\xff"
    body = bytes([op, 1, 6, 0]) + b"\1\2\3\4" + bytes(8) + address(given) + bytes(8)
    body += MAC.ljust(16, b"\0") + bytes(192) + b"\x63\x82\x53\x63" + options
    src, dst = (68, 67) if op == BOOTREQUEST else (67, 68)
    return packet("0.0.0.0" if op == BOOTREQUEST else "198.18.200.254", src, "255.255.255.255", dst,
                  struct.pack(">HHHH", src, dst, 8 + len(body), 0) + body, 17)


def capture():
    """A name that answers with another address each minute; contacts to some, and to a stranger."""
    out = [(60.0 * i, frame(message(i, NAME, TTL, [a]), CLIENT, 2000 + i))
           for i, a in enumerate(ADDRESSES)]
    out += [(0.1, dhcp(BOOTREQUEST, DHCPREQUEST, HOST.encode())),
            (0.2, dhcp(BOOTREPLY, DHCPACK, b"", CLIENT)),
            (0.3, dhcp(BOOTREQUEST, DHCPREQUEST, b'"},{"x"')),
            (0.4, dhcp(BOOTREQUEST, DHCPREQUEST, b"other")[:100])]
    out.sort(key=lambda f: f[0])
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
    done = subprocess.run([FLUXTAP, "replay", "-q", "-c", config, "-o", "json", "--emit",
                           "connect,alert,stats", *args, pcap], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr, []
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return done.stdout, events


def check_names(tap, out, events):
    """The client's name where the client is."""
    names = [e["connect"].get("hostname") for e in events if e["event_type"] == "connect"]
    tap.ok(names and set(names) == {HOST}, "connections bear the name of the client", names)
    alerts = [e["flux"] for e in events if e["event_type"] == "alert"]
    hosts = alerts[-1].get("hosts", [{}]) if alerts else [{}]
    tap.ok(hosts[0].get("ip") == CLIENT and hosts[0].get("hostname") == HOST,
           "so does the host in the alert", out)
    stats = [e["stats"].get("dhcp", {}) for e in events if e["event_type"] == "stats"][-1:]
    tap.ok(stats and (stats[0].get("messages"), stats[0].get("taken"), stats[0].get("names"),
                      stats[0].get("refused")) == (3, 2, 1, {"bad_name": 1}),
           "every message counted: taken, or refused by reason", stats)


def check(tap, out, events):
    connects = [e for e in events if e["event_type"] == "connect"]
    by_port = {e["src_port"]: e for e in connects}
    last = ADDRESSES[-1]

    def result(port):
        return by_port.get(port, {}).get("connect", {}).get("result")

    tap.ok(sorted(by_port) == [40001, 40002, 40003, 40005] and len(connects) == 4,
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
    out, events = replay(net, config, pcap)
    check(tap, out, events)
    check_names(tap, out, events)
    again, _ = replay(net, config, pcap, "--engine", "kernel")
    tap.ok(again == out, "the same by the kernel engine, byte for byte", out + again)
    tap.done()


main()
