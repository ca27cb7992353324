#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What benign classes look like in the terms of the score: profiles.py WITH [WITHOUT [COLD]] > benign_data.c

They are what `evaluate --terms` wrote, with and without connections: a line for each instance and
check. Of every benign class, track and term the 5 % and the 95 % quantile of the
values are kept, over checks with enough fresh sets for a verdict. Terms about connections are
taken from WITH alone; from COLD, where nothing has been learned yet, nothing about neighbours either. A class that a track hardly ever judges has no profile there."""
import collections
import sys

CLASSES = {
    "B1": "anycast or static answers", "B2": "CDN with a TTL of seconds (Akamai)",
    "B3": "CDN, fixed sets in one network (CloudFront)", "B4": "large site, own network (Google)",
    "B5": "load balancer or ad exchange (ELB)", "B6": "traffic manager, one address (Azure)",
    "B7": "CDN inside ISPs", "B8": "NTP pool", "B9": "coin seeds", "B10": "peer-to-peer bootstrap",
    "B11": "VPN or mining nodes", "B12": "dynamic DNS", "B13": "geo-DNS or failover",
    "B14": "autoscaling or tunnels", "B15": "injected answers", "B16": "resolver farm",
    "B17": "block list, sinkhole or parking", "B18": "site migration", "B19": "mail, SIP or game servers",
}
LEFT_OUT = {"bias", "cluster"}
CONTACTS = {"rotation_followed", "connect_failures", "nonweb_port", "service_pool", "late_contact"}
CONTEXT = {"unlearned", "age_day", "age_week", "age_old", "popular", "address_sharing",
           "cname_fanin", "sibling_names", "hosting_networks", "hosted_pool", "common_order", "ns_local",
           "ns_common", "ns_stable"}
LEAST_SETS = 4
LEAST_CHECKS = 30


def quantile(values, q):
    return values[min(len(values) - 1, int(q * len(values)))]


def read(path, left_out, values, checks):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            word = line.split()
            if word[0] not in CLASSES or int(word[6]) < LEAST_SETS:
                continue
            track = "TRACK_FAST" if any(w.startswith("late_novelty=") for w in word) else "TRACK_SLOW"
            checks[word[0], track] += 1
            for text in word[8:]:
                name, _, number = text.partition("=")
                if name not in left_out:
                    values[word[0], track][name].append(float(number.split("*")[0]))


def main(paths):
    values = collections.defaultdict(lambda: collections.defaultdict(list))
    checks = collections.Counter()
    for path, left_out in zip(paths, ({}, CONTACTS, CONTACTS | CONTEXT)):
        read(path, LEFT_OUT.union(left_out), values, checks)
    print("// SPDX-License-Identifier: BSD-2-Clause\n"
          "/* Written by tests/traffic/profiles.py (make profiles): do not edit. */\n"
          '#include "report/benign.h"\n\n'
          "/* clang-format off */\n"
          "const struct benign_profile benign_profiles[] = {")
    for cls, name in CLASSES.items():
        for track in ("TRACK_FAST", "TRACK_SLOW"):
            if checks[cls, track] < LEAST_CHECKS:
                continue
            rows = []
            for term, seen in values[cls, track].items():
                seen.sort()
                rows.append(f'{{ "{term}", {quantile(seen, 0.05):.3g}, {quantile(seen, 0.95):.3g} }}')
            print(f'\t{{ "{cls}", "{name}", {track}, {{')
            for i in range(0, len(rows), 4):
                print("\t\t" + ", ".join(rows[i:i + 4]) + ",")
            print("\t} },")
    print("};\nconst size_t benign_profiles_len = sizeof(benign_profiles) / sizeof(benign_profiles[0]);")


main(sys.argv[1:])
