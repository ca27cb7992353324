#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A gateway that translates its clients' addresses (nftables masquerade), both sides watched: a client
asks a resolver outside for a name that rotates and connects to what it is told. Its connections bear
its own address and their outcome, and each counts once."""
import collections
import errno
import json
import os
import sys

from fluxlib import QUICK, message, write_networks
from netlib import Net, Tap, wait_for

NAME, ROUNDS, REFUSED = "www.single.example", 30, 5  # every fifth connection is refused
CLIENT, INSIDE, OUTSIDE, RESOLVER = "198.18.1.2", "198.18.1.1", "198.18.2.1", "198.18.2.2"
MASQUERADE = """table ip nat {
  chain post { type nat hook postrouting priority 100; oifname "w0" masquerade; }
}
"""


def serve():
    """The resolver: two addresses never given before with each answer. Port 443 takes connections."""
    import selectors
    import socket
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((RESOLVER, 53))
    tcp = socket.create_server(("0.0.0.0", 443), backlog=64)
    ready = selectors.DefaultSelector()
    ready.register(udp, selectors.EVENT_READ)
    ready.register(tcp, selectors.EVENT_READ)
    given = 0
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            if key.fileobj is tcp:
                tcp.accept()[0].close()
                continue
            query, peer = udp.recvfrom(512)
            addresses = [f"198.18.{16 + n % 16}.{1 + n // 16}" for n in range(given, given + 2)]
            given += 2
            ident = int.from_bytes(query[:2], "big")
            udp.sendto(message(ident, NAME, 10 + given, addresses), peer)


def ask_and_connect():
    """Prints what it did: source port, address, port and outcome, one JSON line a connection."""
    import socket
    import struct
    import time
    for n in range(ROUNDS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            s.sendto(struct.pack(">HHHHHH", n, 0x100, 1, 0, 0, 0) + b"\3www\6single\7example\0" +
                     struct.pack(">HH", 1, 1), (RESOLVER, 53))
            answer = s.recv(512)
        time.sleep(0.3)  # by then the monitor watches it, if it ever does
        with socket.socket() as s:
            port = 444 if n % REFUSED == 0 else 443
            error = s.connect_ex((socket.inet_ntoa(answer[-4:]), port))
            print(json.dumps([s.getsockname()[1], socket.inet_ntoa(answer[-4:]), port, error]), flush=True)


def build(tap, net):
    net.link("client", "c0", CLIENT + "/24", "gw", "l0", INSIDE + "/24")
    net.link("gw", "w0", OUTSIDE + "/24", "out", "o0", RESOLVER + "/24")
    net.ip("route", "add", "default", "via", INSIDE, ns="client")
    net.ip("route", "add", "198.18.16.0/20", "via", RESOLVER, ns="gw")
    net.ip("route", "add", "local", "198.18.16.0/20", "dev", "lo", ns="out")
    net.run("gw", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    with open(net.path("nat.nft"), "w") as f:
        f.write(MASQUERADE)
    rules = net.run("gw", "nft", "-f", net.path("nat.nft"))
    net.spawn("out", sys.executable, os.path.abspath(__file__), "serve", out="server")
    wait_for(lambda: "ready" in net.text("server"))
    return tap.ok(rules.returncode == 0, "the gateway translates addresses", rules.stderr)


def key(event):
    return event["src_port"], event["dest_ip"], event["dest_port"]


def connections(net):
    """What the client did, by key, in order: 0 or the errno."""
    client = net.run("client", sys.executable, os.path.abspath(__file__), "client")
    return {tuple(x[:3]): x[3] for x in map(json.loads, client.stdout.splitlines())}


def gateway(tap, net):
    monitor = net.monitor("gw", "-i", "l0", "-i", "w0", wait=2, capture__egress=True, detect=QUICK,
                          connect={"enabled": False, "events": "all"},
                          enrich__asn=write_networks(net.path("networks.csv")))
    made = connections(net)

    def told():
        return [e for e in net.events("connect") if e["proto"] == "TCP" and key(e) in made]

    def clients():
        return collections.Counter((e["src_ip"], key(e)) for e in told())

    wait_for(lambda: list(made)[-1] in map(key, told()), process=monitor)
    status = net.stop(monitor)
    first = min((list(made).index(key(e)) for e in told()), default=0)
    due = collections.Counter((CLIENT, k) for k in list(made)[first:])
    tap.ok(clients() == due and len(due) >= 2 * REFUSED, "each connection from when the name is watched on, "
           f"once, with the client's address: {len(due)}", f"{due - clients()}\n{clients() - due}")
    wrong = [e for e in told() if e["connect"]["result"] != errno.errorcode.get(made[key(e)], "ok")]
    tap.ok(not wrong, "accepted or refused, as the client saw it", wrong[:2])
    tap.ok(all(e["connect"]["names"][0]["rrname"] == NAME and e["connect"]["names"][0]["same_host"]
               for e in told()), "by the name that this client asked for", told()[:1])
    stats = net.events("stats")[-1]["stats"]
    tap.ok(status == 0 and stats["balanced"] and stats["gateway"]["timed_out"] == 0,
           "none is taken for unanswered; the ledger balances", stats["gateway"])


def container_once(tap, net):
    """The client's process is seen on this machine, the outer side of the translation watched."""
    monitor = net.monitor("gw", "-i", "w0", capture__egress=True, detect=QUICK, out="once", err="once.log",
                          connect={"enabled": True, "events": "all"},
                          enrich__asn=write_networks(net.path("networks.csv")))
    # by then connections are watched as well
    wait_for(lambda: net.events("stats", "once"), process=monitor)
    made = connections(net)

    def counted():
        return [e for e in net.events("connect", "once") if e["proto"] == "TCP" and key(e) in made]

    def handed_over():
        packets = net.events("stats", "once")[-1]["stats"].get("gateway", {})
        return len({key(e) for e in counted()}) == ROUNDS and packets and \
            packets["attempts"] == packets["local"]

    wait_for(handed_over, limit=10, process=monitor)
    net.stop(monitor)
    packets = net.events("stats", "once")[-1]["stats"]["gateway"]
    tap.ok({e["src_ip"] for e in counted()} == {CLIENT} and len(made) == ROUNDS ==
           len({key(e) for e in counted()}), f"a container's {ROUNDS} connections are its own, by its process",
           sorted(set(made) - {key(e) for e in counted()}))
    tap.ok(packets["ok"] + packets["refused"] == packets["local"] >= 2 * REFUSED,
           "and what left with the machine's address is not counted again", packets)


def main():
    tap, net = Tap(), Net("client", "gw", "out")
    if build(tap, net):
        gateway(tap, net)
        container_once(tap, net)
    tap.done()


if sys.argv[1:]:
    {"serve": serve, "client": ask_and_connect}[sys.argv[1]]()
else:
    main()
