#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real servers over veth: what the monitor reports against what tcpdump and tshark saw there."""
import collections
import os
import signal
import struct
import subprocess

from netlib import (BUILD, ROOT, Net, Tap, account_of_event, accounts_of_tshark, tell_difference,
                    wait_for)

ZONE = """$ORIGIN test.example.
@ 60 SOA ns1 host 1 3600 600 86400 60
@ 60 NS ns1
@ 60 NS ns2
@ 60 MX 10 mail
ns1 60 A 198.18.3.1
ns2 60 A 198.18.3.1
ns2 60 AAAA 2001:db8:3::1
mail 60 A 198.18.200.9
alias 60 CNAME far.alias
far.alias 30 CNAME w1
txt 60 TXT "a b" "c"
*.wild 5 A 198.18.200.77
sub 60 NS ns.sub
ns.sub 60 A 198.18.200.53
""" + "".join(f"w{i} {5 + i} A 198.18.200.{i}\nw{i} 5 AAAA 2001:db8:200::{i}\n"
              for i in range(1, 40)) + "".join(
    f"big 60 A 198.18.201.{i}\n" for i in range(1, 100))

QUESTIONS = [(f"w{i}", t) for i in range(1, 40) for t in ("A", "AAAA")] + [
    ("@", "NS"), ("@", "MX"), ("@", "SOA"), ("alias", "A"), ("alias", "AAAA"), ("txt", "TXT"),
    ("nothing", "A"), ("a.wild", "A"), ("b.wild", "A"), ("x.sub", "A"), ("big", "A"),
]
def name_of(label):
    return "test.example" if label == "@" else f"{label}.test.example"


def ask(net, server, extra=()):
    """All questions by UDP, and some by TCP; 0x20 case and EDNS as kdig does."""
    batch = [a for label, kind in QUESTIONS for a in (name_of(label), kind)]
    net.run("mon", "kdig", f"@{server}", "+timeout=5", *extra, *batch)
    net.run("mon", "kdig", f"@{server}", "+timeout=5", "+tcp", *extra,
            *[a for label, kind in QUESTIONS[:20] + QUESTIONS[-3:] for a in (name_of(label), kind)])


def listen(net, iface, name):
    """tcpdump; with a snapshot length that leaves its ring room for many packets."""
    child = net.spawn("mon", "tcpdump", "-Z", "root", "-i", iface, "-U", "-B", "16384", "-s", "9000",
                      "-w", net.path(f"{name}.pcap"), "port 53 or (vlan and port 53)",
                      err=f"{name}.err")
    wait_for(lambda: "listening on" in net.text(f"{name}.err"), process=child)
    return child


def compare(tap, net, what, sniffer, monitor, name):
    """Stop both and hold their accounts against each other."""
    seen = lambda: len(net.events("dns"))
    count = -1
    while count != seen():  # until nothing more comes
        count = seen()
        wait_for(lambda: seen() != count, limit=1.5)
    net.stop(sniffer, signal.SIGINT)
    status = net.stop(monitor)
    ours = collections.Counter(account_of_event(e) for e in net.events("dns"))
    theirs = collections.Counter(accounts_of_tshark(net.path(f"{name}.pcap")))
    tap.note(f"{what}: {sum(theirs.values())} responses seen by tshark, {sum(ours.values())} events")
    tap.ok(sum(theirs.values()) > 0 and ours == theirs, f"{what}: events equal tshark's account",
           f"{tell_difference(ours, theirs)}\n{net.text('log')}{net.text(name + '.err')}")
    stats = net.events("stats")
    tap.ok(stats and stats[-1]["stats"]["balanced"] and all(s["stats"]["balanced"] for s in stats),
           f"{what}: the ledger balances", stats[-1] if stats else "no stats")
    tap.ok(status == 0, f"{what}: exit status 0", f"{status}\n{net.text('log')}")


def on_veth(tap, net, mode):
    monitor = net.monitor("mon", "-i", "m0", capture__mode=mode, capture__filter=False,
                          capture__egress=False)
    sniffer = listen(net, "m0", mode)
    ask(net, "198.18.3.1")
    ask(net, "2001:db8:3::1")
    ask(net, "198.18.3.1", ["+bufsize=512", "+ignore"])
    compare(tap, net, f"veth, {mode}", sniffer, monitor, mode)


