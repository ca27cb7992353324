#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""same_output.py REF [CAPTURE|FOLDER...]: does replay write what it wrote as of REF?

For changes that may only make it faster. Both versions replay the workload (several sizes, memory
limits and shares of rotating names) and every capture and log found, with `--emit all`, and their
lines are compared, but for the bytes that tables take. REF may also be a program that was built.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from bench import FLUXTAP, ROOT, TOOLS, build_base  # noqa: E402

SIZES = re.compile(rb'"table_bytes":[0-9]+|,"candidate_bytes":[0-9]+|"bytes":[0-9]+')
# names, responses, further arguments of the workload, of replay
WORKLOADS = ((100000, 150000, ["-r", "3"], []),
             (300000, 200000, ["-r", "20", "-c", "200000"], ["--set", "limits.memory=32MiB"]),
             (2000, 150000, ["-r", "50", "-q", "50"], []),
             (20000, 150000, ["-r", "90", "-q", "20"], ["--set", "limits.memory=32MiB"]))
EMITS = ("all", "churn,connect,alert,stats")


def output(program, args, path):
    done = subprocess.run([program, "replay", "-q", *args, path], capture_output=True)
    return done.returncode, SIZES.sub(b"", done.stdout), done.stderr


def differs(one, other):
    """Where two outputs part, or None."""
    if one == other:
        return None
    if one[0] != other[0] or one[2] != other[2]:
        return f"exit {one[0]} and {other[0]}, messages {one[2]!r} and {other[2]!r}"
    a, b = one[1].splitlines(), other[1].splitlines()
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    lines = [x[at][:2000].decode(errors="replace") if at < len(x) else "(ends)" for x in (a, b)]
    return f"line {at + 1} of {len(a)} and {len(b)}:\n  {lines[0]}\n  {lines[1]}"


def captures(places):
    for place in places:
        if os.path.isfile(place):
            yield place
        for folder, _, names in sorted(os.walk(place)):
            for name in sorted(names):
                if re.search(r"\.(pcap|pcapng|cap|log|json|jsonl)(\.gz)?$", name):
                    yield os.path.join(folder, name)


def jobs(tmp, places):
    for names, responses, args, more in WORKLOADS:
        path = os.path.join(tmp, "w.pcap")
        with open(path, "wb") as f:
            subprocess.run([os.path.join(TOOLS, "workload"), "-N", str(names), "-n",
                            str(responses), *args], stdout=f, check=True)
        yield f"workload of {names} names {' '.join(args + more)}", path, more
    for path in captures(places):
        yield path, path, []


def main():
    ref = sys.argv[1]
    places = sys.argv[2:] or [os.path.join(ROOT, "tests", "data"),
                              os.path.join(ROOT, "..", "shared", "corpora")]
    bad = n = 0
    with tempfile.TemporaryDirectory() as tmp:
        base = build_base(ref, os.path.join(tmp, "base"))
        for name, path, args in jobs(tmp, places):
            for emit in EMITS:
                where = differs(output(base, ["--emit", emit, *args], path),
                                output(FLUXTAP, ["--emit", emit, *args], path))
                n += 1
                if where:
                    bad += 1
                    print(f"{name}, --emit {emit}: {where}", flush=True)
    print(f"{n} outputs compared, {bad} differ")
    sys.exit(bad > 0 or n == 0)


main()
