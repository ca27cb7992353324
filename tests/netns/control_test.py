#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A running monitor as people meet it: top, explain, stats through its socket; its live view."""
import fcntl
import json
import os
import pty
import pwd
import re
import select
import signal
import socket
import stat
import struct
import termios
import time

from netlib import BUILD, FLUXTAP, PATIENCE, ROOT, Net, Tap, die_with_parent, wait_for

LIVE = os.path.join(ROOT, "tests/data/live.pcap")
RESPONSES = 42  # in that capture


def send(net):
    net.run("srv", os.path.join(BUILD, "tests/tools/send_frames"), "s0", LIVE)


def ask(path, **request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(path)
        s.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(s.makefile().readline())


def top_shows_the_monitor(tap, net, path):
    def once():
        return net.run(None, FLUXTAP, "top", "--once", "--socket", path)

    parsed = wait_for(lambda: re.search(rf"parsed {RESPONSES}\b", once().stdout), limit=20)
    shown = once()
    tap.ok(parsed and shown.returncode == 0, "top --once counts each response",
           shown.stdout + shown.stderr)
    tap.ok(re.search(r"m0 \((xdp|tc)", shown.stdout), "top names the interface and its mode",
           shown.stdout)
    tap.ok("balanced" in shown.stdout and "NOT BALANCED" not in shown.stdout,
           "top says that the ledger balances", shown.stdout)
    tap.ok("\033" not in shown.stdout, "no colours without a terminal", shown.stdout)


def socket_answers(tap, net, path):
    stats = ask(path, command="stats")
    tap.ok(stats.get("event_type") == "stats" and stats["stats"]["dns"]["parsed"] == RESPONSES,
           "stats over the socket is the stats event", stats)
    tap.ok("error" in ask(path, command="no-such-command"), "an unknown command is refused")
    mode = os.stat(path).st_mode
    tap.ok(stat.S_ISSOCK(mode) and mode & 0o777 == 0o660, "the socket has mode 0660", oct(mode))


def explain(tap, net, path):
    unknown = net.run(None, FLUXTAP, "explain", "--socket", path, "never.seen.example")
    lines = unknown.stderr.splitlines()
    tap.ok(unknown.returncode == 1 and len(lines) == 1 and "never.seen.example" in lines[0],
           "explain of an unknown name: one line, exit status 1", unknown.stderr)
    bad = net.run(None, FLUXTAP, "explain", "--socket", path, "a..b")
    tap.ok(bad.returncode != 0 and len(bad.stderr.splitlines()) == 1,
           "explain of what is no name: one line", bad.stderr)


def own_user(tap, net):
    """Whoever is shared with other services is said to be."""
    try:
        pwd.getpwnam("fluxtap")
        shared = False
    except KeyError:
        shared = True
    tap.ok(("runs as nobody" in net.text("log")) == shared,
           "running as nobody is warned of, running as fluxtap is not", net.text("log"))


def who_may_not(tap, net, path):
    for what, argv, code in (
            ("a stranger", ["setpriv", "--reuid=1", "--regid=1", "--clear-groups"], 3),
            ("nobody there", [], 3)):
        where = path if argv else path + ".none"
        result = net.run(None, *argv, FLUXTAP, "top", "--once", "--socket", where)
        lines = result.stderr.splitlines()
        tap.ok(result.returncode == code and len(lines) == 1 and where in lines[0],
               f"{what}: one line that names the socket, exit status {code}",
               f"{result.returncode}\n{result.stderr}")


def one_socket_one_monitor(tap, net, path):
    config = net.config("second.yaml", control__socket=path, capture__egress=False)
    second = net.run("mon", FLUXTAP, "run", "-c", config, "-o", "json", "-i", "m1")
    lines = second.stderr.splitlines()
    tap.ok(second.returncode in (1, 3) and any(path in l for l in lines),
           "a second monitor on the same socket is refused and told why",
           f"{second.returncode}\n{second.stderr}")
    tap.ok(ask(path, command="stats").get("event_type") == "stats", "the first still answers")


class Terminal:
    """A process on a pseudo-terminal of 100 by 30, and what it has written there."""

    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            die_with_parent()
            os.environ["TERM"] = "xterm"
            os.execvp(argv[0], argv)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.text = ""

    def read_until(self, pattern, limit=PATIENCE):
        end = time.monotonic() + limit
        while not re.search(pattern, self.text) and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:  # the other side has closed
                    break
        return bool(re.search(pattern, self.text))

    def end(self, sig):
        os.kill(self.pid, sig)
        self.read_until(r"(?!)", limit=20)  # until it closes the terminal
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def live_view(tap, net):
    config = net.config("view.yaml")
    terminal = Terminal([*net.inside("mon"), FLUXTAP, "run", "-c", config, "-i", "m0"])
    tap.ok(terminal.read_until(r"m0: watching"), "on a terminal: what is watched", terminal.text)
    tap.ok(terminal.read_until(r"ledger.*balanced"), "on a terminal: a status block", terminal.text)
    send(net)
    tap.ok(terminal.read_until(rf"parsed {RESPONSES}\b"), "the block follows the traffic",
           terminal.text[-2000:])
    tap.ok('"event_type"' not in terminal.text, "no JSON on a terminal")
    code = terminal.end(signal.SIGINT)
    tap.ok(code == 0, "SIGINT ends it with 0", f"{code}\n{terminal.text[-1000:]}")


def main():
    tap, net = Tap(), Net("srv", "mon")
    net.link("srv", "s0", "198.18.4.1/24", "mon", "m0", "198.18.4.2/24")
    net.link("srv", "s1", "198.18.5.1/24", "mon", "m1", "198.18.5.2/24")
    path = net.path("control.sock")
    monitor = net.monitor("mon", "-i", "m0", control__socket=path)
    send(net)
    top_shows_the_monitor(tap, net, path)
    socket_answers(tap, net, path)
    explain(tap, net, path)
    who_may_not(tap, net, path)
    own_user(tap, net)
    one_socket_one_monitor(tap, net, path)
    code = net.stop(monitor)
    tap.ok(code == 0, "SIGTERM ends it with 0", f"{code}\n{net.text('log')}")
    # as after SIGKILL, or where the directory is not the monitor's: the name may still be there
    monitor = net.monitor("mon", "-i", "m0", control__socket=path)
    tap.ok(ask(path, command="stats").get("event_type") == "stats",
           "the next monitor takes the socket over")
    net.stop(monitor)
    live_view(tap, net)
    tap.done()


main()
