"""The programs of Kubernetes and etcd, built once from pinned Go modules into a cache folder."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

_HERE = Path(__file__).parent
_VERSION = "1.37.2"  # as in kubernetes/go.mod
_KUBERNETES = ("kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
_PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    **{name: f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES},
}

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "vt600-k8s"


def binary(name: str) -> Path:
    """Where a program is, or will be once it is built."""
    return CACHE / _VERSION / name


def build() -> None:
    """Build what is missing, one after the other and at low priority: the compiler takes all that it gets."""
    missing = [name for name in _PACKAGES if not binary(name).exists()]
    if missing and shutil.which("go") is None:
        sys.exit("vt600: there is no Go: install 1.26 or newer, Kubernetes is built with it")
    binary("").mkdir(parents=True, exist_ok=True)
    for name in missing:
        print(f"{name} is built …", flush=True)
        began = time.monotonic()
        _build(name)
        print(f"  {time.monotonic() - began:.0f} s")


def kubectl() -> Path:
    """Ours, or that of the machine while ours is not built."""
    if binary("kubectl").exists():
        return binary("kubectl")
    found = shutil.which("kubectl")
    if found is None:
        sys.exit("vt600: there is no kubectl: install it, or let `make cluster` build it")
    return Path(found)


def _build(name: str) -> None:
    major, minor, _ = _VERSION.split(".")
    stamp = {"gitVersion": f"v{_VERSION}", "gitMajor": major, "gitMinor": minor}
    marks = " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in stamp.items())
    unfinished = binary(f"{name}.new")
    command = [
        "nice", "-n", "19", "go", "build", "-p", "1", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {marks}",
        "-o", str(unfinished), _PACKAGES[name],
    ]  # fmt: skip
    subprocess.run(command, cwd=_HERE / "kubernetes", env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    unfinished.rename(binary(name))
