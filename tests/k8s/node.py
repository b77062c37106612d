"""The settings of the cluster's processes, as files in its folder."""

import secrets
import shutil
import subprocess
from pathlib import Path

NODE = "node-1"
ADDRESS = "10.99.0.1"  # overlays/local names it
LOAD_BALANCER = "10.99.0.100"
SERVICES = "10.96.0.0/16"
PODS = "10.88.0.0/16"
API = f"https://{ADDRESS}:6443"

_CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/vt600-pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "{runc}"
      SystemdCgroup = false
"""

_NETWORK = """\
{{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {{"type": "bridge", "bridge": "pods0", "isGateway": true, "hairpinMode": true,
   "ipam": {{"type": "host-local", "dataDir": "{folder}/cni-addresses", "ranges": [[{{"subnet": "{pods}"}}]],
            "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "loopback"}}
]}}
"""

_KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {address}
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
containerRuntimeEndpoint: unix://{folder}/containerd.sock
podLogsDir: {folder}/pod-logs
volumePluginDir: {folder}/volume-plugins
resolvConf: ""
clusterDomain: cluster.local
evictionHard: {{memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}}
imageGCHighThresholdPercent: 100
maxPods: 60
"""

_ACCESS = """\
apiVersion: v1
kind: Config
clusters: [{{name: vt600, cluster: {{server: "{api}", insecure-skip-tls-verify: true}}}}]
users: [{{name: user, user: {{token: {token}}}}}]
contexts: [{{name: vt600, context: {{cluster: vt600, user: user, namespace: vt600}}}}]
current-context: vt600
"""


def write(folder: Path) -> None:
    """All files; a folder that has them keeps its keys."""
    for name in ("cni", "logs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    runc = shutil.which("runc")
    (folder / "containerd.toml").write_text(_CONTAINERD.format(folder=folder, runc=runc))
    (folder / "cni" / "10-pods.conflist").write_text(_NETWORK.format(folder=folder, pods=PODS))
    (folder / "kubelet.yaml").write_text(_KUBELET.format(folder=folder, address=ADDRESS))
    if (folder / "tokens").exists():
        return
    admin, kubelet = secrets.token_hex(16), secrets.token_hex(16)
    (folder / "admin.kubeconfig").write_text(_ACCESS.format(api=API, token=admin))
    (folder / "kubelet.kubeconfig").write_text(_ACCESS.format(api=API, token=kubelet))
    subprocess.run(["openssl", "genrsa", "-out", str(folder / "accounts.key"), "2048"], check=True, capture_output=True)
    (folder / "tokens").write_text(f'{admin},admin,1,"system:masters"\n{kubelet},system:node:{NODE},2,"system:nodes"\n')
