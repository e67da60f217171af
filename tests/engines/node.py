"""A Kubernetes cluster with a real node on this machine: kubelet, containerd, a bridge for pods, kube-proxy. Needs root.

Pods run; they reach each other, Services and this machine, and nothing outside. There is no cluster DNS. One at a time
on a machine: bridge, packet filter and control groups are the machine's own. All of it goes at the end, also when the
test process is killed: see node_leftovers.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.engines import cache, images
from tests.engines.archives import Image
from tests.engines.control_plane import ControlPlane
from tests.engines.daemons import Daemon, free_ports
from tests.engines.missing import MissingPart, left_out, need
from tests.engines.node_leftovers import BRIDGE, CGROUP, CGROUPS, FORWARD, RUN, SOCKET, left, remember, remove

PROGRAMS = ("containerd", "ctr", "runc", "iptables", "iptables-save", "conntrack", "ip", "umount")
PLUGINS = Path("/usr/lib/cni")
LOCK = Path("/run/jenkins-ml-node.lock")
# Other than those of clusters with simulated nodes, which may run at the same time.
PODS, SERVICES, NODE_PODS, ADDRESS = "10.89.0.0/16", "10.97.0.0/16", "10.89.0.0/24", "10.89.0.1"
NAME = "node-1"
# For the tests of another run on this machine.
WAIT_SECONDS = 1800
# What packets between pods need.
SYSCTLS = {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1"}
ROOT = Path(__file__).resolve().parents[2]


class Node(ControlPlane):
    """The cluster; `base` and `python` are names of images that its pods can have."""

    base = images.BASE

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ADDRESS, PODS, SERVICES, NAME)
        self._kept.mkdir(exist_ok=True)

    @property
    def python(self) -> str:
        """The image in which our server runs; the first time takes half a minute."""
        with left_out():
            self.load(images.python())
        return images.PYTHON

    def load(self, image: Image) -> None:
        """Give the node an image; layers that it has already are not sent again."""
        has: dict[str, list[str]] = json.loads(self._images.read_text()) if self._images.exists() else {}
        if image.made_of in has:
            return
        known = {layer for layers in has.values() for layer in layers}
        command = ["ctr", f"--address={SOCKET}", "--namespace=k8s.io", "images", "import", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as importing:
            for piece in image.oci_layout(known):
                importing.stdin.write(piece)
        if importing.returncode:
            raise RuntimeError(f"{' '.join(command)} failed with {importing.returncode}")
        # One image has a name: the one that had it before may go, and its layers.
        has = {made_of: layers for made_of, layers in has.items() if layers[0] != image.name}
        has[image.made_of] = [image.name, *(layer.sha256 for layer in image.layers)]
        self._images.write_text(json.dumps(has))

    def start_node(self) -> None:
        """Start containerd, the kubelet and kube-proxy; ready for pods when this returns."""
        containerd = Daemon(["containerd", f"--config={self._containerd()}"], self.folder / "containerd.log")
        self.daemons = {"containerd": containerd, **self.daemons}  # what it runs ends before it
        self._remember()
        containerd.wait_until("containerd", SOCKET.exists)
        self.load(images.pause())
        self.load(images.base())
        self.run(
            *("kubelet", f"--config={self._kubelet()}", f"--kubeconfig={self.kubeconfig_of('node')}"),
            *(f"--root-dir={self.folder / 'kubelet'}", f"--cert-dir={self.folder / 'kubelet-pki'}"),
            *(f"--hostname-override={NAME}", f"--node-ip={ADDRESS}"),
        )
        self.run("kube-proxy", f"--config={self._kube_proxy()}")
        self.daemons["kubelet"].wait_until(f"node {NAME}", lambda: self.node_ready(NAME))

    def run(self, name: str, *arguments: str) -> Daemon:
        daemon = super().run(name, *arguments)
        self._remember()
        return daemon

    def _remember(self) -> None:
        remember(pids=[daemon.pid for daemon in reversed(self.daemons.values())])

    @property
    def _kept(self) -> Path:
        """Where containerd keeps images between runs; it is used to finding what ran before the machine was off."""
        return cache.root() / "containerd"

    @property
    def _images(self) -> Path:
        """What is among them: made_of -> name and layers."""
        return self._kept / "images.json"

    def _containerd(self) -> Path:
        network = self.folder / "cni"
        network.mkdir()
        ipam = {"type": "host-local", "ranges": [[{"subnet": NODE_PODS}]], "dataDir": str(self.folder / "ipam")}
        # No masquerade, and a way to this machine only: packets of pods do not leave it.
        bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True}
        bridge["ipam"] = {**ipam, "routes": [{"dst": PODS}, {"dst": SERVICES}]}
        plugins = [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]
        said = {"cniVersion": "1.0.0", "name": "tests", "plugins": plugins}
        (network / "10-tests.conflist").write_text(json.dumps(said))
        path = self.folder / "containerd.toml"
        path.write_text(f"""
