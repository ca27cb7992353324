#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the monitor refuses, how it says so, and what it may still do once it runs."""
import os
import re

from netlib import BUILD, FLUXTAP, ROOT, Net, Tap, attached, wait_for

LIVE = os.path.join(ROOT, "tests/data/live.pcap")
RESPONSES = 42  # in that capture


def send(net, iface="s0"):
    net.run("srv", os.path.join(BUILD, "tests/tools/send_frames"), iface, LIVE)


def arrive(net, want):
    wait_for(lambda: len(net.events("dns")) >= want, limit=10)
    return len(net.events("dns"))


def refused(tap, net, what, result, code, pattern):
    lines = [l for l in result.stderr.splitlines() if l]
    tap.ok(result.returncode == code, f"{what}: exit status {code}",
           f"{result.returncode}\n{result.stderr}")
    tap.ok(len(lines) == 1 and re.search(pattern, lines[0]), f"{what}: one line that says so",
           result.stderr)
    left = attached(net, "mon")
    tap.ok(not left, f"{what}: nothing attached", left)


def refusals(tap, net):
    config = net.config()
    run = [FLUXTAP, "run", "-c", config, "-o", "json"]
    refused(tap, net, "missing interface", net.run("mon", *run, "-i", "nosuch0"), 3, "nosuch0")
    refused(tap, net, "without root",
            net.run("mon", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *run,
                    "-i", "m0"), 3, "root")
    with open(net.path("broken.yaml"), "w") as f:
        f.write("interfaces: [m0]\ncapture:\n  filtre: true\n")
    refused(tap, net, "broken configuration",
            net.run("mon", FLUXTAP, "run", "-c", net.path("broken.yaml")), 2,
            r"broken\.yaml:3.*filtre")
    refused(tap, net, "missing configuration",
            net.run("mon", FLUXTAP, "run", "-c", net.path("none.yaml"), "-i", "m0"), 3,
            r"none\.yaml")


def twice(tap, net):
    for mode, other in (("auto", "auto"), ("tc", "tc"), ("tc", "auto")):
        first = net.monitor("mon", "-i", "m0", capture__mode=mode)
        config = net.config("second.yaml", capture__mode=other)
        second = net.run("mon", FLUXTAP, "run", "-c", config, "-o", "json", "-i", "m0")
        lines = [l for l in second.stderr.splitlines() if l]
        tap.ok(second.returncode in (1, 3), f"a second one ({mode}): refused",
               f"{second.returncode}\n{second.stderr}")
        tap.ok(len(lines) == 1 and "m0" in lines[0] and "already" in lines[0],
               f"a second one ({mode}): one line that says so", second.stderr)
        send(net)
        tap.ok(arrive(net, RESPONSES) == RESPONSES, f"a second one ({mode}): the first goes on",
               net.text("log"))
        net.stop(first)
        tap.ok(not attached(net, "mon"), f"a second one ({mode}): nothing left at the end",
               attached(net, "mon"))


STRANGER = """
__attribute__((section("xdp"), used)) int stranger(void *ctx)
{
	return 2; /* XDP_PASS */
}
char LICENSE[] __attribute__((section("license"), used)) = "GPL";
"""


def beside_a_stranger(tap, net):
    """Another XDP program holds the slot: it stays, and the monitor captures in TC."""
    with open(net.path("stranger.c"), "w") as f:
        f.write(STRANGER)
    net.run(None, "clang", "-O2", "-g", "-target", "bpf", "-c", net.path("stranger.c"), "-o",
            net.path("stranger.o"), check=True)
    net.ip("link", "set", "dev", "m0", "xdp", "obj", net.path("stranger.o"), "sec", "xdp", ns="mon")
    monitor = net.monitor("mon", "-i", "m0")
    tap.ok("stays" in net.text("log") and re.search(r"watching \(tc", net.text("log")),
           "a foreign XDP program: TC is used, and said", net.text("log"))
    send(net)
    tap.ok(arrive(net, RESPONSES) == RESPONSES, "a foreign XDP program: all answers are seen",
           net.text("log"))
    net.stop(monitor)
    left = attached(net, "mon")
    tap.ok(len(left) == 1 and "stranger" in str(net.run("mon", "ip", "-d", "link", "show", "m0")
                                                 .stdout) + str(left),
           "a foreign XDP program: it alone is there at the end", left)
    net.ip("link", "set", "dev", "m0", "xdp", "off", ns="mon")


def status_of(process):
    with open(f"/proc/{process.pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def without_rights(tap, net):
    monitor = net.monitor("mon", "-i", "m0")
    wait_for(lambda: status_of(monitor)["Seccomp"] == "2", limit=10)
    status = status_of(monitor)
    tap.ok("0" not in status["Uid"].split() and "0" not in status["Gid"].split(),
           "not root any more", status["Uid"])
    allowed = 1 << 12 | 1 << 38 | 1 << 39  # NET_ADMIN, PERFMON, BPF: to attach again
    tap.ok(not int(status["CapEff"], 16) & ~allowed and status["CapBnd"].strip("0") == "",
           "no capability beyond what attaching again needs", status["CapEff"])
    tap.ok(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", "no way back, calls filtered")
    net.stop(monitor)


def main():
    tap, net = Tap(), Net("srv", "mon")
    net.link("srv", "s0", "198.18.3.1/24", "mon", "m0", "198.18.3.2/24")
    refusals(tap, net)
    without_rights(tap, net)
    twice(tap, net)
    beside_a_stranger(tap, net)
    tap.done()


main()
