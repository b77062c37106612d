"""A real Apache Kafka from its jars: KRaft, one node, on 127.0.0.1."""

import base64
import fcntl
import hashlib
import shutil
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
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
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{more}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{more}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
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

_SECURE_PROPERTIES = """\
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={certificate}
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
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


@dataclass(frozen=True, slots=True)
class Secure:
    """A further listener that demands TLS and a password: key and certificates in one PEM file, users with their passwords."""

    certificate: Path
    users: Mapping[str, str]


class Kafka(ServerProcess):
    """A broker on a folder of its own. What it acknowledged survives `kill()` and `start()`.

    With `secure` it has one more listener, on `secure_port`; the plain one stays, for the broker itself.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, log: Path | None = None, secure: Secure | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__("Kafka", folder=folder, log=log or folder / "kafka.log")
        self.folder = folder
        self.port = port or free_port()
        self.secure_port = free_port()
        self._secure = secure

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
        text = self._properties(data)
        if not (data / "meta.properties").exists():
            properties.write_text(text)
            users = self._secure.users if self._secure else {}
            scram = [f"SCRAM-SHA-512=[name={name},password={password}]" for name, password in users.items()]
            added = [argument for user in scram for argument in ("--add-scram", user)]
            _format([*command, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), *added], properties)
        properties.write_text(text)
        return [*command, "kafka.Kafka", str(properties)]

    def _properties(self, data: Path) -> str:
        secure = self._secure
        more = f",SECURE://127.0.0.1:{self.secure_port}" if secure else ""
        text = _PROPERTIES.format(port=self.port, controller_port=free_port(), data=data, more=more)
        if secure is None:
            return text
        users = " ".join(f'user_{name}="{password}"' for name, password in secure.users.items())
        return text + _SECURE_PROPERTIES.format(certificate=secure.certificate, users=users)

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