version = 2
root = "{self._kept}"
state = "{RUN}/containerd"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{self.folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.PAUSE}"
  netns_mounts_under_state_dir = true
  # A container of tests may run inside another one that forbids these two.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{network}"
""")
        return path

    def _kubelet(self) -> Path:
        [port] = free_ports(1)
        # It is never too full here.
        eviction = dict.fromkeys(
            ("nodefs.available", "imagefs.available", "nodefs.inodesFree", "imagefs.inodesFree"), "0%"
        )
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        return self._write(
            "kubelet.yaml",
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "address": ADDRESS,
                "port": port,
                "healthzPort": 0,
                "authentication": {
                    "anonymous": {"enabled": False},
                    "webhook": {"enabled": True},
                    "x509": {"clientCAFile": str(self.pki / "ca.crt")},
                },
                "authorization": {"mode": "Webhook"},
                "cgroupDriver": "cgroupfs",
                "cgroupRoot": f"/{CGROUP}",
                "failCgroupV1": False,
                "failSwapOn": False,
                "oomScoreAdj": 0,
                "containerRuntimeEndpoint": f"unix://{SOCKET}",
                "evictionHard": {"memory.available": "50Mi", **eviction},
                "imageGCHighThresholdPercent": 100,
                "makeIPTablesUtilChains": False,
                "nodeStatusUpdateFrequency": "2s",
                "podLogsDir": str(self.folder / "pod-logs"),
                "resolvConf": str(self.folder / "resolv.conf"),
                "syncFrequency": "10s",
                "volumePluginDir": str(self.folder / "volume-plugins"),
            },
        )

    def _kube_proxy(self) -> Path:
        health, metrics = free_ports(2)
        return self._write(
            "kube-proxy.yaml",
            {
                "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                "kind": "KubeProxyConfiguration",
                "mode": "iptables",
                "clusterCIDR": PODS,
                "clientConnection": {"kubeconfig": str(self.kubeconfig_of("proxy"))},
                "hostnameOverride": NAME,
                "bindAddress": ADDRESS,
                "healthzBindAddress": f"127.0.0.1:{health}",
                "metricsBindAddress": f"127.0.0.1:{metrics}",
                "nodePortAddresses": [NODE_PODS],
                "iptables": {"minSyncPeriod": "100ms", "localhostNodePorts": False},
                # The machine's own limits stay.
                "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            },
        )

    def _write(self, name: str, document: dict[str, object]) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(document))
        return path


@contextlib.contextmanager
def running() -> Iterator[Node]:
    """A cluster with a real node until the end of the block; waits while another one runs. Raises MissingPart."""
    need(*PROGRAMS, root=True)
    if not (PLUGINS / "bridge").exists():
        raise MissingPart(f"needs the plugins for containers' networks in {PLUGINS}")
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(cache.locked(LOCK, WAIT_SECONDS))
        remove()  # of one whose test process and watch were both killed
        if others := left():
            raise MissingPart(f"needs a machine that is no node of Kubernetes already; there is {others[0]}")
        stack.callback(_nothing_left)
        folder = Path(tempfile.mkdtemp(prefix="jenkins-ml-node-", dir="/var/tmp"))
        RUN.mkdir()
        remember(folder=str(folder))
        stack.enter_context(_watched(lock))
        node = Node(folder)
        remember(**{"kube-proxy": str(node.programs / "kube-proxy")})
        _prepare_machine()
        stack.callback(node.stop)
        node.start()
        node.start_node()
        yield node


@contextlib.contextmanager
def _watched(lock: int) -> Iterator[None]:
    """Have what is left taken away at the end of the block, or of this process."""
    command = [sys.executable, "-m", "tests.engines.node_leftovers"]
    watch = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True, pass_fds=[lock])
    try:
        yield
    finally:
        watch.stdin.close()
        watch.wait()


def _nothing_left() -> None:
    assert left() == []


def _prepare_machine() -> None:
    """The bridge, whose address is the node's; packets between pods; the node's control groups."""
    sysctls = {name: Path("/proc/sys", name) for name in SYSCTLS if Path("/proc/sys", name).exists()}
    remember(sysctls={name: path.read_text().strip() for name, path in sysctls.items()})
    for name, path in sysctls.items():
        path.write_text(SYSCTLS[name])
    for command in (
        ("ip", "link", "add", BRIDGE, "type", "bridge"),
        ("ip", "address", "add", f"{ADDRESS}/24", "dev", BRIDGE),
        ("ip", "link", "set", BRIDGE, "up"),
        ("iptables", "-I", *FORWARD),
    ):
        subprocess.run(command, check=True)
    # A control group of the second version has what its parents hand down; each of the first version is a tree.
    trees = (
        [CGROUPS]
        if (CGROUPS / "cgroup.controllers").exists()
        else [each for each in CGROUPS.iterdir() if each.is_dir()]
    )
    for tree in trees:
        (tree / CGROUP).mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (tree / name).exists():
                (tree / CGROUP / name).write_text((tree / name).read_text())
