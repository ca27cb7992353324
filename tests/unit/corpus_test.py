#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Captures and raw messages against their oracle, through decoder, reassembly and parser.

The set in tests/data/corpus is always there. The whole one, ../shared/corpora, is compared as
well where it exists; its table by category is printed as comments. Differences that are allowed
are those that docs/corpus-differences.md lists, all of them and no others.
"""
import collections
import glob
import json
import os
import subprocess

BUILD = os.environ.get("BUILD", "build")
TOOL = os.path.join(BUILD, "tests/tools/dump_messages")
SHIPPED = "tests/data/corpus"
WHOLE = "../shared/corpora"
ABSENT = {"msg": 0, "opcode": 0, "qclass": 1, "more_questions": [], "trailing": 0, "vlan": []}
HEADER = ["id", "opcode", "aa", "tc", "rd", "ra", "rcode", "counts", "qname", "qtype", "qclass",
          "more_questions", "an", "ns", "ar", "rrs", "edns", "len", "trailing"]
PACKET = ["src", "dst", "sport", "dport", "ipver", "proto", "vlan"]
SOFT = ("malformed", "short", "unreassembled", "after_gap")

count = 0
failed = 0


def result(passed, name, problems=()):
    global count, failed
    count += 1
    failed += not passed
    print(("ok" if passed else "not ok"), count, "-", name)
    for problem in list(problems)[:20]:
        print("#   " + problem[:600])


def run(*args):
    done = subprocess.run([TOOL, *args], capture_output=True, text=True, timeout=120)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{args}: status {done.returncode}: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def field(record, key):
    value = record.get(key, ABSENT.get(key))
    if key == "qclass" and record.get("qname") is None:
        return None
    if key == "edns" and value:
        value = {k: int(value[k]) for k in ("udp", "ext_rcode", "version", "do")}
    return value


def differences(expected, got, fields):
    return [f"{key}: expected {field(expected, key)}, got {field(got, key)}"
            for key in fields if field(expected, key) != field(got, key)]


def is_firm(expected):
    return expected["wire"] == "same" and not any(expected.get(key) for key in SOFT)


def category(expected):
    if expected.get("fragmented"):
        return "fragments"
    if expected.get("tunnel"):
        return "tunnels"
    if expected.get("vlan"):
        return "vlan"
    return expected["proto"]


def documented():
    """(capture, frame) -> what becomes of it, from the table in the document."""
    rows = {}
    with open("docs/corpus-differences.md", encoding="utf-8") as doc:
        for line in doc:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) == 4 and cells[1].isdigit():
                rows[(cells[0], int(cells[1]))] = cells[2]
    return rows


class Tally:
    def __init__(self):
        self.firm = collections.Counter()
        self.exact = collections.Counter()
        self.problems = []  # firm responses that differ, and messages that nobody expects
        self.soft = {}      # (capture, frame) -> what became of it


def compare_capture(path, tally):
    name = os.path.basename(path)
    lines, _ = run(path)
    counters = lines.pop()
    got = {(line["frame"], line["msg"]): line for line in lines}
    with open(path + ".expected.jsonl", encoding="utf-8") as oracle:
        expected = [json.loads(line) for line in oracle]
    for want in (e for e in expected if e["kind"] == "response"):
        found = got.pop((want["frame"], want.get("msg", 0)), None)
        diff = differences(want, found, HEADER + PACKET) if found else ["missing"]
        if is_firm(want):
            tally.firm[category(want)] += 1
            tally.exact[category(want)] += not diff
            tally.problems += [f"{name} frame {want['frame']}: {d}" for d in diff]
        elif diff:
            reason = found["status"] if found else "+".join(counters["refused"]) or "missing"
            tally.soft[(name, want["frame"])] = reason
    tally.problems += [f"{name} frame {frame}: not expected: id {line['id']}"
                       for (frame, _), line in got.items()]
    if counters["seen"] != counters["not_dns"] + counters["query"] + counters["response"]:
        tally.problems.append(f"{name}: the ledger does not balance: {counters}")


def compare_captures(root):
    tally = Tally()
    paths = sorted(p[:-len(".expected.jsonl")] for p in glob.glob(f"{root}/pcap/*.expected.jsonl"))
    names = {os.path.basename(path) for path in paths}
    for path in paths:
        compare_capture(path, tally)
    total, exact = sum(tally.firm.values()), sum(tally.exact.values())
    result(total > 0 and not tally.problems,
           f"{root}: {exact} of {total} firm responses exact in {len(paths)} captures",
           tally.problems)
    for key in sorted(tally.firm):
        print(f"#   {key:10} {tally.exact[key]:5} of {tally.firm[key]:5}  "
              f"{100 * tally.exact[key] / tally.firm[key]:.2f} %")
    allowed = {key: value for key, value in documented().items() if key[0] in names}
    result(tally.soft == allowed, f"{root}: the other differences are those in docs",
           [f"found {tally.soft}", f"documented {allowed}"] if tally.soft != allowed else [])


def compare_negative(root):
    problems = []
    paths = sorted(p for p in glob.glob(f"{root}/negative/*.pcap*"))
    for path in paths:
        lines, errors = run(path)
        problems += [f"{path}: {line}" for line in lines if "qr" in line]
        if errors and not errors.startswith(path + ": "):
            problems.append(f"{path}: the error does not name the file: {errors}")
    result(paths and not problems, f"{root}: nothing in {len(paths)} captures without responses",
           problems)


def compare_raw(root):
    problems, total = [], 0
    for oracle in sorted(glob.glob(f"{root}/dnsmsg/*/expected.jsonl")):
        folder = os.path.dirname(oracle)
        with open(oracle, encoding="utf-8") as lines:
            expected = [json.loads(line) for line in lines]
        got, _ = run("--raw", *[os.path.join(folder, e["file"]) for e in expected])
        for want, found in zip(expected, got, strict=True):
            name = os.path.basename(folder) + "/" + want["file"]
            if want["kind"] == "skipped":
                continue
            if (want["kind"] == "response") != (found["qr"] == 1):
                problems.append(f"{name}: QR differs")
            if want["kind"] != "response":
                continue
            diff = differences(want, found, HEADER)
            total += 1
            problems += [f"{name}: {d}" for d in diff]
    result(total > 0 and not problems, f"{root}: {total} raw messages exact", problems)


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    roots = [SHIPPED]
    if os.path.isdir(WHOLE):
        roots.append(WHOLE)
    else:
        print(f"# {WHOLE} is not here: only the captures that the tests bring along are compared")
    for root in roots:
        compare_captures(root)
        compare_negative(root)
        compare_raw(root)
    print(f"1..{count}")
    return failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
