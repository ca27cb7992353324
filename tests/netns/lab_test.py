#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fluxtap lab: both scenarios reach their alert, and nothing stays behind, however it ended."""
import glob
import os
import signal
import subprocess

from netlib import FLUXTAP, Tap, die_with_parent, wait_for


def leftovers(pid):
    """What of this lab is still there: namespaces, directory, processes."""
    names = [n for n in os.listdir("/run/netns") if n.startswith(f"fluxtap-lab-{pid}-")]
    return names + [d for d in DIRS if os.path.exists(d)]


DIRS = []


def start(*args):
    before = set(glob.glob("/tmp/fluxtap-lab-*"))
    child = subprocess.Popen([FLUXTAP, "lab", *args], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)
    # the lab of another run may be there as well: ours is the one that our pid writes to
    wait_for(lambda: any(n.startswith(f"fluxtap-lab-{child.pid}-") for n in
                         (os.listdir("/run/netns") if os.path.isdir("/run/netns") else [])),
             process=child)
    DIRS[:] = [d for d in set(glob.glob("/tmp/fluxtap-lab-*")) - before
               if any(os.readlink(f"/proc/{p}/exe").startswith(d) for p in children(child.pid))]
    return child


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [p for p in f.read().split() if os.path.exists(f"/proc/{p}/exe")]
    except OSError:
        return []


def scenario(tap, name):
    child = start("--scenario", name)
    out = child.communicate(timeout=200)[0]
    tap.ok(child.returncode == 0 and "not ok" not in out and f"{name}-flux" in out,
           f"{name}: caught, and nothing harmless", out)
    tap.ok(not leftovers(child.pid), f"{name}: nothing left behind", leftovers(child.pid))


def interrupted(tap, sig, name):
    child = start("--keep")
    lines = iter(child.stdout.readline, "")
    for line in lines:
        if "kept running" in line:
            break
    DIRS[:] = [os.path.dirname(os.readlink(f"/proc/{p}/exe")) for p in children(child.pid)
               if "/fluxtap-lab-" in os.readlink(f"/proc/{p}/exe")][:1]
    pids = children(child.pid)
    tap.ok(DIRS and pids and leftovers(child.pid), f"{name}: it runs", f"{DIRS} {pids}")
    child.send_signal(sig)
    child.communicate(timeout=60)
    gone = wait_for(lambda: not leftovers(child.pid) and
                    not any(os.path.exists(f"/proc/{p}") for p in pids), limit=30)
    tap.ok(gone, f"{name}: nothing left behind", f"{leftovers(child.pid)} {pids}")


def main():
    tap = Tap()
    scenario(tap, "single")
    scenario(tap, "double")
    interrupted(tap, signal.SIGINT, "Ctrl-C")
    interrupted(tap, signal.SIGKILL, "killed")
    tap.done()


main()
