#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every frame of the captures, sent over veth to the attached monitor: the events are those of
replay."""
import collections
import glob
import os
import re

from netlib import BUILD, CORPORA, ROOT, Net, Tap, essence, replay, wait_for


def sendable(net, files):
    """The files of which every frame can be put on a wire."""
    tool = os.path.join(BUILD, "tests/tools/send_frames")
    good = []
    for f in files:
        out = net.run("srv", tool, "s0", f).stdout
        match = re.search(r"sent (\d+) passed over (\d+)", out)
        if match and int(match[1]) > 0 and int(match[2]) == 0:
            good.append(f)
    return good


def streams(net, path, config):
    return {(e["src_ip"], e["src_port"], e["dest_ip"], e["dest_port"])
            for e in replay([path], config) if e["proto"] == "TCP"}


def without_shared_streams(net, files, config):
    """(files, rest): two captures of the same TCP connection would be retransmissions of one
    another to a monitor that sees both."""
    taken, first, rest = set(), [], []
    for f in files:
        mine = streams(net, f, config)
        (rest if mine & taken else first).append(f)
        taken |= mine
    return first, rest


def over_veth(tap, net, files, mode, config):
    want = collections.Counter(essence(e) for f in files for e in replay([f], config))
    monitor = net.monitor("mon", "-i", "m0", capture__mode=mode)
    total = sum(want.values())
    for f in files:
        net.run("srv", os.path.join(BUILD, "tests/tools/send_frames"), "s0", f)
    seen = lambda: len(net.events("dns"))
    wait_for(lambda: seen() >= total, limit=20)
    status = net.stop(monitor)
    got = collections.Counter(essence(e) for e in net.events("dns"))
    missing, extra = want - got, got - want
    tap.note(f"{mode}: {len(files)} captures, {total} responses by replay, {sum(got.values())} live")
    tap.ok(total > 0 and not missing and not extra, f"{mode}: live events are those of replay",
           "\n".join([f"missing {sum(missing.values())}, extra {sum(extra.values())}"] +
                     ["missing " + m for m in list(missing)[:4]] +
                     ["extra   " + m for m in list(extra)[:4]] + [net.text("log")]))
    stats = net.events("stats")
    tap.ok(status == 0 and stats and stats[-1]["stats"]["balanced"], f"{mode}: ledger balances",
           stats[-1:] or net.text("log"))


def main():
    tap, net = Tap(), Net("srv", "mon")
    net.link("srv", "s0", "198.18.3.1/24", "mon", "m0", "198.18.3.2/24")
    for ns, name in (("srv", "s0"), ("mon", "m0")):
        net.ip("link", "set", name, "mtu", "65535", ns=ns)
    config = net.config("replay.yaml")
    own = [os.path.join(ROOT, "tests/data/live.pcap")]
    files = [f for f in sorted(glob.glob(os.path.join(CORPORA, "pcap", "*.pcap*")))
             if f.endswith((".pcap", ".pcapng"))]
    if not files:
        tap.note("no corpora beside this tree: the capture in tests/data alone")
    files, rest = without_shared_streams(net, sendable(net, own + files), config)
    over_veth(tap, net, files, "generic", config)
    if rest:
        over_veth(tap, net, rest, "generic", config)
    over_veth(tap, net, files, "tc", config)
    for ns, name in (("srv", "s0"), ("mon", "m0")):
        net.ip("link", "set", name, "mtu", "3000", ns=ns)
    over_veth(tap, net, sendable(net, files), "native", config)
    tap.done()


main()
