#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The blocks of docs/alerts.md anew: alerts_doc.py EVALUATE FLUXTAP DIR (make alerts-doc).

Captures of the generators of `make evaluate`, in networks of 198.18.0.0/15, through replay. Each
block of docs/alerts.md that follows a line "<!-- CLASS alert -->" is replaced by an alert of the first
name of that class with the verdict wanted, the third of them where there are so many; one that
follows "<!-- CLASS explain -->" by what explain says below it, at the end of the capture; and the one
that follows "<!-- traces -->" by the alerts on real traces, where they are."""
import ipaddress
import json
import os
import re
import subprocess
import sys

DOC = "docs/alerts.md"
TRACES = "../shared/corpora/traces"
# class: options of evaluate, the verdict to show
CAPTURES = {
    "M1": (["--suite", "cold", "--instances", "2"], "single-flux"),
    "M8": (["--suite", "cold", "--instances", "2", "--resolver-side"], "double-flux"),
    "M7": (["--suite", "week", "--instances", "1"], "slow-flux"),
}


def networks(path):
    """Eighty access networks, twenty hosters, four clouds, four content networks, each with an IPv6 prefix."""
    at, rows = int(ipaddress.ip_address("198.18.0.0")), []
    for n in range(108):
        kind, size = ("access", 1024) if n < 80 else \
            ("hosting" if n < 100 else "amazon" if n < 104 else "cdn", 512)
        if kind == "access" and n % 3 == 0:
            size = 2048
        rows.append(f"{ipaddress.ip_address(at)},{ipaddress.ip_address(at + size - 1)},"
                    f"{64512 + n},Example {kind} {n},ZZ")
        rows.append(f"2001:db8:{n:x}::,2001:db8:{n:x}:ffff:ffff:ffff:ffff:ffff,{64512 + n},"
                    f"Example {kind} {n},ZZ")
        at += size
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(rows) + "\n")


def run(*args):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE, text=True).stdout


def make(evaluate, fluxtap, folder):
    asn, config = os.path.join(folder, "networks.csv"), os.path.join(folder, "fluxtap.yaml")
    networks(asn)
    with open(config, "w", encoding="utf-8") as f:
        json.dump({"enrich": {"asn": [f"csv:{asn}"]}, "detect": {"count_special": ["198.18.0.0/15"]}}, f)
    blocks = {}
    for cls, (options, verdict) in CAPTURES.items():
        pcap = os.path.join(folder, f"{cls.lower()}.pcap")
        run(evaluate, "--asn", asn, "--classes", cls, "--sites", "1", "--background", "60",
            "--out", folder, "--pcap", pcap, *options)
        alerts = [json.loads(line) for line in
                  run(fluxtap, "replay", "-q", "-c", config, "-o", "json", "--emit", "alert", pcap).splitlines()]
        name = next(a["flux"]["domain"] for a in alerts if a["flux"]["verdict"] == verdict and
                    f"{cls.lower()}-" in a["flux"]["domain"])
        text = run(fluxtap, "replay", "-q", "-c", config, "-o", "text", pcap)
        told = [b for b in re.split(r"\n(?=\S)", text) if b.split()[1:2] == [name] and b.startswith(verdict)]
        blocks[f"{cls} alert"] = told[:3][-1].rstrip("\n")
        full = run(fluxtap, "replay", "-q", "-c", config, "--explain", name, "-o", "text", pcap)
        full = full.split("\n  timeline", 1)[1]
        blocks[f"{cls} explain"] = f"  timeline{full}".replace(folder + "/", "").rstrip("\n")
    return blocks


def terms(flux, least):
    """The summands that count, largest first."""
    told = sorted(flux["terms"], key=lambda t: -abs(t["contribution"]))
    return ", ".join(f"{t['name']} {t['contribution']:+.2f}" for t in told
                     if abs(t["contribution"]) >= least and t["name"] != "bias")


def trace_lines(fluxtap, *names):
    """Every alert of a trace, and what became of the names of the time service."""
    paths = [os.path.join(TRACES, name) for name in names]
    out = run(fluxtap, "replay", "-q", "-o", "json", "--emit", "alert", *paths)
    yield f"$ fluxtap replay {' '.join(names)}"
    for line in out.splitlines():
        event = json.loads(line)
        flux = event["flux"]
        yield (f"{event['timestamp'][11:19]} {flux['domain']} {flux['verdict']} {flux['confidence']} "
               f"{flux['state']} {flux['score']:+.2f}")
        yield f"  {flux.get('reason', '')}{': ' if flux.get('reason') else ''}{terms(flux, 0.3)}"
    if not out:
        yield "no alerts"
    for n in range(4) if any("ntp" in name for name in names) else ():
        name = f"{n}.debian.pool.ntp.org"
        flux = json.loads(run(fluxtap, "replay", "-q", "-o", "json", "--explain", name, *paths))["flux"]
        yield f"{name}: confidence {flux['confidence']}, {flux['score']:+.2f}: {terms(flux, 0.3)}"


def traces(fluxtap):
    sets = (["wrccdc-2018.dns.log.gz"], ["wrccdc-2018.dns.log.gz", "wrccdc-2018.ntp.log.gz"],
            ["wrccdc-2018.jsonl.gz"], ["wrccdc-2018.jsonl.gz", "wrccdc-2018.ntp.log.gz"],
            ["slips.jsonl.gz"])
    return "\n\n".join("\n".join(trace_lines(fluxtap, *names)) for names in sets)


def main(evaluate, fluxtap, folder):
    os.makedirs(folder, exist_ok=True)
    blocks = make(evaluate, fluxtap, folder)
    if os.path.isdir(TRACES):
        blocks["traces"] = traces(fluxtap)
    with open(DOC, encoding="utf-8") as f:
        doc = f.read()
    for key, block in blocks.items():
        doc = re.sub(rf"(<!-- {key} -->\n```\n).*?(\n```\n)", lambda m: m[1] + block + m[2], doc,
                     flags=re.S)
    with open(DOC, "w", encoding="utf-8") as f:
        f.write(doc)


main(*sys.argv[1:4])
