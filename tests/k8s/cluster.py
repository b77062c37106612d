"""A Kubernetes of one node in a network namespace of its own: real API server, kubelet, containerd and kube-proxy. Needs root."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.k8s import node
from tests.k8s.binaries import CACHE, binary, build

NETWORK = "vt600-k8s"
FOLDER = Path("/var/lib/vt600-k8s")
_INSIDE = ("nsenter", f"--net=/run/netns/{NETWORK}")
_PACKAGES = {
    "containerd": "containerd", "runc": "runc", "buildah": "buildah", "iptables": "iptables", "conntrack": "conntrack",
    "/usr/lib/cni/bridge": "containernetworking-plugins", "ip": "iproute2", "openssl": "openssl",
}  # fmt: skip


def up() -> None:
    """Build what is missing, start what does not run, and wait until the node is ready."""
    _check_packages()
    build()
    if _pid("kubelet") is None and _pod_groups():
        sys.exit(
            "vt600: another kubelet runs on this machine, or `make cluster-down` was not: there are pods' control groups"
        )
    began = time.monotonic()
    node.write(FOLDER)
    _make_network()
    _start("etcd", str(binary("etcd")), f"--data-dir={FOLDER}/etcd", "--unsafe-no-fsync", "--log-level=warn")
    _start("kube-apiserver", *_api_server())
    _until("the API server", lambda: _kubectl_says("get", "--raw", "/readyz") == "ok")
    admin = f"--kubeconfig={FOLDER}/admin.kubeconfig"
    accounts = f"--service-account-private-key-file={FOLDER}/accounts.key"
    certificates = f"--cert-dir={FOLDER}/certificates"
    _start(
        "kube-controller-manager", str(binary("kube-controller-manager")), admin, accounts, certificates,
        "--leader-elect=false",
    )  # fmt: skip
    _start("kube-scheduler", str(binary("kube-scheduler")), admin, certificates, "--leader-elect=false")
    _start("containerd", "containerd", "--config", f"{FOLDER}/containerd.toml")
    _until("containerd", lambda: _ctr("version").returncode == 0)
    _import_pause()
    _start(
        "kubelet", str(binary("kubelet")), f"--config={FOLDER}/kubelet.yaml", f"--root-dir={FOLDER}/kubelet", certificates,
        f"--kubeconfig={FOLDER}/kubelet.kubeconfig", f"--hostname-override={node.NODE}", f"--node-ip={node.ADDRESS}",
    )  # fmt: skip
    _start(
        "kube-proxy", str(binary("kube-proxy")), admin, "--proxy-mode=iptables", f"--cluster-cidr={node.PODS}",
        f"--hostname-override={node.NODE}", "--conntrack-max-per-core=0", f"--bind-address={node.ADDRESS}",
    )  # fmt: skip
    _until("the node", lambda: "True" in _kubectl_says("get", "node", node.NODE, "-o", _READY))
    print(f"Kubernetes is ready after {time.monotonic() - began:.1f} s; to look at it:")
    print(f"  sudo {' '.join(_INSIDE)} {binary('kubectl')} --kubeconfig {FOLDER}/admin.kubeconfig get pods")


def down() -> None:
    """Stop everything by its process id and leave nothing but the built programs."""
    for name in ("kubelet", "kube-proxy"):
        _stop(name)
    networks = _networks_of_pods()
    for task in _ctr("tasks", "list", "--quiet").stdout.split():
        _ctr("tasks", "delete", "--force", task)
    for name in ("containerd", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"):
        _stop(name)
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{FOLDER}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)
    for network in (*networks, NETWORK):
        if Path(f"/run/netns/{network}").exists():
            subprocess.run(["ip", "netns", "delete", network], check=True)
    for top in _pod_groups():
        for group in sorted(top.glob("**/"), reverse=True):
            group.rmdir()
    shutil.rmtree(FOLDER, ignore_errors=True)
    print("Kubernetes is gone")


def enter(*arguments: str) -> None:
    """Run this program again inside the cluster's network, with further arguments."""
    if Path("/proc/self/ns/net").stat().st_ino != Path(f"/run/netns/{NETWORK}").stat().st_ino:
        os.execvp(_INSIDE[0], [*_INSIDE, sys.executable, "-u", *sys.argv, *arguments])  # noqa: S606


def kubectl(*arguments: str, text: str | None = None) -> str:
    """What kubectl says; its own words in the exception when it fails."""
    done = _run_kubectl(arguments, text)
    if done.returncode:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def import_image(name: str) -> None:
    """Bring an image of buildah's into the node."""
    archive = FOLDER / "image.tar"
    archive.unlink(missing_ok=True)
    subprocess.run(["buildah", "push", "--quiet", name, f"docker-archive:{archive}:{name}"], check=True)
    done = _ctr("images", "import", str(archive))
    archive.unlink()
    if done.returncode:
        raise RuntimeError(f"{name} could not be imported: {done.stderr}")


def kill(container: str) -> None:
    """Kill -9 of a container's process."""
    done = _ctr("tasks", "kill", "--signal", "SIGKILL", container)
    if done.returncode:
        raise RuntimeError(f"{container} could not be killed: {done.stderr}")


