#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Kinds of interfaces: without link header, with jumbo frames, with many queues, bridges and their
ports. On each the answers are those of replay, each once."""
import collections
import os
import struct
import subprocess

from netlib import (BUILD, ROOT, Net, Tap, die_with_parent, essence, ipv4_frame, read_pcap, replay,
                    tcp_segment, udp_datagram, wait_for, write_pcap)

LIVE = os.path.join(ROOT, "tests/data/live.pcap")
ZONE = "$ORIGIN link.test.\n@ 60 SOA ns1 host 1 3600 600 86400 60\n@ 60 NS ns1\n" \
    "ns1 60 A 198.18.3.1\n*.wild 5 A 198.18.200.77\n"

TUN = """
import fcntl, os, struct, sys
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH", sys.argv[1].encode(), 0x1001))  # IFF_TUN, IFF_NO_PI
fcntl.ioctl(fd, 0x400454cd, int(sys.argv[2]))  # TUNSETLINK: the hardware type
print("made", flush=True)
for line in sys.stdin:
    os.write(fd, bytes.fromhex(line))
"""
ARPHRD_PPP, ARPHRD_NONE, ARPHRD_RADIOTAP = 512, 0xfffe, 803


def settled(net, want):
    wait_for(lambda: len(net.events("dns")) >= want, limit=15)
    return collections.Counter(essence(e) for e in net.events("dns"))


def compare(tap, net, what, monitor, want, mode):
    got = settled(net, sum(want.values()))
    status = net.stop(monitor)
    got = collections.Counter(essence(e) for e in net.events("dns"))
    tap.ok(sum(want.values()) > 0 and got == want, f"{what}: the events are those of replay",
           f"missing {list((want - got).items())[:3]}\nextra {list((got - want).items())[:3]}\n"
           + net.text("log"))
    tap.ok(mode in net.text("log"), f"{what}: {mode}", net.text("log"))
    stats = net.events("stats")
    tap.ok(status == 0 and stats and stats[-1]["stats"]["balanced"], f"{what}: the ledger balances",
           stats[-1:])


def expected(net, path):
    return collections.Counter(essence(e) for e in replay([path], net.config("replay.yaml")))


def send(net, path, iface="s0"):
    return net.run("srv", os.path.join(BUILD, "tests/tools/send_frames"), iface, path).stdout


# --- without link header ---

def tun(net, name, kind):
    child = subprocess.Popen([*net.inside("mon"), "python3", "-c", TUN, name, str(kind)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             preexec_fn=die_with_parent)
    net.children.append(child)
    child.stdout.readline()
    net.ip("link", "set", name, "up", ns="mon")
    return child


def bare_packets(net):
    """The packets of the capture, and what replay says of them as raw IP."""
    packets = [f[14:] for f in read_pcap(LIVE) if f[12:14] in (b"\x08\0", b"\x86\xdd")]
    write_pcap(net.path("raw.pcap"), packets, link_type=101)
    return packets, expected(net, net.path("raw.pcap"))


def without_header(tap, net):
    """Two at once, of two types; and a server's answer that leaves by one of them."""
    packets, want = bare_packets(net)
    tunnels = {"t0": tun(net, "t0", ARPHRD_NONE), "t1": tun(net, "t1", ARPHRD_PPP)}
    net.ip("addr", "add", "198.18.9.1/24", "dev", "t0", ns="mon")
    monitor = net.monitor("mon", *"-i t0 -i t1 -i m0".split(), wait=3, capture__egress=True)
    for child in tunnels.values():
        for packet in packets:
            child.stdin.write(packet.hex() + "\n")
        child.stdin.flush()
    send(net, LIVE)
    code = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
            "s.bind(('198.18.9.1', 53)); "
            f"s.sendto(bytes.fromhex('{message(7, 3).hex()}'), ('198.18.9.2', 40000))")
    net.run("mon", "python3", "-c", code, check=True)
    settled(net, 3 * sum(want.values()) + 1)
    net.stop(monitor)
    events, sent = net.events("dns"), ("198.18.9.1", 53, "198.18.9.2", 40000)
    for name in ("t0", "t1", "m0"):
        got = collections.Counter(essence(e) for e in events if e.get("in_iface") == name
                                  and addresses(e) != sent)
        tap.ok(sum(want.values()) > 0 and got == want, f"{name}: the events are those of replay",
               f"missing {list((want - got).items())[:3]}\nextra {list((got - want).items())[:3]}\n"
               + net.text("log"))
    tap.ok(all(f"{name}: watching (tc" in net.text("log") for name in tunnels) and
           "m0: watching (xdp-native)" in net.text("log"),
           "without link header in TC, the others by XDP", net.text("log"))
    left = [(e["in_iface"], len(e["dns"]["answers"])) for e in events if addresses(e) == sent]
    tap.ok(left == [("t0", 3)], "what leaves by a tunnel is seen too", left)
    stats = net.events("stats")
    tap.ok(stats and all(s["stats"]["balanced"] for s in stats), "the ledger balances", stats[-1:])
    for child in tunnels.values():
        net.stop(child)


