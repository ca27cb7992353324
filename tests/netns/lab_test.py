#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fluxtap lab: both scenarios reach their alert, and nothing stays behind, however it ended."""
import os
import re
import signal
import subprocess

from netlib import FLUXTAP, Tap, die_with_parent, wait_for


def start(*args):
    return subprocess.Popen([FLUXTAP, "lab", *args], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)


def leftovers(pid, out):
    """What of this lab is still there: namespaces, and its directory as its output names it."""
    spaces = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    dirs = set(re.findall(r"/tmp/fluxtap-lab-\w+", out))
    return [n for n in spaces if n.startswith(f"fluxtap-lab-{pid}-")] + [
        d for d in dirs if os.path.exists(d)]


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return f.read().split()
    except OSError:
        return []


def scenario(tap, name):
    child = start("--scenario", name)
    out = child.communicate(timeout=200)[0]
    tap.ok(child.returncode == 0 and "not ok" not in out and f"{name}-flux" in out,
           f"{name}: caught, and nothing harmless", out)
    tap.ok(not leftovers(child.pid, out), f"{name}: nothing left behind",
           leftovers(child.pid, out))


def interrupted(tap, sig, name):
    child, out = start("--keep"), ""
    for line in iter(child.stdout.readline, ""):
        out += line
        if "kept running" in line:
            break
    pids = children(child.pid)
    tap.ok(len(pids) > 6 and len(leftovers(child.pid, out)) == 7, f"{name}: it runs",
           f"{pids}\n{leftovers(child.pid, out)}\n{out}")
    child.send_signal(sig)
    child.communicate(timeout=60)
    gone = wait_for(lambda: not leftovers(child.pid, out) and
                    not any(os.path.exists(f"/proc/{p}") for p in pids), limit=30)
    tap.ok(gone, f"{name}: nothing left behind", f"{leftovers(child.pid, out)} {pids}")


def main():
    tap = Tap()
    scenario(tap, "single")
    scenario(tap, "double")
    interrupted(tap, signal.SIGINT, "Ctrl-C")
    interrupted(tap, signal.SIGKILL, "killed")
    tap.done()


main()
