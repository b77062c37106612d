"""The gateway in the cluster, with Kafka and PostgreSQL beside it on the node's address."""

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from tests.gateway import Gateway
from tests.k8s import cluster, node

from vt600_local import databases
from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres

CHECKOUT = Path(__file__).parents[2]
IMAGE = "localhost/vt600-gateway:latest"
WORKLOADS = ("listener", "ingest", "trips", "campaigns", "api", "commander")
KAFKA_PORT, POSTGRES_PORT = 9092, 5432


class NodeKafka(Kafka):
    """A broker that the pods reach."""

    def _prepare(self) -> list[str]:
        """With a file of hosts instead of DNS, for which there is nobody to ask: who logs in waits until the broker knows its own name."""
        java, *rest = super()._prepare()
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n{node.ADDRESS} {node.NODE}\n")
        return [java, f"-Djdk.net.hosts.file={hosts}", *rest]

    def _properties(self, data: Path) -> str:
        text = super()._properties(data).replace("listeners=PLAINTEXT://127.0.0.1", "listeners=PLAINTEXT://0.0.0.0", 1)
        text = text.replace("SECURE://127.0.0.1", "SECURE://0.0.0.0", 1).replace(
            "SECURE://127.0.0.1", f"SECURE://{node.ADDRESS}"
        )
        return text.replace(
            "advertised.listeners=PLAINTEXT://127.0.0.1", f"advertised.listeners=PLAINTEXT://{node.ADDRESS}"
        )


class Stage:
    """What the scenarios work on."""

    overlay = CHECKOUT / "deploy/k8s/overlays/local"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = self.make_postgres(folder / "postgres")
        self.kafka = self.make_kafka(folder / "kafka")
        self.database_url = self._commander_url = ""
        self._key = ""
        self.ready_s = 0.0

    def prepare_database(self) -> None:
        """Database and roles."""
        urls = asyncio.run(databases.prepare(self.postgres.url, self.folder / "passwords"))
        self.database_url, self._commander_url = urls.api, urls.commander

    def make_kafka(self, folder: Path) -> Kafka:
        """The broker, not started."""
        return NodeKafka(folder, port=KAFKA_PORT)

    def make_postgres(self, folder: Path) -> Postgres:
        """The database, not started."""
        settings = {"listen_addresses": f"127.0.0.1,{node.ADDRESS}", "hba_file": str(allow(folder, "host"))}
        return Postgres(folder, port=POSTGRES_PORT, settings=settings)

    @property
    def urls(self) -> dict[str, str]:
        """The database as the pods reach it."""
        urls = {"api-url": self.database_url, "commander-url": self._commander_url}
        return {name: _at_node(url) for name, url in urls.items()}

    def make_secrets(self) -> None:
        """Tell the pods of them."""
        make_secret("databases", **self.urls)

    def client(self) -> httpx.AsyncClient:
        """REST through the Service, with an administrator's key that was made in a pod."""
        if not self._key:
            said = self.run_in("deploy/api", "vt600_api.keys", "create", "--name", "test", "--scope", "admin")
            self._key = said.strip().splitlines()[-1]
        address = cluster.kubectl("get", "service", "api", "-o", "jsonpath={.spec.clusterIP}")
        return httpx.AsyncClient(
            base_url=f"http://{address}", headers={"Authorization": f"Bearer {self._key}"}, timeout=60
        )

    def run_in(self, pod: str, module: str, *arguments: str) -> str:
        """What a program says that is run in a pod."""
        return cluster.kubectl("exec", pod, "--", "python", "-m", module, *arguments)

    def gateway(self) -> Gateway:
        """Only to ask Kafka and the store; its processes are not started."""
        return Gateway(self.folder, kafka_servers=self.kafka.bootstrap_servers, database_url=self.database_url)


