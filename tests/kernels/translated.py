#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""translated.py DIR: what a client behind a gateway and a resolver outside send, three questions and
their answers, the latter to the gateway's own address. DIR/queries.pcap, DIR/answers.pcap."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
from fluxlib import datagram, message, packet
from netlib import write_pcap

CLIENT, OUTSIDE, RESOLVER = "198.18.1.2", "198.18.2.1", "198.18.2.2"
INSIDE_MAC, OUTSIDE_MAC = b"\2\0\0\0\1\1", b"\2\0\0\0\2\1"  # the gateway's
NAME, ADDRESS = "www.example", "198.18.2.9"


def main():
    queries, answers = [], []
    for n in range(3):
        answer = message(n, NAME, 60, [ADDRESS])
        query = answer[:2] + b"\1\0\0\1\0\0\0\0\0\0" + answer[12:12 + len(NAME) + 2 + 4]
        queries.append(packet(CLIENT, RESOLVER, 17, datagram(40000 + n, 53, query), INSIDE_MAC))
        answers.append(packet(RESOLVER, OUTSIDE, 17, datagram(53, 40000 + n, answer), OUTSIDE_MAC))
    write_pcap(os.path.join(sys.argv[1], "queries.pcap"), queries)
    write_pcap(os.path.join(sys.argv[1], "answers.pcap"), answers)


main()
