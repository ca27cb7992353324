#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a gateway is told about its clients, live: the name that a real DHCP client gives a real DHCP
server (busybox's), in the alert about that client; and a connection that the client itself reports,
begun half an hour after the answer whose TTL was seconds, joined with the name and marked late."""
import json
import os
import socket
import time

from fluxlib import CLIENT, QUICK, story, write_networks, write_pcap
from netlib import BUILD, Net, Tap, wait_for

HOST, NAME, LATE = "living-room-tv", "www.single.example", 1800
ROUTER, MAC = "198.18.200.254", "02:00:00:00:00:01"  # as the frames of the story have it
ON_LEASE = """#!/bin/sh
case $1 in bound|renew) ip addr replace $ip/24 dev $interface ;; esac
"""


def serve_leases(net):
    with open(net.path("udhcpd.conf"), "w") as f:
        f.write(f"start {CLIENT}\nend {CLIENT}\ninterface m0\nmax_leases 1\nauto_time 0\n"
                f"lease_file {net.path('leases')}\npidfile {net.path('udhcpd.pid')}\n"
                "option subnet 255.255.255.0\noption lease 7200\n")
    open(net.path("leases"), "w").close()
    net.spawn("mon", "busybox", "udhcpd", "-f", "-I", ROUTER, net.path("udhcpd.conf"))


def take_lease(net):
    script = net.path("on_lease")
    with open(script, "w") as f:
        f.write(ON_LEASE)
    os.chmod(script, 0o755)
    return net.run("client", "busybox", "udhcpc", "-i", "c0", "-n", "-q", "-f", "-T", "1", "-t", "20",
                   "-x", f"hostname:{HOST}", "-s", script)


def last_answer(net):
    found = [e for e in net.events("dns") if e["dns"]["queries"][0]["rrname"] == NAME]
    return found[-1]


def report(path, answer):
    """As Winlogbeat sends Sysmon's event 3: half an hour later by the client's clock."""
    seconds = time.mktime(time.strptime(answer["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    begun = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds + LATE))
    event = {"@timestamp": begun + ".000Z", "event": {"code": "3", "category": ["network"]},
             "source": {"ip": CLIENT, "port": 50123}, "network": {"transport": "tcp"},
             "destination": {"ip": answer["dns"]["answers"][0]["rdata"], "port": 443},
             "process": {"pid": 4711, "executable": "C:\\tv\\player.exe"}}
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(json.dumps(event).encode() + b"\n")


def main():
    tap, net = Tap(), Net("client", "mon")
    net.link("client", "c0", "192.0.2.7/32", "mon", "m0", ROUTER + "/24")
    net.ip("addr", "flush", "dev", "c0", ns="client")
    net.ip("link", "set", "c0", "address", MAC, ns="client")
    foreign = net.path("foreign.sock")
    monitor = net.monitor("mon", "-i", "m0", capture__egress=True, detect=QUICK,
                          connect={"enabled": False, "events": "all"}, foreign__socket=foreign,
                          enrich__asn=write_networks(net.path("networks.csv")))
    serve_leases(net)
    lease = take_lease(net)
    given = net.run("client", "ip", "-4", "addr", "show", "dev", "c0").stdout
    tap.ok(lease.returncode == 0 and CLIENT in given, "the client has its lease", lease.stderr)

    write_pcap(net.path("story.pcap"), story())
    net.run("client", os.path.join(BUILD, "tests/tools/send_frames"), "-t", "c0", net.path("story.pcap"))

    def alerts():
        return [e["flux"] for e in net.events("alert") if e["flux"]["domain"] == NAME]

    def name_of_client():
        return [h.get("hostname") for a in alerts()[-1:] for h in a.get("hosts", [])
                if h["ip"] == CLIENT]

    wait_for(name_of_client, process=monitor)
    tap.ok(name_of_client() == [HOST], "the alert names the client as DHCP did",
           f"{alerts()[-1:]}\n{net.text('log')}")

    answer = last_answer(net)
    ttl = answer["dns"]["answers"][0]["ttl"]
    report(foreign, answer)

    def reported():
        return [e for e in net.events("connect") if e.get("src_port") == 50123]

    wait_for(reported, process=monitor)
    events = reported()
    names = events[0]["connect"].get("names", [{}]) if events else [{}]
    tap.ok(names[0].get("rrname") == NAME and names[0].get("same_host") is True,
           "half an hour later the reported connection still carries the name", events)
    tap.ok(abs(names[0].get("age_s", 0) - LATE) < 2 and
           abs(names[0].get("ttl_left_s", 0) - (ttl - LATE)) < 2,
           "marked as late: its age, and by how much the TTL has passed", names)
    status = net.stop(monitor)
    stats = net.events("stats")[-1]["stats"]
    dhcp = stats.get("dhcp", {})
    tap.ok(status == 0 and dhcp.get("names") == 1 and not dhcp.get("refused") and
           dhcp.get("taken") == dhcp.get("messages"), "every DHCP message was understood", dhcp)
    tap.ok(stats["balanced"], "the ledger balances", stats)
    tap.done()


main()
