"""The programs of Kubernetes, built once from their Go modules into the cache: needs Go, and nothing but it.

    python3 -m tests.engines.binaries    # what .ci/run does in the background; prints the folder

A build takes about 15 CPU-minutes and 3 GB of memory; when it is there already, milliseconds. Standard library only.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.engines import cache
from tests.engines.missing import MissingPart, need

HERE = Path(__file__).resolve().parent
CLUSTER, TOOLS, DEFINITIONS = HERE / "kubernetes_binary", HERE / "kubernetes_tools", HERE / "kubernetes_definitions"
ARGO = HERE / "argo_rollouts"
BINARY = "kubernetes-binary"
# One binary, which is told apart by the name that it is called by.
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet")
TOOL_PACKAGES = (
    "sigs.k8s.io/kwok/cmd/kwok",
    "helm.sh/helm/v3/cmd/helm",
    "github.com/yannh/kubeconform/cmd/kubeconform",
)
# Not among the tools: its libraries are those of another Kubernetes, by its own `replace` lines.
ARGO_PACKAGE = "github.com/argoproj/argo-rollouts/cmd/rollouts-controller"
# Only what asks the API server for its version sees these.
VERSION = "k8s.io/component-base/version"
LINKING = f"-s -w -X {VERSION}.gitVersion=v1.37.2 -X {VERSION}.gitMajor=1 -X {VERSION}.gitMinor=37"
ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false"}
GO_NEEDED = (1, 26)


def programs() -> Path:
    """The folder with all of them, and `stages`, what kwok makes of nodes and pods by default."""
    said = _go_version()
    main = (CLUSTER / "main.go").read_bytes()
    made_of = cache.key(said, ENVIRONMENT, LINKING, NAMES, TOOL_PACKAGES, main, *_sources(CLUSTER, TOOLS))
    return cache.kept("kubernetes", made_of, _build)


def rollouts_controller() -> Path:
    """The controller of Argo Rollouts: a program of its own, 5 CPU-minutes once."""
    made_of = cache.key(_go_version(), ENVIRONMENT, ARGO_PACKAGE, *_sources(ARGO))
    return cache.kept("argo-rollouts", made_of, _build_argo) / ARGO_PACKAGE.rpartition("/")[2]


def definitions(module: str, folder: str) -> Path:
    """A folder of a Go module whose YAML files hold definitions of resources; downloaded once into Go's own cache.

    Args:
        module: "sigs.k8s.io/gateway-api" or "github.com/argoproj/argo-rollouts", at the version in
            kubernetes_definitions/go.mod.
        folder: inside the module, such as "config/crd/standard" or "manifests/crds".
    """
    need("go")
    return Path(json.loads(_go(["mod", "download", "-json", module], DEFINITIONS))["Dir"], folder)


def _build(folder: Path) -> None:
    _go(["build", f"-ldflags={LINKING}", f"-o={folder / BINARY}", "."], CLUSTER)
    for name in NAMES:
        (folder / name).symlink_to(BINARY)
    _go(["build", "-ldflags=-s -w", f"-o={folder}{os.sep}", *TOOL_PACKAGES], TOOLS)
    kwok = Path(_go(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"], TOOLS).strip())
    for name in ("node/fast", "node/heartbeat-with-lease", "pod/fast"):
        (folder / "stages" / name).mkdir(parents=True)
        for stage in (kwok / "kustomize/stage" / name).glob(f"{name.split('/')[0]}-*.yaml"):
            shutil.copyfile(stage, folder / "stages" / name / stage.name)


def _build_argo(folder: Path) -> None:
    _go(["build", "-ldflags=-s -w", f"-o={folder}{os.sep}", ARGO_PACKAGE], ARGO)


def _go_version() -> str:
    """What Go says of itself; raises MissingPart without a Go that is new enough."""
    need("go")
    said = _go(["version"], HERE)
    found = re.search(r"go(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < GO_NEEDED:
        raise MissingPart(f"needs Go {GO_NEEDED[0]}.{GO_NEEDED[1]} or newer; this is {said.strip()}")
    return said


def _sources(*folders: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for folder in folders for name in ("go.mod", "go.sum")]


def _go(arguments: list[str], folder: Path) -> str:
    """What `go` prints; raises RuntimeError with all that it says when it fails."""
    done = subprocess.run(
        ["go", *arguments], cwd=folder, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"go {' '.join(arguments)} failed in {folder.name}:\n{done.stderr[-8000:]}{done.stdout[-2000:]}"
        )
    return done.stdout


if __name__ == "__main__":
    try:
        print(programs())
        print(rollouts_controller())
    except (MissingPart, RuntimeError) as error:
        sys.exit(str(error))
