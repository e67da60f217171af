"""Takes away what a real node leaves on a machine when its programs have ended: containers, mounts, bridge, rules.

    python3 -m tests.engines.node_leftovers    # waits for the end of its standard input, then does it

That is how it runs beside every node: its standard input ends when the test process closes it, or dies. Standard
library only. What there is to take away stands in STATE.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

RUN = Path("/run/jenkins-ml-node")
STATE = RUN / "state.json"
SOCKET = RUN / "containerd.sock"
BRIDGE = "jml-node"
CGROUP = "jenkins-ml-node"
CGROUPS = Path("/sys/fs/cgroup")
# Packets between pods, whatever a Docker engine of this machine says about forwarding.
FORWARD = ("FORWARD", "-i", BRIDGE, "-o", BRIDGE, "-j", "ACCEPT")
# What kube-proxy makes, and does not clean up.
FIREWALL = "KUBE-FIREWALL"
PATIENCE_SECONDS = 20


def remember(**state: object) -> None:
    """Write down more of what there is to take away."""
    known = json.loads(STATE.read_text()) if STATE.exists() else {}
    temporary = STATE.with_suffix(".new")
    temporary.write_text(json.dumps({**known, **state}))
    temporary.replace(STATE)


def remove() -> None:
    """Take it away; nothing happens where nothing is left."""
    if not STATE.exists():
        return
    state = json.loads(STATE.read_text())
    _end(lambda: (pid for pid in state.get("pids", ()) if _lives(pid)), signal.SIGTERM)
    _end(_shims, signal.SIGKILL)
    _end(_in_containers, signal.SIGKILL)
    folder = Path(state["folder"])
    for mount in sorted(_mounts(folder, RUN), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)
    _quietly([state["kube-proxy"], "--cleanup"])
    _quietly(["iptables", "-D", *FORWARD])
    for iptables in ("iptables", "ip6tables"):
        for change in (("-D", "INPUT", "-j"), ("-D", "OUTPUT", "-j"), ("-F",), ("-X",)):
            _quietly([iptables, *change, FIREWALL])
    _quietly(["ip", "link", "delete", BRIDGE])
    for name, value in state.get("sysctls", {}).items():
        Path("/proc/sys", name).write_text(value)
    for cgroup in sorted(_cgroups(), reverse=True):
        with contextlib.suppress(OSError):
            cgroup.rmdir()
    for link in Path("/var/log/containers").glob("*.log"):
        if str(link.readlink()).startswith(f"{folder}/"):
            link.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(RUN, ignore_errors=True)


def left() -> list[str]:
    """What is still there, in words."""
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=False).stdout.splitlines()
    return [
        *(f"process {pid}" for pid in (*_shims(), *_in_containers())),
        *(f"mount {mount}" for mount in _mounts(RUN)),
        *(f"control group {cgroup}" for cgroup in _cgroups()),
        *(f"rule {rule}" for rule in rules if "KUBE-" in rule or BRIDGE in rule),
        *(f"{path}" for path in (Path("/sys/class/net", BRIDGE), RUN) if path.exists()),
    ]


def _end(living, sign: signal.Signals) -> None:
    """Send a signal to processes until there is none; those that stay get SIGKILL."""
    end = time.monotonic() + PATIENCE_SECONDS
    told: set[int] = set()
    while pids := set(living()):
        late = time.monotonic() > end
        for pid in pids if late else pids - told:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else sign)
        told |= pids
        if time.monotonic() > end + PATIENCE_SECONDS:
            sys.exit(f"processes {sorted(pids)} of the node do not end")
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _shims() -> Iterator[int]:
    """The processes that containerd leaves to look after containers."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if words[0].endswith(b"containerd-shim-runc-v2") and os.fsencode(SOCKET) in words:
                yield int(path.parent.name)


def _in_containers() -> Iterator[int]:
    for cgroup in _cgroups():
        with contextlib.suppress(OSError):
            yield from (int(pid) for pid in (cgroup / "cgroup.procs").read_text().split())


def _cgroups() -> list[Path]:
    """The node's control groups: below each controller (version 1), or at the top (version 2)."""
    tops = [CGROUPS / CGROUP, *CGROUPS.glob(f"*/{CGROUP}")]
    return [Path(folder) for top in tops for folder, _, _ in os.walk(top)]


def _mounts(*below: Path) -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount = line.split()[4]
        if any(mount.startswith(f"{folder}/") for folder in below):
            yield mount


def _quietly(command: list[str]) -> None:
    subprocess.run(command, capture_output=True, check=False)


if __name__ == "__main__":
    sys.stdin.read()
    remove()
