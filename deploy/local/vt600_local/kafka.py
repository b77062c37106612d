"""A real Apache Kafka from its jars: KRaft, one node, on 127.0.0.1."""

import base64
import hashlib
import shutil
import subprocess
import uuid
from pathlib import Path

from vt600_local.home import CHECKOUT, home
from vt600_local.server import ServerProcess, StackError, answers, free_port, require_free

_POM = CHECKOUT / "deploy" / "local" / "kafka" / "pom.xml"
_JVM = (
    "-Xms64m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
_START_TIMEOUT_S = 60.0

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


def bring_jars() -> Path:
    """The folder with the broker's jars; fetched by Maven the first time and after a change of the POM."""
    folder = home() / "kafka" / "jars"
    stamp = folder / hashlib.sha256(_POM.read_bytes()).hexdigest()[:16]
    if stamp.exists():
        return folder
    if shutil.which("mvn") is None:
        raise StackError("Maven is missing: install it (Debian: apt-get install maven), it brings Kafka's jars")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise StackError("Maven could not bring Kafka's jars:\n" + (done.stdout + done.stderr)[-2000:])
    stamp.touch()
    return folder


class Kafka(ServerProcess):
    """A broker on a folder of its own. What it acknowledged survives `kill()` and `start()`."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__("Kafka", folder, folder / "kafka.log")
        self.port = port or free_port()

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Format the folder when it is new, start the broker, and wait until it serves."""
        require_free(self.port, self.name)
        java = ["java", *_JVM, "-cp", f"{bring_jars()}/*"]
        data, properties = self.folder / "data", self.folder / "server.properties"
        text = _PROPERTIES.format(port=self.port, controller_port=free_port(), data=data)
        properties.write_text(text)
        if not (data / "meta.properties").exists():
            self._format([*java, "kafka.tools.StorageTool", "format", "-t", _cluster_id()], properties)
        self.spawn(
            [*java, "kafka.Kafka", str(properties)], ready=lambda: answers(self.port), timeout_s=_START_TIMEOUT_S
        )

    def _format(self, command: list[str], properties: Path) -> None:
        done = subprocess.run(  # noqa: S603
            [*command, "-c", str(properties), "--standalone"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StackError("Kafka's folder could not be prepared:\n" + (done.stdout + done.stderr)[-2000:])


def _cluster_id() -> str:
    """A random UUID in base64url that cannot be taken for an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
