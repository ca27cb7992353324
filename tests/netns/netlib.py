# SPDX-License-Identifier: BSD-2-Clause
"""Networks of namespaces, processes in them, and TAP, for the tests in this folder.

Everything that is made is removed at the end, also after a failure or a signal; processes started
here die with the test. Nothing leaves the namespaces: they have no way out.
"""
import atexit
import collections
import ctypes
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
FLUXTAP = os.environ.get("FLUXTAP", os.path.join(BUILD, "fluxtap"))
CORPORA = os.path.join(ROOT, "..", "shared", "corpora")
PATIENCE = 60  # seconds to wait for what must come; only a failure takes that long

_libc = ctypes.CDLL(None)


class Tap:
    """Test results on standard output."""

    def __init__(self):
        self.n = self.failed = 0

    def ok(self, good, name, detail=""):
        self.n += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.n} - {name}", flush=True)
        if not good and detail != "":
            for line in str(detail).splitlines()[:40]:
                print(f"# {line[:400]}", flush=True)
        return good

    def note(self, text):
        print(f"# {text}", flush=True)

    def done(self):
        print(f"1..{self.n}", flush=True)
        sys.exit(1 if self.failed else 0)


def die_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def wait_for(condition, limit=PATIENCE, process=None):
    """The first true value of condition(), or its last after `limit` seconds or when `process`
    has ended."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        if process is not None and process.poll() is not None:
            return condition()
        time.sleep(0.02)


class Net:
    """Namespaces by short name; links between them; a directory for files."""

    def __init__(self, *names):
        self.prefix = f"ftn{os.getpid()}"
        self.names, self.children = [], []
        self.dir = tempfile.mkdtemp(prefix="fluxtap-netns-")
        os.chmod(self.dir, 0o755)
        atexit.register(self.close)
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sig, lambda *_: sys.exit(1))
        for name in names:
            self.ip("netns", "add", self.full(name))
            self.names.append(name)
            self.ip("link", "set", "lo", "up", ns=name)

    def full(self, name):
        return f"{self.prefix}-{name}"

    def path(self, name):
        return os.path.join(self.dir, name)

    def ip(self, *args, ns=None):
        where = ["-n", self.full(ns)] if ns else []
        subprocess.run(["ip", *where, *args], check=True, capture_output=True, text=True)

    def inside(self, ns):
        return ["nsenter", f"--net=/run/netns/{self.full(ns)}"] if ns else []

    def link(self, ns_a, if_a, addr_a, ns_b, if_b, addr_b):
        self.ip("link", "add", if_a, "netns", self.full(ns_a), "type", "veth", "peer", "name", if_b,
                "netns", self.full(ns_b))
        for ns, name, addr in ((ns_a, if_a, addr_a), (ns_b, if_b, addr_b)):
            self.run(ns, "sh", "-c",
                     f"echo 1 >/proc/sys/net/ipv6/conf/{name}/accept_dad; "
                     f"echo 0 >/proc/sys/net/ipv6/conf/{name}/accept_ra; true")
            for one in addr.split():
                self.ip("addr", "add", one, "dev", name, *(["nodad"] if ":" in one else []), ns=ns)
        self.ip("link", "set", if_a, "up", ns=ns_a)
        self.ip("link", "set", if_b, "up", ns=ns_b)

    def run(self, ns, *argv, **kw):
        kw.setdefault("capture_output", True)
        kw.setdefault("text", True)
        kw.setdefault("timeout", 120)
        return subprocess.run([*self.inside(ns), *argv], **kw)

    def spawn(self, ns, *argv, out=None, err=None):
        """Start a process; its output goes to files of the directory."""
        name = os.path.basename(argv[0])
        child = subprocess.Popen([*self.inside(ns), *argv], stdin=subprocess.DEVNULL,
                                 stdout=open(self.path(out or f"{name}.out"), "ab"),
                                 stderr=open(self.path(err or f"{name}.err"), "ab"),
                                 preexec_fn=die_with_parent)
        self.children.append(child)
        return child

    def text(self, name):
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def stop(self, child, sig=signal.SIGTERM, limit=PATIENCE):
        if child.poll() is None:
            child.send_signal(sig)
        try:
            return child.wait(limit)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()

    def close(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        self.children = []
        for name in self.names:
            subprocess.run(["ip", "netns", "del", self.full(name)], capture_output=True)
        self.names = []
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- the monitor ---

    def config(self, name="fluxtap.yaml", **keys):
        """A configuration with everything below the directory; keys as a__b=value."""
        tree = {
            "capture": {"filter": False, "egress": False}, "connect": {"enabled": False},
            "store": {"enabled": False}, "state": {"path": ""}, "eve": {"enabled": False},
            "control": {"socket": ""}, "enrich": {"asn": []}, "stats": {"interval": "1s"},
        }
        for key, value in keys.items():
            section, _, leaf = key.partition("__")
            if leaf:
                tree.setdefault(section, {})[leaf] = value
            else:
                tree[section] = value
        with open(self.path(name), "w") as f:
            json.dump(tree, f)  # JSON is YAML
        return self.path(name)

    def monitor(self, ns, *args, out="events", err="log", wait=1, **keys):
        """`fluxtap run`, returned once it watches `wait` interfaces."""
        config = self.config(**keys)
        for name in (out, err):
            open(self.path(name), "w").close()
        child = self.spawn(ns, FLUXTAP, "run", "-c", config, "-o", "json", *args, out=out, err=err)
        wait_for(lambda: self.text(err).count(": watching (") >= wait, process=child)
        return child

    def events(self, kind=None, name="events"):
        found = []
        for line in self.text(name).splitlines(keepends=True):
            if line.endswith("\n"):
                event = json.loads(line)
                if kind is None or event["event_type"] == kind:
                    found.append(event)
        return found

    def knot(self, ns, listen, zones):
        """A knotd that serves `zones` (name to text); returned once it answers."""
        os.mkdir(self.path("knot"))
        with open(self.path("knot.conf"), "w") as f:
            f.write(f'server:\n  rundir: "{self.path("knot")}"\n  udp-workers: 1\n'
                    f'  tcp-workers: 1\n  background-workers: 1\n  listen: [{listen}]\n'
                    f'log:\n  - target: stderr\n    any: warning\n'
                    f'database:\n  storage: "{self.path("knot")}"\nzone:\n')
            for name, text in zones.items():
                with open(self.path(f"{name}.zone"), "w") as z:
                    z.write(text)
                f.write(f'  - domain: {name}\n    storage: "{self.dir}"\n    file: {name}.zone\n'
                        f'    zonefile-sync: -1\n    journal-content: none\n')
        child = self.spawn(ns, "knotd", "-c", self.path("knot.conf"))
        first = listen.split(",")[0].strip().split("@")
        name = next(iter(zones))
        wait_for(lambda: "status: NOERROR" in self.run(
            ns, "kdig", f"@{first[0]}", "-p", first[1], "+timeout=1", "+retry=0", name, "SOA").stdout,
            process=child)
        return child


# --- the monitor's account of a response, and tshark's ---

SHOWN = ("A", "AAAA", "NS", "CNAME")
FIELDS = ["frame.interface_name", "frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
          "udp.dstport", "tcp.dstport", "dns.id", "dns.qry.name", "dns.qry.type", "dns.flags.rcode",
          "dns.count.answers", "dns.count.auth_rr", "dns.a", "dns.aaaa", "dns.ns", "dns.cname"]
TYPES = {"1": "A", "28": "AAAA", "2": "NS", "15": "MX", "6": "SOA", "16": "TXT"}
RCODES = {"0": "NOERROR", "3": "NXDOMAIN"}


def account_of_event(event):
    """Addresses, port, protocol, id, question, rcode, counts and records of a "dns" event."""
    dns = event["dns"]
    query = dns.get("queries", [{}])[0]
    sets = collections.defaultdict(list)
    for section in ("answers", "authorities", "additionals"):
        for rr in dns.get(section, []):
            if rr["rrtype"] in SHOWN:
                sets[rr["rrtype"]].append(rr["rdata"].lower())
    return (event["src_ip"], event["dest_ip"], event["dest_port"], event["proto"], dns["id"],
            query.get("rrname"), query.get("rrtype"), dns["rcode"],
            tuple(len(dns.get(s, [])) for s in ("answers", "authorities")),
            tuple(tuple(sorted(sets[k])) for k in SHOWN))


def accounts_of_tshark(path, since=0, interfaces=False):
    """The same from a capture, for each response from `since` (Unix time) on; with the name of the
    interface in front when `interfaces`."""
    args = [a for f in FIELDS for a in ("-e", f)]
    out = subprocess.run(["tshark", "-n", "-r", path, "-Y", "dns.flags.response==1", "-T", "fields",
                          "-E", "separator=|", "-E", "occurrence=a", *args],
                         capture_output=True, text=True).stdout
    for line in out.splitlines():
        f = dict(zip(FIELDS, line.split("|")))
        if float(f["frame.time_epoch"]) < since:
            continue
        values = [tuple(sorted(v.lower() for v in f[k].split(",") if v))
                  for k in ("dns.a", "dns.aaaa", "dns.ns", "dns.cname")]
        name = f["dns.qry.name"].lower()
        account = (f["ip.src"] or f["ipv6.src"], f["ip.dst"] or f["ipv6.dst"],
                   int(f["udp.dstport"] or f["tcp.dstport"]), "UDP" if f["udp.dstport"] else "TCP",
                   int(f["dns.id"], 0), "." if name == "<root>" else name,
                   TYPES[f["dns.qry.type"]], RCODES[f["dns.flags.rcode"]],
                   (int(f["dns.count.answers"]), int(f["dns.count.auth_rr"])), tuple(values))
        yield (f["frame.interface_name"], *account) if interfaces else account


def tell_difference(ours, theirs):
    """Of two collections.Counter of accounts."""
    return (f"only tshark: {list((theirs - ours).items())[:3]}\n"
            f"only events: {list((ours - theirs).items())[:3]}")


# Where live events and those of replay may differ.
DROPPED = ("timestamp", "in_iface", "pcap_filename", "pcap_cnt", "sensor")


def essence(event):
    return json.dumps({k: v for k, v in event.items() if k not in DROPPED}, sort_keys=True)


def replay(files, config):
    out = subprocess.run([FLUXTAP, "replay", "-c", config, "--emit", "dns", *files],
                         capture_output=True, text=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def write_pcap(path, frames, link_type=1):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, link_type))
        for n, frame in enumerate(frames):
            f.write(struct.pack("<IIII", 1700000000, n, len(frame), len(frame)) + frame)


def ipv4_frame(proto, payload, ident=1, fragment=0):
    """From 198.18.3.1 to 198.18.3.2, in a broadcast Ethernet frame."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, proto, 0,
                       socket.inet_aton("198.18.3.1"), socket.inet_aton("198.18.3.2"))
    return b"\xff" * 6 + b"\2\0\0\0\0\1\x08\0" + head + payload


def udp_datagram(payload, port=40000):
    return struct.pack(">HHHH", 53, port, 8 + len(payload), 0) + payload


def tcp_segment(payload, port, seq, flags):
    return struct.pack(">HHIIBBHHH", 53, port, seq, 1, 0x50, flags, 0, 0, 0) + payload


def read_pcap(path):
    """The frames of a capture written on a little-endian machine."""
    with open(path, "rb") as f:
        data = f.read()
    pos, frames = 24, []
    while pos < len(data):
        held = struct.unpack_from("<I", data, pos + 8)[0]
        frames.append(data[pos + 16:pos + 16 + held])
        pos += 16 + held
    return frames


def attached(ns_net, ns):
    """What bpftool sees attached to the interfaces of a namespace."""
    out = ns_net.run(ns, "bpftool", "-j", "net").stdout
    return [entry for part in json.loads(out) for kind in part.values() for entry in kind]