def process_of(container: str) -> int:
    """The process id of a container, as the machine sees it."""
    for line in _ctr("tasks", "list").stdout.splitlines():
        name, pid, *_ = line.split()
        if name == container:
            return int(pid)
    raise RuntimeError(f"{container} does not run")


_READY = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'


def _check_packages() -> None:
    if os.geteuid() != 0:
        sys.exit("vt600: only root can run a Kubernetes node: sudo make cluster")
    missing = sorted({package for program, package in _PACKAGES.items() if shutil.which(program) is None})
    if missing:
        sys.exit(f"vt600: programs are missing: apt-get install --no-install-recommends {' '.join(missing)}")


def _networks_of_pods() -> set[str]:
    """The network namespaces of all pods that are there."""
    found = set()
    for container in _ctr("containers", "list", "--quiet").stdout.split():
        described = json.loads(_ctr("containers", "info", container).stdout)
        for namespace in described["Spec"]["linux"]["namespaces"]:
            if namespace["type"] == "network" and "path" in namespace:
                found.add(Path(namespace["path"]).name)
    return {name for name in found if name.startswith("cni-")}


def _pod_groups() -> list[Path]:
    groups = Path("/sys/fs/cgroup")
    return [*groups.glob("kubepods"), *groups.glob("*/kubepods")]


def _make_network() -> None:
    if Path(f"/run/netns/{NETWORK}").exists():
        return
    subprocess.run(["ip", "netns", "add", NETWORK], check=True)
    # A bridge stands for the node's network card: not every kernel has dummy devices.
    for arguments in (
        ("link", "set", "lo", "up"),
        ("link", "add", "node0", "type", "bridge"),
        ("address", "add", f"{node.ADDRESS}/24", "dev", "node0"),
        ("link", "set", "node0", "up"),
        ("route", "add", "default", "via", node.ADDRESS),
    ):
        subprocess.run([*_INSIDE, "ip", *arguments], check=True)
    subprocess.run([*_INSIDE, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
    # While a Service has no pod kube-proxy refuses what comes from outside, but not what starts on the node, as the trackers here do:
    # that would leave unchanged, and conntrack would keep it so for as long as they try.
    reject = ("iptables", "--append", "OUTPUT", "--destination", node.LOAD_BALANCER, "--jump", "REJECT")
    subprocess.run([*_INSIDE, *reject], check=True)


def _api_server() -> list[str]:
    return [
        str(binary("kube-apiserver")), "--etcd-servers=http://127.0.0.1:2379", f"--advertise-address={node.ADDRESS}",
        f"--cert-dir={FOLDER}/certificates", f"--service-cluster-ip-range={node.SERVICES}", "--authorization-mode=Node,RBAC",
        f"--token-auth-file={FOLDER}/tokens", f"--service-account-key-file={FOLDER}/accounts.key",
        f"--service-account-signing-key-file={FOLDER}/accounts.key", "--service-account-issuer=https://vt600.local", "--kubelet-preferred-address-types=InternalIP",
    ]  # fmt: skip


def _import_pause() -> None:
    image = "localhost/vt600-pause:1"
    if image in _ctr("images", "list", "--quiet").stdout:
        return
    program = CACHE / "pause"
    command = ["go", "build", "-trimpath", "-o", str(program), "."]
    folder = Path(__file__).parent / "pause"
    subprocess.run(command, cwd=folder, env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    build = f"""set -e
        container=$(buildah from scratch)
        buildah copy --quiet "$container" {program} /pause >/dev/null
        buildah config --entrypoint '["/pause"]' --user 65534 "$container"
        buildah commit --quiet --rm "$container" {image} >/dev/null"""
    subprocess.run(["bash", "-c", build], check=True)
    import_image(image)


def _start(name: str, *command: str) -> None:
    if _pid(name) is not None:
        return
    with (FOLDER / "logs" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*_INSIDE, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    _pid_file(name).write_text(str(process.pid))


def _stop(name: str) -> None:
    pid = _pid(name)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        _until(f"{name}'s end", lambda: _pid(name) is None)
    _pid_file(name).unlink(missing_ok=True)


def _pid_file(name: str) -> Path:
    return FOLDER / f"{name}.pid"


def _pid(name: str) -> int | None:
    """The process, if it runs and is still the one that was started."""
    try:
        pid = int(_pid_file(name).read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        program = Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid if state != "Z" and program in {name[:15], "nsenter"} else None


def _until(what: str, holds: Callable[[], bool], *, timeout_s: float = 90.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"vt600: {what} did not come within {timeout_s:g} s: see {FOLDER}/logs")
        time.sleep(0.2)


def _ctr(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["ctr", "--address", f"{FOLDER}/containerd.sock", "--namespace", "k8s.io", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _kubectl_says(*arguments: str) -> str:
    return _run_kubectl(arguments, None).stdout.strip()


def _run_kubectl(arguments: tuple[str, ...], text: str | None) -> "subprocess.CompletedProcess[str]":
    command = [*_INSIDE, str(binary("kubectl")), f"--kubeconfig={FOLDER}/admin.kubeconfig", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)
