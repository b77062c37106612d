"""A real Apache Kafka from its jars: KRaft, one node, on 127.0.0.1."""

import base64
import fcntl
import hashlib
import shutil
import socket
import struct
import subprocess
import uuid
from pathlib import Path

from vt600_local.home import CHECKOUT, home
from vt600_local.ports import free_port, is_free
from vt600_local.server import ServerProcess, StackError
from vt600_local.tools import java, maven

_POM = CHECKOUT / "deploy" / "local" / "kafka" / "pom.xml"
_JVM = (
    "-Xms64m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=4
"""

_METADATA_REQUEST = struct.pack(">hhih", 3, 1, 1, -1) + struct.pack(">i", 0)  # version 1, no client id, no topics


def has_jars() -> bool:
    """Whether the broker's jars, as the POM names them, are here."""
    return _stamp().exists()


def bring_jars() -> Path:
    """The folder with the broker's jars; fetched by Maven the first time and after a change of the POM."""
    stamp = _stamp()
    folder = stamp.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "jars.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _copy_jars(folder)
            stamp.touch()
    return folder


def _stamp() -> Path:
    """Beside the jars when all are there; its name stands for the content of the POM."""
    return home() / "kafka" / "jars" / hashlib.sha256(_POM.read_bytes()).hexdigest()[:16]


def _copy_jars(folder: Path) -> None:
    command = [maven(), "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise StackError(f"Maven could not bring Kafka's jars:\n{(done.stdout + done.stderr)[-2000:]}")


class Kafka(ServerProcess):
    """A broker on a folder of its own. What it acknowledged survives `kill()` and `start()`."""

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__("Kafka", folder=folder, log=log or folder / "kafka.log")
        self.folder = folder
        self.port = port or free_port()

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.port}"

    def _prepare(self) -> list[str]:
        """Format the folder when it is new."""
        if not is_free(self.port):
            raise StackError(f"port {self.port} for Kafka is in use: stop what uses it, or choose another port")
        command = [java(), *_JVM, "-cp", f"{bring_jars()}/*"]
        data, properties = self.folder / "data", self.folder / "server.properties"
        text = _PROPERTIES.format(port=self.port, controller_port=free_port(), data=data)
        if not (data / "meta.properties").exists():
            properties.write_text(text)
            _format([*command, "kafka.tools.StorageTool", "format", "-t", _cluster_id()], properties)
        properties.write_text(text)
        return [*command, "kafka.Kafka", str(properties)]

    def is_ready(self) -> bool:
        """Whether an answer to a metadata request names a broker."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as link:
                link.sendall(struct.pack(">i", len(_METADATA_REQUEST)) + _METADATA_REQUEST)
                answer = link.recv(12)  # length, correlation id, number of brokers
        except OSError:
            return False
        return len(answer) == 12 and struct.unpack(">iii", answer)[2] > 0


def _format(command: list[str], properties: Path) -> None:
    arguments = [*command, "-c", str(properties), "--standalone"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise StackError(f"Kafka's folder could not be prepared:\n{(done.stdout + done.stderr)[-2000:]}")


def _cluster_id() -> str:
    """A random UUID in base64url that cannot be taken for an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
