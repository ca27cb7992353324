#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Blindness: clients whose names come by a path that the monitor does not see (as DNS over TLS is
to it) are reported with the share of their connections that no answer explains; others are not."""
import sys

from netlib import Net, Tap, wait_for

NAMES = 40
# seen by the monitor; hidden from it; half of the names each way
SEEN, HIDDEN, BOTH = "198.18.77.2", "198.18.78.2", "198.18.79.2"
RESOLVER, SECRET = "198.18.76.1", "198.18.80.1"

ZONE = "@ 60 SOA ns1 host 1 3600 600 86400 60\n@ 60 NS ns1\nns1 60 A 198.18.76.1\n" + "".join(
    f"{who}{i} 60 A 198.18.{net}.{i}\n" for who, net in (("s", 201), ("h", 202), ("b", 203))
    for i in range(1, NAMES + 1))

# Asks a resolver for each name (after a connection to port 853 from an address, when told so), then
# connects.
CLIENT = """
import socket, struct, sys
for job in sys.argv[1:]:
    resolver, tls, name = job.split(",")
    if tls:
        socket.create_connection((resolver, 853), 20, (tls, 0)).close()
    asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asker.settimeout(20)
    asker.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0)
                 + b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + bytes(1)
                 + struct.pack(">2H", 1, 1), (resolver, 53))
    address = socket.inet_ntoa(asker.recv(4096)[-4:])
    socket.create_connection((address, 443), 20).close()
"""
LISTENER = """
import socket, sys
servers = [socket.create_server((a, int(p)), backlog=256) for a, p in (x.split(":") for x in sys.argv[1:])]
print("ready", flush=True)
import selectors
s = selectors.DefaultSelector()
for one in servers:
    s.register(one, selectors.EVENT_READ)
while True:
    for key, _ in s.select():
        key.fileobj.accept()[0].close()
"""


def build(net):
    net.link("srv", "s0", "198.18.76.1/24", "mon", "m0", "198.18.76.2/24")
    net.run("mon", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    for i, (ns, addr) in enumerate((("seen", SEEN), ("hidden", HIDDEN), ("both", BOTH))):
        router = addr[:-1] + "1"
        net.link(ns, "c0", addr + "/24", "mon", f"m{i + 1}", router + "/24")
        net.ip("route", "add", "default", "via", router, ns=ns)
    net.ip("route", "add", "default", "via", "198.18.76.2", ns="srv")
    net.ip("route", "add", "default", "via", "198.18.76.1", ns="mon")
    for third in (201, 202, 203):
        net.ip("route", "add", "local", f"198.18.{third}.0/24", "dev", "lo", ns="srv")
    # the way round the monitor: a bridge between the server and two of the clients
    net.ip("link", "add", "br0", "type", "bridge", ns="srv")
    net.ip("addr", "add", SECRET + "/24", "dev", "br0", ns="srv")
    net.ip("link", "set", "br0", "up", ns="srv")
    for i, ns in enumerate(("hidden", "both")):
        net.ip("link", "add", f"p{i}", "netns", net.full("srv"), "type", "veth", "peer", "name", "x0",
               "netns", net.full(ns))
        net.ip("link", "set", f"p{i}", "master", "br0", "up", ns="srv")
        net.ip("addr", "add", f"198.18.80.{i + 2}/24", "dev", "x0", ns=ns)
        net.ip("link", "set", "x0", "up", ns=ns)
    for ns in ("hidden", "srv"):  # what leaves one way comes back the other
        for conf in ("all", "default", *(("c0", "x0") if ns == "hidden" else ("s0", "br0"))):
            net.run(ns, "sysctl", "-qw", f"net.ipv4.conf.{conf}.rp_filter=0")


def serve(net):
    net.knot("srv", f"{RESOLVER}@53, {SECRET}@53", {"blind.example": ZONE})
    listeners = [f"198.18.{t}.{i}:443" for t in (201, 202, 203) for i in range(1, NAMES + 1)]
    net.spawn("srv", sys.executable, "-c", LISTENER, f"{SECRET}:853", *listeners, out="listener")
    wait_for(lambda: "ready" in net.text("listener"))


def follow(net, ns, jobs):
    result = net.run(ns, sys.executable, "-c", CLIENT, *(",".join(j) for j in jobs))
    assert result.returncode == 0, result.stderr


def visit(net):
    def name(who, i):
        return f"{who}{i}.blind.example"

    everything = range(1, NAMES + 1)
    follow(net, "seen", [(RESOLVER, "", name("s", i)) for i in everything])
    follow(net, "hidden", [(SECRET, HIDDEN, name("h", i)) for i in everything])
    follow(net, "both", [(SECRET, "", name("b", i)) if i % 2 else
                         (RESOLVER, "", name("b", i)) for i in everything])


def main():
    tap, net = Tap(), Net("srv", "mon", "seen", "hidden", "both")
    build(net)
    serve(net)
    monitor = net.monitor("mon", "-i", "m0", connect__enabled=True)
    wait_for(lambda: net.events("stats"), process=monitor)  # by then connections are watched as well
    visit(net)

    def blind():
        stats = net.events("stats")
        entries = stats[-1]["stats"].get("blind", []) if stats else []
        return {e["ip"]: e for e in entries if e["ip"] in (SEEN, HIDDEN, BOTH)}

    wait_for(lambda: blind().get(BOTH, {}).get("connections") == NAMES, limit=20, process=monitor)
    status = net.stop(monitor)
    said = blind()
    detail = f"{said}\n{net.text('log')}"
    exe = {e.get("exe") for e in said.values()}
    hidden, both = said.get(HIDDEN, {}), said.get(BOTH, {})
    tap.note(str(said))
    tap.ok(status == 0 and hidden.get("connections") == NAMES and hidden["share"] == 1,
           "resolves where nothing is seen: the host is named, share 1", detail)
    tap.ok(hidden.get("encrypted_dns") == NAMES,
           "its connections to port 853 are told apart as encrypted DNS", detail)
    tap.ok(both.get("connections") == NAMES and both["share"] == 0.5,
           "half of the names seen: share 0.5", detail)
    tap.ok(SEEN not in said, "resolves where it is seen: not blind", detail)
    tap.ok(len(exe) == 1 and all("python" in e for e in exe), "with the executable", detail)
    tap.done()


main()
