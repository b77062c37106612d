"""`make manifests`: renders every overlay and validates each object, by Kubernetes' schemas and by KEDA's and Strimzi's."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.k8s.binaries import kubectl
from tests.k8s.definitions import Schema, schemas

_CHECKOUT = Path(__file__).parents[2]
_KUBERNETES = "1.37"
_OVERLAYS = (*sorted((_CHECKOUT / "deploy/k8s/overlays").iterdir()), Path(__file__).parent / "everything")


def main() -> int:
    """Exit code 0 when every object is right."""
    began = time.monotonic()
    foreign = schemas()
    wrong = 0
    for overlay in _OVERLAYS:
        objects = list(_rendered(overlay))
        problems = [problem for item in objects for problem in _problems(item, foreign)]
        print(f"{overlay.name}: {len(objects)} objects, {len(problems)} problems")
        for problem in problems:
            print(f"  {problem}")
        wrong += len(problems)
    print(f"{time.monotonic() - began:.1f} s")
    return 1 if wrong else 0


def _rendered(overlay: Path) -> Iterator[dict[str, Any]]:
    command = [str(kubectl()), "kustomize", str(overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"vt600: {overlay} does not render: {done.stderr.strip()}")
    yield from yaml.load_all(done.stdout, Loader=yaml.CSafeLoader)


def _problems(item: dict[str, Any], foreign: dict[tuple[str, str], Schema]) -> Iterator[str]:
    name = f"{item['kind']} {item['metadata']['name']}"
    if item["kind"] != "Namespace" and item["metadata"].get("namespace") != "vt600":
        yield f"{name}: is not in the namespace vt600"
    schema = foreign.get((item["apiVersion"], item["kind"]))
    if schema is not None:
        for error in jsonschema.Draft202012Validator(schema).iter_errors(item):
            yield f"{name}: {'.'.join(map(str, error.path))}: {error.message}"
        return
    try:
        kubernetes_validate.validate(item, _KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{name}: {'.'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        yield f"{name}: nobody knows {item['apiVersion']} {item['kind']}"


if __name__ == "__main__":
    sys.exit(main())
