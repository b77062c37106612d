#!/usr/bin/env bash
# A small Debian with Python as the base of the image, from Debian's own packages: for those who have no registry. Needs root.
set -euo pipefail
name=${1:-localhost/vt600-base}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

for tool in debootstrap buildah; do
    command -v "$tool" >/dev/null || { echo "vt600: there is no $tool: apt-get install debootstrap buildah runc" >&2; exit 1; }
done
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" "$mirror" >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; exit 1; }
rm -rf "$root.log" "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/{doc,man,info,locale}/*
container=$(buildah from scratch)
buildah copy --quiet "$container" "$root" / >/dev/null
buildah commit --quiet --rm "$container" "$name" >/dev/null
echo "$name"
