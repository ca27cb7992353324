#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""coverage.py DIR WORK...: which lines of the parsers the seeds and what campaigns found in WORK reach.

DIR holds the drivers built for coverage (make fuzz-coverage). For each target the lines of the files
that it is there for; then the lines of whole folders, by all targets together.
"""
import glob
import json
import os
import subprocess
import sys

# What each target is there for.
AIMS = {
    "config": ["userspace/config/"],
    "control": ["userspace/control/request.c", "userspace/ui/status_json.c", "userspace/ui/frame.c"],
    "csv": ["userspace/enrich/csv.c"],
    "foreign": ["userspace/correlate/foreign_event.c"],
    "fragment": ["userspace/capture/reassembly_ip.c"],
    "frame": ["userspace/capture/decode.c", "bpf/decode.h"],
    "ldns": ["userspace/dns/message.c", "userspace/dns/name.c"],
    "lease": ["userspace/correlate/lease.c"],
    "lists": ["userspace/detect/lists.c"],
    "logs": ["userspace/logs/"],
    "message": ["userspace/dns/message.c", "userspace/dns/rdata.c", "userspace/dns/fingerprint.c"],
    "name": ["userspace/dns/name.c"],
    "pcap": ["userspace/capture/pcap.c"],
    "state": ["userspace/detect/local_state.c", "userspace/detect/local.c"],
    "tcp": ["userspace/capture/reassembly_tcp.c"],
}
FOLDERS = ["base", "capture", "config", "correlate", "dns", "logs"]


def run_inputs(driver, files, profile):
    """Each input once; many at a time, but not more than a command line holds."""
    for i in range(0, len(files), 500):
        env = dict(os.environ, LLVM_PROFILE_FILE=f"{profile}-{i}.profraw")
        subprocess.run([driver, *files[i:i + 500]], env=env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def merge(raw, out):
    subprocess.run(["llvm-profdata", "merge", "-sparse", *raw, "-o", out], check=True)


def lines_by_file(drivers, profile):
    objects = [x for d in drivers[1:] for x in ("-object", d)]
    out = subprocess.run(["llvm-cov", "export", "-summary-only", "-instr-profile", profile, drivers[0],
                          *objects], check=True, capture_output=True, text=True).stdout
    here = os.getcwd() + "/"
    return {f["filename"].removeprefix(here): f["summary"]["lines"]
            for f in json.loads(out)["data"][0]["files"]}


def add_up(files, prefixes):
    chosen = [n for f, n in files.items() if any(f.startswith(p) for p in prefixes)]
    return sum(n["covered"] for n in chosen), sum(n["count"] for n in chosen)


def row(name, covered, count, more=""):
    print(f"{name:<32} {covered:>6} of {count:>6} lines {100 * covered / max(count, 1):6.1f} %  {more}")


def main():
    directory, works = sys.argv[1], sys.argv[2:]
    raw_all, drivers = [], []
    for target, aims in sorted(AIMS.items()):
        driver, profile = f"{directory}/{target}_fuzz", f"{directory}/{target}"
        files = [f for d in ["tests/data/fuzz", *works] for f in sorted(glob.glob(f"{d}/{target}/*"))]
        for old in glob.glob(f"{profile}-*.profraw"):
            os.unlink(old)
        run_inputs(driver, files, profile)
        raw = glob.glob(f"{profile}-*.profraw")
        merge(raw, f"{profile}.profdata")
        covered, count = add_up(lines_by_file([driver], f"{profile}.profdata"), aims)
        row(f"{target}, {len(files)} inputs", covered, count, " ".join(aims))
        raw_all.append(f"{profile}.profdata")
        drivers.append(driver)
    merge(raw_all, f"{directory}/all.profdata")
    files = lines_by_file(drivers, f"{directory}/all.profdata")
    for folder in FOLDERS:
        row(f"userspace/{folder}, all targets", *add_up(files, [f"userspace/{folder}/"]))


main()
