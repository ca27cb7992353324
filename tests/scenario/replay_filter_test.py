#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the kernel's repeat filter costs detection: the same capture through the real XDP program on
the capture's clock, with the filter and without it. Generated traffic of many classes, several
seeds, and the corpora. Required to be equal:

- which alerts there are, name by name and in order: state and confidence, and above low the verdict;
- what those of the same time say of distinct addresses, prefixes, the largest TTL and when it began;
- the history: which records there are, and since when.

What was seen last, and how often, may lag: a repeat is told of with the next record of its set, at
most `capture.refresh` later, and the last ones with none. An alert may come that much later for each
step of its evidence."""
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "tests/unit"))
import corpus_test  # noqa: E402  (where the corpora are; numbering of results)

BUILD = os.environ.get("BUILD", "build")
FLUXTAP = os.environ.get("FLUXTAP", "build/fluxtap")
EVALUATE = os.path.join(BUILD, "tests/traffic/evaluate")
REFRESH_S = 60
# suite, seed, classes: a day begun with nothing learned; six hours of a site that is known
TRAFFIC = [
    ("cold", 31, "B2,B3,B4,B5,B8,B13,M1,M4,M6,M8,M9,M12"),
    ("cold", 32, "B3,B7,B9,B11,B14,B16,M2,M3,M5,M9,M11,M13"),
    ("calm", 41, "B2,B3,B4,B5,B7,B8,B9,B11,B13,B15,B16,M1,M2,M3,M4,M5,M6,M8,M9,M10,M11,M12,M13"),
    ("calm", 43, "B2,B4,B5,B6,B8,B12,B16,B18,B19,M1,M2,M3,M6,M8,M9,M10,M12"),
]
EQUAL = ("distinct_ips", "prefixes", "ttl_max", "first_seen")


def replay(state, paths, *options):
    done = subprocess.run([FLUXTAP, "replay", "-q", "-o", "json", "--emit", "alert,stats",
                           "--engine", "kernel", "--state", state, *options, *paths],
                          capture_output=True, text=True, timeout=250)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{paths}: status {done.returncode}: {done.stderr[-2000:]}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return ([e["flux"] for e in events if e["event_type"] == "alert"],
            next(e["stats"] for e in events if e["event_type"] == "stats"))


def by_domain(alerts):
    out = {}
    for flux in alerts:
        out.setdefault(flux["domain"], []).append(flux)
    return out


def judgements(alerts):
    return [(f["state"], f["confidence"], f["confidence"] in ("medium", "high") and f["verdict"])
            for f in alerts]


def evidence(flux):
    return {k: flux["evidence"].get(k) for k in EQUAL}


def pairs(plain, filtered):
    """Alerts of the same name and place in the order: (both of the same time, others)"""
    both = [(x, y) for n in plain for x, y in zip(plain[n], filtered.get(n, []))]
    same = [(x, y) for x, y in both if x["evidence"]["last_seen"] == y["evidence"]["last_seen"]]
    return same, len(both) - len(same)


def history(state):
    base = sqlite3.connect(os.path.join(state, "history.db"))
    return {tuple(row[:4]): row[4:] for row in base.execute(
        "SELECT rrname, rrtype, rdata, bailiwick, time_first, ttl, time_last, count FROM history")}


def check_history(what, plain, filtered):
    differ = [(key, plain[key], filtered.get(key)) for key in plain
              if filtered.get(key, (None,))[0] != plain[key][0]]
    corpus_test.result(plain and len(plain) == len(filtered) and not differ,
                       f"{what}: {len(plain)} records of the history, each since the same time",
                       [str(d) for d in differ[:5]])
    # a longer TTL can hide among the repeats of a set first heard of from a cache
    ttl = [(key, plain[key], filtered[key]) for key in plain if filtered[key][1] != plain[key][1]]
    corpus_test.result(len(ttl) * 10000 <= len(plain) and all(x[1] > y[1] for _, x, y in ttl),
                       f"{what}: the same largest TTL in all but {len(ttl)}", [str(d) for d in ttl[:5]])
    late = [(key, plain[key], filtered[key]) for key in plain if key in filtered and not
            0 <= plain[key][2] - filtered[key][2] <= REFRESH_S]
    more = [key for key in plain if key in filtered and filtered[key][3] > plain[key][3]]
    corpus_test.result(not late and not more, f"{what}: seen last within {REFRESH_S} s of the same "
                       "time, and never more often", [str(d) for d in (late + more)[:5]])


def check_repeats(what, stats):
    """All responses of these captures are analysed: what the records carried is known."""
    kernel, kept = stats["kernel"], stats["filter"]
    told = stats["detect"]["responses"] - kernel["emitted"]
    rest = kernel["repeat"] - told - kept["evicted_repeats"]
    corpus_test.result(told > 0 and 0 <= rest <= stats["detect"]["names"],
                       f"{what}: {told} of {kernel['repeat']} repeats told of, "
                       f"{kept['evicted_repeats']} counted as not, {rest} waited at the end",
                       [str(kernel), str(kept)])


def check(what, paths, tmp, *options):
    states = [os.path.join(tmp, f"{what.split(' ')[0]}.{n}") for n in ("plain", "filtered")]
    plain, _ = replay(states[0], paths, *options)
    filtered, stats = replay(states[1], paths, "--filter", *options)
    a, b = by_domain(plain), by_domain(filtered)
    differ = [(n, judgements(a.get(n, [])), judgements(b.get(n, []))) for n in sorted(set(a) | set(b))
              if judgements(a.get(n, [])) != judgements(b.get(n, []))]
    corpus_test.result(not differ, f"{what}: the same {len(plain)} alerts on {len(a)} names, "
                       f"{stats['kernel']['repeat']} of {stats['kernel']['response']} responses "
                       "held back", [str(d) for d in differ[:5]])
    same, others = pairs(a, b)
    differ = [(x["domain"], evidence(x), evidence(y)) for x, y in same if evidence(x) != evidence(y)]
    corpus_test.result(not differ and others * 10 <= len(same), f"{what}: {len(same)} of them of the "
                       f"same time, with the same addresses, TTL and beginning; {others} of another",
                       [str(d) for d in differ[:5]])
    check_history(what, history(states[0]), history(states[1]))
    return plain, stats


def generated(tmp):
    verdicts, held = Counter(), 0
    for suite, seed, classes in TRAFFIC:
        pcap = os.path.join(tmp, f"{suite}{seed}.pcap")
        subprocess.run([EVALUATE, "--suite", suite, "--seed", str(seed), "--instances", "8",
                        "--sites", "1", "--background", "300", "--no-rules", "--classes", classes,
                        "--out", tmp, "--pcap", pcap], check=True, timeout=250, capture_output=True)
        alerts, stats = check(f"{suite}{seed}", [pcap], tmp, "--set",
                              f"enrich.asn=csv:{tmp}/asn.csv")
        check_repeats(f"{suite}{seed}", stats)
        verdicts.update(flux["verdict"] for flux in alerts)
        held += stats["kernel"]["repeat"]
    corpus_test.result(len(verdicts) >= 3 and held > 10000, "verdicts of several kinds are among "
                       f"them: {dict(verdicts)}; {held} responses held back", [])


def corpora(tmp):
    for root in (corpus_test.SHIPPED, corpus_test.WHOLE):
        folder = os.path.join(root, "pcap")
        if os.path.isdir(folder):
            paths = sorted(os.path.join(folder, f) for f in os.listdir(folder)
                           if ".expected" not in f and f.split(".")[-1] != "md")
            check(f"{os.path.basename(root)} corpus", paths, tmp)


def main():
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as tmp:
        generated(tmp)
        corpora(tmp)
    print(f"1..{corpus_test.count}")
    return corpus_test.failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
