#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The events of `fluxtap replay` against the oracle of the captures, and both engines' against
each other. What is allowed to differ is what docs/corpus-differences.md lists."""
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "tests/unit"))
import corpus_test  # noqa: E402  (the comparison by field is the same)

FLUXTAP = os.environ.get("FLUXTAP", "build/fluxtap")
KINDS = {"A", "AAAA", "NS", "CNAME"}
SECTIONS = {"answers": "an", "authorities": "ns", "additionals": "ar"}
FIELDS = ["src", "dst", "sport", "dport", "ipver", "proto", "vlan", "id", "opcode", "aa", "tc",
          "rd", "ra", "rcode", "qname", "an", "ns", "ar"]
RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
          "NXRRSET", "NOTAUTH", "NOTZONE"]


def replay(paths, *options):
    done = subprocess.run([FLUXTAP, "replay", "-q", "-o", "json", "--emit", "dns,anomaly",
                           *options, *paths], capture_output=True, text=True, timeout=250)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{paths}: status {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def as_oracle(event):
    """An event in the words of the oracle."""
    dns = event["dns"]
    flags = int(dns["flags"], 16)
    record = {
        "src": event["src_ip"], "dst": event["dest_ip"], "sport": event["src_port"],
        "dport": event["dest_port"], "ipver": event["ip_v"], "proto": event["proto"].lower(),
        "vlan": event.get("vlan", []), "id": dns["id"], "opcode": dns["opcode"],
        "rcode": flags & 15, "qname": dns["queries"][0]["rrname"] if dns.get("queries") else None,
    }
    for bit, name in ((10, "aa"), (9, "tc"), (8, "rd"), (7, "ra")):
        record[name] = flags >> bit & 1
        if dns.get(name, False) != bool(record[name]):
            record["rcode"] = f"{name} differs from flags"
    if not record["rcode"] and "edns" not in dns and dns["rcode"] != RCODES[0]:
        record["rcode"] = dns["rcode"]
    for section, key in SECTIONS.items():
        record[key] = [{"owner": rr["rrname"], "type": rr["rrtype"], "ttl": rr["ttl"],
                        "data": rr.get("rdata")}
                       for rr in dns.get(section, []) if rr["rrtype"] in KINDS]
    return record


def without_class(expected):
    """Events do not carry the class of a record."""
    return {**expected, **{key: [{k: v for k, v in rr.items() if k != "class"}
                                 for rr in expected[key]] for key in SECTIONS.values()}}


def compare_capture(path, tally):
    name = os.path.basename(path)
    got = {}
    for line in replay([path]).splitlines():
        event = json.loads(line)
        if event["event_type"] == "dns":
            got.setdefault(event["pcap_cnt"], []).append(event)
    with open(path + ".expected.jsonl", encoding="utf-8") as oracle:
        expected = [json.loads(line) for line in oracle]
    for want in (e for e in expected if e["kind"] == "response"):
        found = got.get(want["frame"], [])
        diff = corpus_test.differences(without_class(want), as_oracle(found.pop(0)), FIELDS) \
            if found else ["missing"]
        if corpus_test.is_firm(want):
            tally.firm[corpus_test.category(want)] += 1
            tally.exact[corpus_test.category(want)] += not diff
            tally.problems += [f"{name} frame {want['frame']}: {d}" for d in diff]
        elif diff:
            tally.soft[(name, want["frame"])] = diff
    tally.problems += [f"{name} frame {frame}: not expected: {len(events)} events"
                       for frame, events in got.items() if events]


def compare_captures(root):
    tally = corpus_test.Tally()
    paths = sorted(p[:-len(".expected.jsonl")] for p in glob.glob(f"{root}/pcap/*.expected.jsonl"))
    names = {os.path.basename(path) for path in paths}
    for path in paths:
        compare_capture(path, tally)
    total, exact = sum(tally.firm.values()), sum(tally.exact.values())
    corpus_test.result(total > 0 and not tally.problems,
                       f"{root}: {exact} of {total} firm responses exact in replay", tally.problems)
    allowed = {key for key in corpus_test.documented() if key[0] in names}
    corpus_test.result(set(tally.soft) == allowed, f"{root}: the other differences are in docs",
                       [f"found {tally.soft}"] if set(tally.soft) != allowed else [])


def compare_engines(root):
    paths = sorted(path for folder in ("pcap", "negative")
                   for path in glob.glob(f"{root}/{folder}/*.pcap*") if not path.endswith(".jsonl"))
    native = replay(paths).splitlines()
    kernel = replay(paths, "--engine", "kernel").splitlines()
    problems = [f"native {a}\n#   kernel {b}" for a, b in zip(native, kernel) if a != b]
    if len(native) != len(kernel):
        problems.append(f"native {len(native)} events, kernel {len(kernel)}")
    corpus_test.result(native and not problems,
                       f"{root}: both engines give the same {len(native)} events", problems)


def main():
    os.chdir(ROOT)
    roots = [corpus_test.SHIPPED]
    if os.path.isdir(corpus_test.WHOLE):
        roots.append(corpus_test.WHOLE)
    else:
        print(f"# {corpus_test.WHOLE} is not here: only the captures that the tests bring along")
    for root in roots:
        compare_captures(root)
        compare_engines(root)
    print(f"1..{corpus_test.count}")
    return corpus_test.failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
