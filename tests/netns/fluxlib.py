# SPDX-License-Identifier: BSD-2-Clause
"""Captures with names that rotate and names that do not, for the tests that compare verdicts.
Synthetic and seeded; addresses of 198.18.0.0/15, which count because the configuration says so."""
import ipaddress
import random
import struct

CLIENT, SERVER = "198.18.200.1", "198.18.200.53"
# thresholds for seconds instead of hours; see docs/detection.md
QUICK = {"count_special": ["198.18.0.0/15"], "cold_start_h": 0, "high_hold_s": 1, "update_s": 1,
         "high_sets": 6}


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(owner, kind, ttl, data):
    return wire(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def address(text):
    return ipaddress.ip_address(text).packed


def message(ident, name, ttl, addresses, zone=None, servers=()):
    """A response: A records, and for each (server, address) of `servers` NS and glue."""
    body = wire(name) + struct.pack(">HH", 1, 1)
    body += b"".join(record(name, 1, ttl, address(a)) for a in addresses)
    body += b"".join(record(zone, 2, ttl, wire(ns)) for ns, _ in servers)
    body += b"".join(record(ns, 1, ttl, address(glue)) for ns, glue in servers)
    return struct.pack(">HHHHHH", ident, 0x8180, 1, len(addresses), len(servers), len(servers)) + body


def packet(source, target, proto, body, to=b"\xff" * 6, by=b"\2\0\0\0\0\1"):
    """IPv4 in an Ethernet frame."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, proto, 0, address(source),
                       address(target))
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xffff) + head[12:]
    return to + by + b"\x08\0" + head + body


def datagram(sport, dport, payload):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def frame(payload, client, port):
    return packet(SERVER, client, 17, datagram(53, port, payload))


def tcp(source, sport, target, dport, flags):
    return packet(source, target, 6,
                  struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 0x50, flags, 1024, 0, 0))


def connections(client, port, target, ok):
    """A client's SYN, and SYN/ACK or RST."""
    return [tcp(client, port, target, 443, 2), tcp(target, 443, client, port, 18 if ok else 20)]


def story(rounds=24, seed=1):
    """(seconds, frame) in order: a single-flux and a double-flux name, a name that never changes, a
    round robin and a pool of four; each round, and each asked for a second time by another
    client, which then connects to an address of the two that move. TTLs grow, so that each answer is a fresh one without waiting for the last to expire."""
    rng = random.Random(seed)
    pick = lambda n: [f"198.{18 + rng.randrange(2)}.{rng.randrange(200)}.{rng.randrange(1, 255)}"
                      for _ in range(n)]
    pool = pick(4)
    out, ident = [], 0
    for i in range(rounds):
        ttl = 10 + 3 * i
        glue = [(f"ns{rng.randrange(1, 20)}.pair.example", a) for a in pick(2)]
        for name, answers, zone, servers in (
                ("www.single.example", pick(3), None, ()),
                ("www.pair.example", pick(3), "pair.example", glue),
                ("www.static.example", pool[:1], None, ()),
                ("www.robin.example", rng.sample(pool, 4), None, ()),
                ("www.pool.example", rng.sample(pool, 2), None, ())):
            for client in (CLIENT, "198.18.200.2"):
                ident += 1
                out.append((i * 0.12 + ident % 10 * 0.002,
                            frame(message(ident, name, ttl, answers, zone, servers), client,
                                  20000 + ident)))
            if name in ("www.single.example", "www.pair.example"):
                out += [(i * 0.12 + 0.09, data)
                        for data in connections(CLIENT, 30000 + ident, answers[0], i % 3 > 0)]
    return sorted(out, key=lambda pair: pair[0])


def write_pcap(path, frames, start=1790000000.0):
    """Nanosecond pcap; times as (seconds or nanoseconds if int, frame)."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for when, data in frames:
            ns = when if isinstance(when, int) else int(round((start + when) * 1e6)) * 1000
            f.write(struct.pack("<IIII", ns // 10**9, ns % 10**9, len(data), len(data)) + data)


def write_pcapng(path, frames, start=1790000000.0):
    def block(kind, body):
        size = 12 + len(body)
        return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

    with open(path, "wb") as f:
        f.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
        # if_tsresol 9: nanoseconds
        f.write(block(1, struct.pack("<HHI", 1, 0, 65535) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)))
        for when, data in frames:
            ns = when if isinstance(when, int) else int(round((start + when) * 1e6)) * 1000
            f.write(block(6, struct.pack("<IIIII", 0, ns >> 32, ns & 0xffffffff, len(data), len(data))
                          + data + b"\0" * (-len(data) % 4)))


def write_networks(path):
    """An AS for each /20 of 198.18.0.0/15."""
    base = int(ipaddress.ip_address("198.18.0.0"))
    with open(path, "w", encoding="utf-8") as f:
        for i in range(32):
            first, last = (ipaddress.ip_address(base + (i + k) * 4096 - k) for k in (0, 1))
            f.write(f"{first},{last},{64512 + i},Example access {i}\n")
    return [f"csv:{path}"]