def addresses(event):
    return tuple(event[k] for k in ("src_ip", "src_port", "dest_ip", "dest_port"))


def unreadable(tap, net):
    child = tun(net, "t0", ARPHRD_RADIOTAP)
    monitor = net.monitor("mon", "-i", "t0")
    status = net.stop(monitor)
    tap.ok(status != 0 and "link header" in net.text("log"),
           "another link header is refused in words, not misread", net.text("log"))
    net.stop(child)


# --- jumbo frames and queues ---

def message(ident, answers, name=b"\4wild\4link\4test\0"):
    head = struct.pack(">HHHHHH", ident, 0x8180, 1, answers, 0, 0)
    record = struct.pack(">HHHIH", 0xc00c, 1, 1, 60, 4)
    return head + name + b"\0\1\0\1" + b"".join(
        record + struct.pack(">I", 0xc6130000 + n) for n in range(answers))


def jumbo_frames():
    """A response of 8 KiB, one of 15 KiB in two fragments, and a segment with two messages."""
    large, larger = udp_datagram(message(1, 500)), udp_datagram(message(2, 950), 40001)
    cut = 8000
    syn = tcp_segment(b"", 40002, 999, 0x12)
    stream = b"".join(struct.pack(">H", len(m)) + m for m in (message(3, 300), message(4, 200)))
    return [ipv4_frame(17, large), ipv4_frame(17, larger[:cut], 7, 0x2000),
            ipv4_frame(17, larger[cut:], 7, cut // 8), ipv4_frame(6, syn),
            ipv4_frame(6, tcp_segment(stream, 40002, 1000, 0x18))]


def jumbo(tap, net):
    path = net.path("jumbo.pcap")
    write_pcap(path, jumbo_frames())
    want = expected(net, path)
    for ns, name in (("srv", "s0"), ("mon", "m0")):
        net.ip("link", "set", name, "mtu", "9000", ns=ns)
    for mode, says in (("auto", "xdp-native"), ("tc", "(tc")):
        monitor = net.monitor("mon", "-i", "m0", capture__mode=mode)
        send(net, path)
        tap.ok(sum(want.values()) == 4, "four messages in jumbo frames", want)
        compare(tap, net, f"MTU 9000, {mode}", monitor, want, says)


def queues(tap, net):
    """Several queues; and fewer than the peer sends by, which veth refuses XDP for."""
    for rx, says in ((4, "xdp-native"), (1, "xdp-generic")):
        net.ip("link", "add", "q0", "numrxqueues", str(rx), "numtxqueues", "4", "type", "veth",
               "peer", "name", "p0", "numrxqueues", "4", "numtxqueues", "4", "netns",
               net.full("srv"), ns="mon")
        net.ip("link", "set", "q0", "up", ns="mon")
        net.ip("link", "set", "p0", "up", ns="srv")
        monitor = net.monitor("mon", "-i", "q0")
        send(net, LIVE, "p0")
        compare(tap, net, f"veth, {rx} queues of 4", monitor, expected(net, LIVE), says)
        if rx == 1:
            tap.ok("no XDP in the driver: veth: XDP expects number of rx queues" in net.text("log"),
                   "the driver's reason is in the log", net.text("log"))
        net.ip("link", "del", "q0", ns="mon")


# --- bridges ---

def ask(net, ns, server):
    net.run(ns, "kdig", f"@{server}", "+timeout=5",
            *[a for n in range(10) for a in (f"{ns}{n}.wild.link.test", "A")])


def answered(net):
    """Which asked names are in the events, and how often."""
    wait_for(lambda: len(net.events("dns")) >= 30, limit=4)
    return collections.Counter(e["dns"]["queries"][0]["rrname"] for e in net.events("dns"))


def port_joins(tap, net):
    """A port that is not watched joins the bridge: the bridge is watched itself again."""
    net.link("cli", "cx", "198.18.5.9/24", "mon", "x0", "")
    net.ip("link", "set", "x0", "master", "br0", ns="mon")
    said = wait_for(lambda: "br0: watching (" in net.text("log") and
                    "counts twice" in net.text("log"), limit=10)
    tap.ok(said, "a bridge with a port that is not watched is watched itself, and says what that "
           "means", net.text("log"))
    net.ip("link", "del", "x0", ns="mon")
    again = wait_for(lambda: net.text("log").count("br0: watching by the interfaces") == 2, limit=10)
    tap.ok(again, "and by its ports again when that port has gone", net.text("log"))


def bridge(tap, net):
    """mon bridges srv and cli and has an address itself; behind it, routed, lan."""
    net.link("srv", "sb", "198.18.5.1/24", "mon", "b0", "")
    net.link("cli", "cb", "198.18.5.3/24", "mon", "b1", "")
    net.ip("link", "add", "br0", "type", "bridge", ns="mon")
    for port in ("b0", "b1"):
        net.ip("link", "set", port, "master", "br0", ns="mon")
    net.ip("addr", "add", "198.18.5.2/24", "dev", "br0", ns="mon")
    net.ip("link", "set", "br0", "up", ns="mon")
    net.link("mon", "l0", "198.18.6.1/24", "lan", "n0", "198.18.6.2/24")
    net.run("mon", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    net.run("lan", "ip", "route", "add", "198.18.5.0/24", "via", "198.18.6.1")
    net.run("srv", "ip", "route", "add", "198.18.6.0/24", "via", "198.18.5.2")
    net.knot("srv", "198.18.5.1@53", {"link.test": ZONE})
    wait_for(lambda: net.run("cli", "ping", "-c1", "-W1", "198.18.5.1").returncode == 0, limit=20)
    both = {"cli": 10, "mon": 10, "lan": 10}
    cases = ((("-i", "b*"), True, both, "br0: watching by the interfaces"),
             (("-i", "b0", "-i", "b1", "-i", "l0"), True, both, "l0: watching"),
             (("-i", "br0"), False, {"mon": 10, "lan": 10}, "br0: watching (xdp-generic"))
    for args, egress, want, says in cases:
        monitor = net.monitor("mon", *args, wait=2 if "b*" in args else len(args) // 2,
                              capture__egress=egress)
        for ns in ("cli", "mon", "lan"):
            ask(net, ns, "198.18.5.1")
        seen = answered(net)
        if "b*" in args:
            port_joins(tap, net)
        net.stop(monitor)
        by = collections.Counter()
        for name, times in seen.items():
            by[name[:3]] += times
        what = " ".join(args) + (", egress" if egress else "")
        tap.ok(dict(by) == want and set(seen.values()) == {1}, f"bridge, {what}: each answer once",
               f"{dict(by)} not {want}\n{net.text('log')}")
        tap.ok(says in net.text("log"), f"bridge, {what}: says so", net.text("log"))


def main():
    tap, net = Tap(), Net("srv", "mon", "cli", "lan")
    net.link("srv", "s0", "198.18.3.1/24", "mon", "m0", "198.18.3.2/24")
    without_header(tap, net)
    unreadable(tap, net)
    jumbo(tap, net)
    queues(tap, net)
    bridge(tap, net)
    tap.done()


main()
