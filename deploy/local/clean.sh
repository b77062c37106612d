#!/usr/bin/env bash
# Removes what `make run` keeps: data, logs, key, jars. Refuses while it runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

home=${VT600_HOME:-.run}
if [[ -e $home/run.lock ]] && ! flock --nonblock "$home/run.lock" true; then
    echo "vt600: the stack runs: stop it first (Ctrl-C where make run was typed)" >&2
    exit 1
fi
if [[ -L $home/outside ]]; then
    rm -rf "$(readlink -f "$home/outside")"
fi
rm -rf "$home"
