#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The same input gives the same verdicts, byte for byte: however it is read, however fast, replayed
or live. What is compared:

- replay of one capture: file, standard input in pieces with pauses, pcapng, gzip: the alert lines;
  both engines: alert, connect and churn lines; without the name of the file where that differs;
- live against replay of the same frames at the times the monitor gave them: the alert lines, without
  the number of the frame, which a monitor does not have. Of connections those that the monitor
  reported: all but those from before their names were worth watching;
- live, with and without the kernel's repeat filter, against replay of the events it wrote: the alert
  lines, nothing left out;
- with against without the filter: what `explain` says at the end. Of names whose answers are always
  new, evidence and terms, but for times, counts of queries, and connections; of names whose answers
  come again, which the filter holds back for a while (capture.refresh), verdict and confidence;
- `explain` of the monitor, and `explain` of the history once it has ended, against the command that
  they print to reproduce that."""
import gzip
import json
import os
import re
import shutil
import struct
import subprocess
import time

from fluxlib import QUICK, story, write_networks, write_pcap, write_pcapng
from netlib import BUILD, FLUXTAP, Net, Tap, wait_for

NAMES = ["www.single.example", "www.pair.example", "www.pool.example", "www.static.example"]


def without(lines, *members):
    for member in members:
        lines = re.sub(rf'"{member}":("[^"]*"|[0-9]+),', "", lines)
    return lines


def replay(net, config, *args, stdin=None):
    done = net.run(None, FLUXTAP, "replay", "-q", "-c", config, "-o", "json", "--emit", "alert", *args,
                   stdin=stdin)
    return done.stdout if done.returncode == 0 else f"status {done.returncode}\n{done.stderr}"


def slowly(net, config, path):
    """The capture through a pipe, in pieces that end anywhere, with pauses."""
    child = subprocess.Popen([FLUXTAP, "replay", "-q", "-c", config, "-o", "json", "--emit", "alert",
                              "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False)
    with open(path, "rb") as f:
        for piece in iter(lambda: f.read(1777), b""):
            child.stdin.write(piece)
            child.stdin.flush()
            time.sleep(0.01)
    return child.communicate()[0].decode()


def difference(a, b):
    for i, (x, y) in enumerate(zip(a.splitlines(), b.splitlines())):
        if x != y:
            at = len(os.path.commonprefix([x, y]))
            return f"alert {i}: {x[max(0, at - 120):at + 160]}\n{y[max(0, at - 120):at + 160]}"
    return f"{len(a.splitlines())} lines, {len(b.splitlines())} lines"


def same(tap, what, a, b):
    tap.ok(a and a == b, f"{what}: {len(a.splitlines())} lines, byte for byte", difference(a, b))


def replays(tap, net, config, frames):
    pcap, pcapng, packed = (net.path(n) for n in ("story.pcap", "story.pcapng", "story.pcap.gz"))
    write_pcap(pcap, frames)
    write_pcapng(pcapng, frames)
    with open(pcap, "rb") as f, gzip.open(packed, "wb") as g:
        shutil.copyfileobj(f, g)
    first = replay(net, config, pcap)
    bare = without(first, "pcap_filename")
    same(tap, "replay again", first, replay(net, config, pcap))
    both = [replay(net, config, "--emit", "alert,connect,churn", *engine, pcap)
            for engine in ((), ("--engine", "kernel"))]
    same(tap, "kernel engine against native, with churn and connections", *both)
    tap.ok('"event_type":"connect"' in both[0], "connections are among them")
    same(tap, "pcapng", bare, without(replay(net, config, pcapng), "pcap_filename"))
    same(tap, "gzip", bare, without(replay(net, config, packed), "pcap_filename"))
    same(tap, "slowly from standard input", bare, without(slowly(net, config, pcap), "pcap_filename"))
    same(tap, "with events between them", first, "".join(
        line for line in replay(net, config, "--emit", "all", pcap).splitlines(True)
        if '"event_type":"alert"' in line))
    verdicts = {json.loads(line)["flux"]["domain"] for line in first.splitlines()}
    tap.ok({"www.single.example", "www.pair.example"} <= verdicts and
           "www.static.example" not in verdicts, "the names that move are among them", verdicts)


def explained(net, *args):
    done = net.run(None, FLUXTAP, "explain", "-o", "json", *args)
    return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr}


def evidence(event):
    """What does not depend on when it was asked, or on how often others asked."""
    flux = event.get("flux", {})
    inner = {k: v for k, v in flux.get("evidence", {}).items()
             if k in ("distinct_ips", "pool_estimate", "coverage", "novelty", "reentry",
                      "effective_asns", "prefixes", "ttl_max", "changes")}
    terms = [t for t in flux.get("terms", [])
             if t["name"] not in ("rotation_followed", "connect_failures", "late_contact")]
    return judgement(event), terms, inner


def judgement(event):
    flux = event.get("flux", {})
    return flux.get("confidence"), flux.get("confidence") != "none" and flux.get("verdict")


def live(tap, net, filtering, frames, learned):
    """A run on the frames; (alert lines, dns events, time of the end, explanations, event file)."""
    name = "filter" if filtering else "plain"
    shutil.copytree(learned, net.path(f"{name}.state"))
    capture = net.path(f"{name}.pcap")
    write_pcap(capture, frames)
    events = net.path(f"{name}.eve/eve.json")
    os.mkdir(os.path.dirname(events))
    socket = net.path(f"{name}.sock")
    monitor = net.monitor("mon", "-i", "m0", out=f"{name}.out", err=f"{name}.log",
                          capture__filter=filtering, detect=QUICK, sensor="same",
                          enrich__asn=write_networks(net.path("networks.csv")),
                          state__path=net.path(f"{name}.state"), control__socket=socket,
                          eve={"enabled": True, "path": events},
                          store={"enabled": True, "path": net.path(f"{name}.db/history.db")})
    config = shutil.copy(net.path("fluxtap.yaml"), net.path(f"{name}.yaml"))
    net.run("srv", os.path.join(BUILD, "tests/tools/send_frames"), "-t", "s0", capture)

    def seen():
        return sum(1 + e["dns"].get("repeats", 0) for e in net.events("dns", f"{name}.out"))

    rounds = len(frames) // 14  # ten answers, two connections of two frames each
    wait_for(lambda: seen() >= rounds * (5 if filtering else 10), process=monitor)
    wait_for(lambda: explained(net, "-s", socket, NAMES[1]).get("flux", {}).get("evidence", {})
             .get("changes", 0) >= rounds - 1, process=monitor)
    answers = {n: explained(net, "-c", config, "-s", socket, n) for n in NAMES}
    status = net.stop(monitor)
    tap.ok(status == 0, f"{name}: the monitor ends well", net.text(f"{name}.log"))
    alerts = "".join(line for line in net.text(f"{name}.out").splitlines(True)
                     if '"event_type":"alert"' in line)
    stats = net.events("stats", f"{name}.out")
    tap.ok(stats and stats[-1]["stats"]["balanced"], f"{name}: the ledger balances")
    recorded(tap, net, config, net.path(f"{name}.db/history.db"), alerts, name)
    return alerts, net.events("dns", f"{name}.out"), stats[-1]["timestamp"], answers, events


def unix_ns(stamp):
    """2026-11-21T10:00:00.123456+0000"""
    whole = time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")
    offset = (int(stamp[27:29]) * 60 + int(stamp[29:31])) * (-60 if stamp[26] == "-" else 60)
    return (int(time.mktime(whole)) - time.timezone - offset) * 10**9 + int(stamp[20:26]) * 1000


def recorded(tap, net, config, db, alerts, what):
    """What the history says of the names once nobody runs."""
    last = {}
    for line in alerts.splitlines():
        event = json.loads(line)
        last[event["flux"]["domain"]] = event["flux"]
    told = {n: explained(net, "-c", config, n) for n in NAMES[:2]}
    for name, event in told.items():
        kinds = {e["kind"] for e in event.get("explain", {}).get("timeline", [])}
        tap.ok(event.get("flux") == last[name] and {"record", "verdict"} <= kinds and
               (name != NAMES[1] or "nameservers" in kinds),
               f"{what}: the history has {name}'s verdict and timeline", f"{kinds}\n{event}")
        ttls = [e.get("ttl") for e in event["explain"]["timeline"] if e["kind"] == "record"]
        tap.ok(ttls and min(ttls) >= 10, f"{what}: with TTLs", ttls)
    reproduced(tap, net, told, f"{what}, from the history")
    nowhere = net.config("nowhere.yaml", eve={"enabled": True, "path": net.path("none.json")})
    event = explained(net, "-c", nowhere, "-d", db, NAMES[0])
    tap.ok("explain" in event and "reproduce" not in event["explain"],
           f"{what}: no command where there are no events to replay", event)
    none = net.run(None, FLUXTAP, "explain", "-d", db, "no.such.example")
    tap.ok(none.returncode == 1 and len(none.stderr.splitlines()) == 1,
           f"{what}: nothing of an unknown name", none.stderr)


def stamp(frames, events, connects):
    """The frames at the times the monitor saw them: an answer's is its event's, that of a SYN its
    connection's, and what answers a SYN came by the latency of the connection later."""
    answers = iter(events)
    begun = {e["src_port"]: e for e in connects if "latency_us" in e["connect"]}
    stamped, last = [], 0
    for _, data in frames:
        if data[23] == 17:
            last = unix_ns(next(answers)["timestamp"])
        else:
            ports = struct.unpack(">HH", data[34:38])
            event = begun.get(ports[0]) or begun.get(ports[1])
            if not event:
                continue
            last = unix_ns(event["timestamp"])
            if ports[0] == 443:
                last += event["connect"]["latency_us"] * 1000
        stamped.append((last, data))
    return stamped


