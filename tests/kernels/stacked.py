#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""stacked.py FLUXTAP CAPTURE DIR: what has to arrive below interfaces that stand on others, so that
each of them hands up the frames of CAPTURE; and how many responses that makes on each by replay.
DIR/stacked.list: interface, interface to send from, capture, responses."""
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
from fluxlib import packet
from netlib import read_pcap, write_pcap

LOCAL, LOCAL_MAC = "198.18.9.1", bytes.fromhex("020000000901")
VLAN = 5


def outer(proto, remote, payload):
    """Of a tunnel that ends at LOCAL."""
    return packet(remote, LOCAL, proto, payload, LOCAL_MAC, b"\2\0\0\0\x09\2")


def over_ipv6(packet):
    """An IPv4 packet's payload in an IPv6 packet."""
    size = (packet[0] & 15) * 4
    payload = packet[size:struct.unpack_from(">H", packet, 2)[0]]
    ends = [socket.inet_pton(socket.AF_INET6, f"2001:db8:9::{n}") for n in (1, 2)]
    return struct.pack(">IHBB", 6 << 28, len(payload), packet[9], 64) + b"".join(ends) + payload


def main():
    fluxtap, capture, target = sys.argv[1:]
    frames = read_pcap(capture)
    bare = [(f[12:14], f[14:]) for f in frames if f[12:14] in (b"\x08\0", b"\x86\xdd")]
    four = [p for kind, p in bare if kind == b"\x08\0"]
    six = [over_ipv6(p) for p in four]
    tagged = [LOCAL_MAC + f[6:12] + struct.pack(">HH", 0x8100, VLAN) + f[12:] for f in frames]
    kinds = {
        "ftbond0": ("ftp1", frames, 1, frames),
        "ftvlan0": ("ftk1", tagged, 1, frames),
        "ftgre0": ("ftk1", [outer(47, "198.18.9.2", b"\0\0" + k + p) for k, p in bare], 101,
                   [p for _, p in bare]),
        "ftipip0": ("ftk1", [outer(4, "198.18.9.3", p) for p in four], 101, four),
        "ftsit0": ("ftk1", [outer(41, "198.18.9.4", p) for p in six], 101, six),
    }
    with open(os.path.join(target, "stacked.list"), "w", encoding="ascii") as listing:
        for name, (sender, sent, link_type, seen) in kinds.items():
            path = os.path.join(target, name + ".pcap")
            write_pcap(path, seen, link_type)
            out = subprocess.run([fluxtap, "replay", "--emit", "dns", path], capture_output=True,
                                 check=True).stdout
            write_pcap(path, sent)
            print(name, sender, f"/data/{name}.pcap", out.count(b"\n"), file=listing)


main()