@contextmanager
def set_up(kind: "type[Stage]" = Stage) -> Iterator[Stage]:
    """Servers, image, Secret and overlay; everything is there at its end, and gone after it."""
    with tempfile.TemporaryDirectory(prefix="vt600-k8s-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        stage = kind(folder)
        try:
            stage.kafka.launch()
            stage.postgres.start()
            stage.kafka.wait_until_ready()
            _remove_namespace()
            cluster.kubectl("create", "namespace", "vt600")
            stage.prepare_database()
            stage.make_secrets()
            began = time.monotonic()
            apply(stage.overlay)
            cluster.kubectl("wait", "job", "--all", "--for=condition=complete", "--timeout=180s")
            wait_until_ready()
            stage.ready_s = time.monotonic() - began
            yield stage
        except BaseException:
            _keep_what_pods_said()
            raise
        finally:
            _remove_namespace()
            stage.kafka.stop()
            stage.postgres.stop()


def build_image() -> None:
    """Build it, print its size, bring it into the node."""
    subprocess.run([str(CHECKOUT / "deploy/image/build.sh")], check=True, env=os.environ, stdout=subprocess.DEVNULL)
    sizes = subprocess.run(["buildah", "images", "--json", IMAGE], check=True, capture_output=True, text=True).stdout
    print(f"image: {json.loads(sizes)[0]['size']}")
    cluster.import_image(IMAGE)


def apply(overlay: Path) -> None:
    """The overlay as it is, and what a cloud's controller would do: give the listener's Service an address."""
    cluster.kubectl("apply", "-k", str(overlay))
    status = {"status": {"loadBalancer": {"ingress": [{"ip": node.LOAD_BALANCER}]}}}
    cluster.kubectl("patch", "service", "listener", "--subresource=status", "--type=merge", "-p", json.dumps(status))


def wait_until_ready(*deployments: str, timeout_s: int = 180) -> None:
    """Until the deployments (all when none is named) are rolled out."""
    for name in deployments or WORKLOADS:
        cluster.kubectl("rollout", "status", f"deployment/{name}", f"--timeout={timeout_s}s")


@dataclass(frozen=True, slots=True)
class Pod:
    """What is asked of a pod; `container` is empty while there is none."""

    name: str
    container: str
    restarts: int
    is_ready: bool
    start_s: float

    @property
    def resident_mib(self) -> float:
        """Memory of its process."""
        status = Path(f"/proc/{cluster.process_of(self.container)}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def pods(name: str) -> list[Pod]:
    """The pods of one workload, as the API server knows them."""
    said = cluster.kubectl("get", "pods", "-l", f"app.kubernetes.io/name={name}", "-o", "json")
    return [_pod(item) for item in json.loads(said)["items"]]


def _pod(item: dict[str, Any]) -> Pod:
    found = item["status"].get("containerStatuses", [{}])[0]
    started = found.get("state", {}).get("running", {}).get("startedAt")
    ready = {
        c["type"]: c["lastTransitionTime"] for c in item["status"].get("conditions", ()) if c["status"] == "True"
    }.get("Ready")
    start_s = (
        (datetime.fromisoformat(ready) - datetime.fromisoformat(started)).total_seconds() if started and ready else 0.0
    )
    return Pod(
        name=item["metadata"]["name"],
        container=found.get("containerID", "").removeprefix("containerd://") if started else "",
        restarts=found.get("restartCount", 0),
        is_ready=ready is not None,
        start_s=start_s,
    )


def make_secret(name: str, **literals: str) -> None:
    """Make it, or give it another content."""
    given = [f"--from-literal={key}={value}" for key, value in literals.items()]
    text = cluster.kubectl(
        "create", "secret", "generic", name, "--namespace=vt600", "--dry-run=client", "-o", "yaml", *given
    )
    cluster.kubectl("apply", "-f", "-", text=text)


def allow(folder: Path, pods_by: str) -> Path:
    """The file that says who may connect to the database in `folder`: the test itself, and the pods by `host` or `hostssl`."""
    allowed = folder.with_suffix(".allowed")
    allowed.write_text(f"host all all 127.0.0.1/32 scram-sha-256\n{pods_by} all all 10.0.0.0/8 scram-sha-256\n")
    allowed.chmod(0o644)
    return allowed


def _keep_what_pods_said() -> None:
    """Logs and events, before they are removed with the namespace."""
    folder = CHECKOUT / "build" / "k8s"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events").write_text(cluster.kubectl("get", "pods,events", "-o", "wide"))
    for name in WORKLOADS:
        said = cluster.kubectl("logs", "-l", f"app.kubernetes.io/name={name}", "--tail=-1", "--prefix")
        (folder / f"{name}.log").write_text(said)
    print(f"what the pods said is in {folder}")


def _remove_namespace() -> None:
    cluster.kubectl("delete", "namespace", "vt600", "--ignore-not-found", "--timeout=180s")


def _at_node(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.replace("127.0.0.1", node.ADDRESS)))
