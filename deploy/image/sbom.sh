#!/usr/bin/env bash
# Writes the image's SBOM (CycloneDX) to build/sbom.json, from what is installed in it. IMAGE names the image.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

image=${IMAGE:-vt600-gateway}
mkdir -p build
if command -v buildah >/dev/null; then
    container=$(buildah from "$image")
    trap 'buildah rm "$container" >/dev/null' EXIT
    buildah --runtime runc run "$container" python - <deploy/image/sbom.py >build/sbom.json
else
    docker run --rm --interactive --entrypoint python "$image" - <deploy/image/sbom.py >build/sbom.json
fi
echo "build/sbom.json: $(grep -c '"bom-ref"' build/sbom.json) components"
