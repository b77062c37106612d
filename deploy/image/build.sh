#!/usr/bin/env bash
# Builds the image with buildah or docker and prints its size. IMAGE names it, BASE names another base (that of `make image-base`
# is taken when it is there), CA or PIP_CERT the certificates of a proxy between here and the package index.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

image=${IMAGE:-vt600-gateway}
ca=${CA:-${PIP_CERT:-}}
if [[ -z ${BASE:-} ]] && buildah inspect --type image localhost/vt600-base >/dev/null 2>&1; then
    BASE=localhost/vt600-base
fi
arguments=(--tag "$image" ${BASE:+--build-arg "BASE=$BASE"} ${ca:+--secret "id=ca,src=$ca"})
if command -v buildah >/dev/null; then
    buildah --runtime runc build --layers "${arguments[@]}" .
    size=$(buildah images --format '{{.Size}}' "$image")
elif docker info >/dev/null 2>&1; then
    docker buildx build --load "${arguments[@]}" .
    size="$(docker image inspect --format '{{.Size}}' "$image") bytes"
else
    echo "vt600: there is neither buildah nor a docker that answers: install one (Debian: apt-get install buildah runc)" >&2
    exit 1
fi
echo "$image: $size"