def tag(source, target, vlan):
    """The Ethernet frames of a capture with a VLAN tag each."""
    data = open(source, "rb").read()
    with open(target, "wb") as f:
        f.write(data[:24])
        pos = 24
        while pos < len(data):
            sec, usec, held, wire = struct.unpack_from("<IIII", data, pos)
            frame = data[pos + 16:pos + 16 + held]
            frame = frame[:12] + struct.pack(">HH", 0x8100, vlan) + frame[12:]
            f.write(struct.pack("<IIII", sec, usec, held + 4, wire + 4) + frame)
            pos += 16 + held


def on_vlan(tap, net):
    tag(os.path.join(ROOT, "tests/data/live.pcap"), net.path("tagged.pcap"), 7)
    monitor = net.monitor("mon", "-i", "m0")
    sniffer = listen(net, "m0", "vlan")
    net.run("srv", os.path.join(BUILD, "tests/tools/send_frames"), "s0", net.path("tagged.pcap"))
    compare(tap, net, "VLAN", sniffer, monitor, "vlan")
    vlans = {tuple(e.get("vlan", [])) for e in net.events("dns")}
    tap.ok(vlans == {(7,)}, "VLAN: the tag is in the events", vlans)


def on_loopback(tap, net):
    """An answer on lo leaves and arrives at the same interface: it counts once, egress or not."""
    for egress in (False, True):
        monitor = net.monitor("mon", "-i", "lo", capture__egress=egress, capture__filter=False)
        net.run("mon", "kdig", "@127.0.0.1", "-p", "53", "+timeout=5",
                *[a for label, kind in QUESTIONS[:10] for a in (name_of(label), kind)])
        wait_for(lambda: len(net.events("dns")) >= 10, limit=10)
        net.stop(monitor)
        tap.ok(len(net.events("dns")) == 10,
               f"lo: each of 10 answers once (egress {'on' if egress else 'off'})",
               f"{len(net.events('dns'))}\n{net.text('log')}")


def leaving(tap, net):
    """A server on this machine: its answers leave by the interface."""
    monitor = net.monitor("mon", "-i", "m0", capture__egress=True, capture__filter=False)
    net.run("srv", "kdig", "@198.18.3.2", "+timeout=5",
            *[a for label, kind in QUESTIONS[:10] for a in (name_of(label), kind)])
    wait_for(lambda: len(net.events("dns")) >= 10, limit=10)
    net.stop(monitor)
    tap.ok(len(net.events("dns")) == 10, "egress: each of 10 answers that leave, once",
           f"{len(net.events('dns'))}\n{net.text('log')}")


def forwarded(tap, net):
    """A gateway that watches both sides with egress: what is forwarded counts where it came in."""
    net.link("cli", "c0", "198.18.4.2/24", "mon", "m1", "198.18.4.1/24")
    net.run("mon", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    net.run("cli", "ip", "route", "add", "198.18.3.0/24", "via", "198.18.4.1")
    net.run("srv", "ip", "route", "add", "198.18.4.0/24", "via", "198.18.3.2")
    monitor = net.monitor("mon", "-i", "m0", "-i", "m1", capture__egress=True, capture__filter=False)
    net.run("cli", "kdig", "@198.18.3.1", "+timeout=5",
            *[a for label, kind in QUESTIONS[:10] for a in (name_of(label), kind)])
    wait_for(lambda: len(net.events("dns")) >= 10, limit=10)
    net.stop(monitor)
    events = net.events("dns")
    tap.ok(len(events) == 10 and {e["in_iface"] for e in events} == {"m0"},
           "gateway: each of 10 forwarded answers once", f"{len(events)}\n{net.text('log')}")


def main():
    tap, net = Tap(), Net("srv", "mon", "cli")
    net.link("srv", "s0", "198.18.3.1/24 2001:db8:3::1/64", "mon", "m0",
             "198.18.3.2/24 2001:db8:3::2/64")
    net.knot("srv", "198.18.3.1@53, 2001:db8:3::1@53", {"test.example": ZONE})
    on_veth(tap, net, "auto")
    on_veth(tap, net, "generic")
    on_veth(tap, net, "tc")
    on_vlan(tap, net)
    forwarded(tap, net)
    for child in list(net.children):
        if child.poll() is None:
            net.stop(child)
    subprocess.run(["rm", "-rf", net.path("knot")], check=True)
    net.knot("mon", "127.0.0.1@53, 198.18.3.2@53", {"test.example": ZONE})
    on_loopback(tap, net)
    leaving(tap, net)
    tap.done()


main()
