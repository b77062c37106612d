"""Prints the SBOM (CycloneDX 1.6) of the image that it is run in: its Debian and Python packages."""

import json
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import quote

Component = dict[str, object]


def _python(found: Distribution) -> Component:
    name, version = found.metadata["Name"], found.version
    component: Component = {"type": "library", "name": name, "version": version}
    if not name.startswith("vt600-"):
        component["purl"] = f"pkg:pypi/{name.lower().replace('_', '-')}@{quote(version)}"
    component["bom-ref"] = f"python:{name.lower()}@{version}"
    licence = found.metadata.get("License-Expression")
    if licence:
        component["licenses"] = [{"expression": licence}]
    return component


def _debian() -> list[Component]:
    if not Path("/var/lib/dpkg/status").exists():
        return []
    command = ["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${Architecture}\n"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return [
        {
            "type": "library",
            "bom-ref": f"debian:{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={arch}",
        }
        for name, version, arch in map(str.split, done.stdout.splitlines())
    ]


if __name__ == "__main__":
    python = sorted((_python(found) for found in distributions()), key=lambda component: str(component["bom-ref"]))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": "image", "name": "vt600-gateway"}},
        "components": [*python, *_debian()],
    }
    json.dump(document, sys.stdout, indent=1)