def reproduced(tap, net, answers, what):
    for name, told in answers.items():
        command = told.get("explain", {}).get("reproduce", "")
        done = subprocess.run(["sh", "-c", f"{command} -q -o json"], capture_output=True, text=True,
                              env={**os.environ, "PATH": f"{os.path.dirname(os.path.abspath(FLUXTAP))}:"
                                   + os.environ["PATH"]})
        try:
            again = json.loads(done.stdout)
        except ValueError:
            again = {"error": done.stderr}
        keys = ("verdict", "confidence", "score", "terms", "evidence")
        before, after = ({k: e.get("flux", {}).get(k) for k in keys} for e in (told, again))
        tap.ok(command and before == after and before["terms"],
               f"{what}: the command reproduces what explain said of {name}",
               f"{command}\n{json.dumps(before)}\n{json.dumps(after)}\n{again.get('error')}")


def main():
    tap, net = Tap(), Net("srv", "mon")
    os.environ["TZ"] = "UTC"
    time.tzset()
    net.link("srv", "s0", "198.18.3.1/24", "mon", "m0", "198.18.3.2/24")
    frames = story()
    networks = write_networks(net.path("networks.csv"))
    config = net.config("replay.yaml", detect=QUICK, sensor="same", enrich__asn=networks)
    replays(tap, net, config, frames)

    # what was learned long ago, and the key of the tables with it, is the same for all
    learned = net.path("learned")
    write_pcap(net.path("first.pcap"), frames[4:5], 1780000000.0)
    replay(net, config, "--state", learned, net.path("first.pcap"))
    os.remove(os.path.join(learned, "history.db"))

    alerts, events, end, plain, eve = live(tap, net, False, frames, learned)
    answers = [data for _, data in frames if data[23] == 17]
    tap.ok(len(events) == len(answers), "without the filter each answer is an event",
           f"{len(events)} of {len(answers)}")
    connects = net.events("connect", "plain.out")
    ports = {data[34:36] for _, data in frames if data[23] == 6 and data[36:38] == b"\x01\xbb"}
    reported = {struct.pack(">H", e["src_port"]) for e in connects}
    tap.ok(reported <= ports and len(ports) - len(reported) <= 6,
           "connections to addresses just answered are seen, but for those of the first rounds",
           f"{len(reported)} of {len(ports)}")
    stamped = net.path("stamped.pcap")
    write_pcap(stamped, stamp(frames, events, net.events("connect", "plain.out")))
    same(tap, "live against replay of the frames", alerts,
         without(replay(net, config, "--learned", learned, "--until", end, stamped),
                 "pcap_filename", "pcap_cnt"))
    same(tap, "live against replay of its events", alerts,
         replay(net, config, "--learned", learned, "--until", end, eve))
    reproduced(tap, net, plain, "live")

    alerts, events, end, filtered, eve = live(tap, net, True, frames, learned)
    tap.ok(len(events) < len(answers), "with the filter they are fewer", len(events))
    same(tap, "live with the filter against replay of its events", alerts,
         replay(net, config, "--learned", learned, "--until", end, eve))
    for name in NAMES:
        what = evidence if name in NAMES[:2] else judgement
        tap.ok(what(plain[name]) == what(filtered[name]) and "flux" in plain[name],
               f"{name}: the same with the filter as without",
               f"{evidence(plain[name])}\n{evidence(filtered[name])}\n{filtered[name].get('error')}")
    reproduced(tap, net, filtered, "live with the filter")
    tap.done()


main()
