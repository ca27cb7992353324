#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""replay over history: thresholds tried by --set and --compare, what each kind of source lacks, and
the traces of the corpora, which have no flux in them."""
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path[:0] = [os.path.join(ROOT, "tests/unit"), os.path.join(ROOT, "tests/netns")]
import fluxlib  # noqa: E402
from corpus_test import result  # noqa: E402
import corpus_test  # noqa: E402

FLUXTAP = os.environ.get("FLUXTAP", "build/fluxtap")
TRACES = "../shared/corpora/traces"
DIR = tempfile.TemporaryDirectory(prefix="fluxtap-replay-")


def path(name):
    return os.path.join(DIR.name, name)


def write(name, text):
    with open(path(name), "w", encoding="utf-8") as f:
        f.write(text)
    return path(name)


def replay(*args):
    done = subprocess.run([FLUXTAP, "replay", *args], capture_output=True, text=True, timeout=250)
    return done.returncode, done.stdout, done.stderr


def highest(config, *args):
    """Per name the verdict and the highest confidence that was stated."""
    order = ["none", "low", "medium", "high"]
    code, out, err = replay("-q", "-c", config, "-o", "json", "--emit", "alert", *args)
    found = {}
    for line in out.splitlines() if code == 0 else [err]:
        flux = json.loads(line)["flux"]
        if order.index(flux["confidence"]) >= order.index(found.get(flux["domain"], ("", "none"))[1]):
            found[flux["domain"]] = flux["verdict"], flux["confidence"]
    return found


def check(good, name, *detail):
    result(bool(good), name, [] if good else [str(d) for d in detail])


def thresholds():
    fluxlib.write_pcap(path("story.pcap"), fluxlib.story())
    networks = fluxlib.write_networks(path("networks.csv"))
    base = write("base.yaml", json.dumps({"enrich": {"asn": networks}, "detect": fluxlib.QUICK}))
    strict = ["--set", "detect.medium_score=18", "--set", "detect.high_score=19"]
    before, after = highest(base, path("story.pcap")), highest(base, *strict, path("story.pcap"))
    check(before and after != before, "--set changes verdicts", before, after)

    code, out, err = replay("-q", "-c", base, *strict, "--compare", base, path("story.pcap"))
    lines, names = out.splitlines(), sorted(before.keys() | after.keys())
    say = lambda of: "/".join(of) if of else "none"
    want = [f"{n}: {say(before.get(n))} -> {say(after.get(n))}" for n in names
            if before.get(n) != after.get(n)]
    check(code == 0 and want and lines[:-1] == want,
          "--compare prints the names whose verdict differs, as two runs have them", lines, want, err)
    check(lines[-1] == f"{len(names)} names with a verdict, {len(want)} would change",
          "and how many of how many", lines[-1])
    _, out, _ = replay("-q", "-c", base, "--compare", base, path("story.pcap"))
    check(re.fullmatch(r"\d+ names with a verdict, 0 would change\n", out),
          "the same configuration changes nothing", out)
    _, out, _ = replay("-q", "--set", "detect.medium_sets=4", "--compare", "default", path("story.pcap"))
    check(out == "0 names with a verdict, 0 would change\n", "--compare default", out)
    for bad in ("detect.nonsense=1", "detect.medium_sets=many", "detect.low_score"):
        code, _, err = replay("-q", "--set", bad, path("story.pcap"))
        check(code == 2 and len(err.splitlines()) == 1 and bad.split("=")[0] in err,
              f"--set {bad} is refused with the key", code, err)
    code, _, err = replay("-q", "--compare", path("none.yaml"), path("story.pcap"))
    check(code == 3 and "none.yaml" in err, "a configuration to compare with that is not there", err)


ZEEK = ("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{}\n"
        "#fields\t{}\n{}\n")
DNS = {"rrname": "a.example", "rrtype": "A"}
SOURCES = {
    "Zeek dns.log": ("authority section", ZEEK.format("dns", "\t".join(
        ["ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "query", "qtype", "answers", "TTLs"]),
        "\t".join(["100.5", "192.0.2.1", "4001", "192.0.2.53", "53", "a.example", "1",
                   "198.51.100.1", "60.0"]))),
    "Zeek conn.log": ("processes", ZEEK.format("conn", "\t".join(
        ["ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "conn_state"]),
        "\t".join(["100.5", "192.0.2.1", "4001", "198.51.100.1", "443", "tcp", "SF"]))),
    "EVE": ("name servers only where", json.dumps(
        {"timestamp": "2026-11-21T10:00:00.25+0100", "event_type": "dns", "src_ip": "192.0.2.53",
         "src_port": 53, "dest_ip": "192.0.2.1", "dest_port": 4001, "proto": "UDP",
         "dns": {"version": 3, "type": "response", "id": 1, "rcode": "NOERROR", "queries": [DNS],
                 "answers": [{**DNS, "ttl": 60, "rdata": "198.51.100.1"}]}})),
    "passive DNS": ("no clients, no TTLs", json.dumps(
        {**DNS, "rdata": "198.51.100.1", "time_first": 1700000000, "time_last": 1700000001,
         "count": 1})),
    "normalised trace": ("no server and no transaction", json.dumps(
        {"ts": 1700000000.5, "client": "192.0.2.1", "qname": "a.example", "qtype": "A",
         "answers": ["198.51.100.1"], "ttls": [60]})),
}


def sources():
    for kind, (lack, text) in SOURCES.items():
        code, _, err = replay("--emit", "none", write(kind.replace(" ", "."), text + "\n"))
        check(code == 0 and lack in err and ("1 responses" in err) != ("1 connections" in err),
              f"{kind}: what it cannot carry is said", code, err)
    _, _, alone = replay("--emit", "none", path("Zeek.dns.log"))
    _, _, both = replay("--emit", "none", path("Zeek.dns.log"), path("Zeek.conn.log"))
    check("No connections" in alone and "No connections" not in both,
          "that there are no connections is said only when there are none", alone, both)
    _, _, err = replay("--emit", "none", path("story.pcap"))
    check("not in captures: processes" in err, "a capture has no processes, it says", err)


def traces():
    if not os.path.isdir(TRACES):
        print(f"# {TRACES} is not here")
        return
    dns, ntp = (f"{TRACES}/wrccdc-2018.{kind}.log.gz" for kind in ("dns", "ntp"))
    plain = write("plain.yaml", "")
    for source in (dns, f"{TRACES}/wrccdc-2018.jsonl.gz"):
        found = highest(plain, source)
        for name, verdict in sorted(found.items()):
            print(f"# {os.path.basename(source)}: {name} {' '.join(verdict)}")
        check(all(n.endswith(".pool.ntp.org") and c == "medium" for n, (_, c) in found.items()),
              f"{os.path.basename(source)}: no alerts but of the NTP pool", found)
        with_ntp = highest(plain, source, ntp)
        check(with_ntp == {}, f"{os.path.basename(source)}: none with the connections to it", with_ntp)
    check(highest(plain, f"{TRACES}/slips.jsonl.gz") == {}, "slips.jsonl.gz: no alerts")


def main():
    os.chdir(ROOT)
    thresholds()
    sources()
    traces()
    print(f"1..{corpus_test.count}")
    return corpus_test.failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
