#!/usr/bin/env bash
# The project's Python environment, .venv: every package as requirements.lock pins it, the members editable.
# Nothing is done while the stamp says that lock and members are unchanged.
# With the argument "servers" it first makes sure that this machine can run Kafka, so that nobody waits in vain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

members=(libs/protocol libs/bus libs/runtime services/listener services/api services/commander simulator deploy/local)

say_and_stop() {
    echo "vt600: $*" >&2
    exit 1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say_and_stop "there is no Python 3.11 or newer (${PYTHON:-python3} is $(${PYTHON:-python3} -V 2>&1 || true)):" \
        "install one, or name it with PYTHON=/path/to/python3"
}

python=$(find_python)

if [[ ${1:-} == servers ]]; then
    PYTHONPATH=deploy/local "$python" -m vt600_local.checks
fi

stamp=.venv/complete
wanted=$(cat requirements.lock "${members[@]/%//pyproject.toml}" | cksum)
is_complete() { [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; }

if is_complete; then
    exit 0
fi
exec 9<deploy/local/environment.sh
flock 9 # one at a time; the second finds the work done
if is_complete; then
    exit 0
fi

echo "The Python environment is made in .venv (once, about a minute) …"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
    "$@" >"$log" 2>&1 || { tail -n 25 "$log" >&2; say_and_stop "the Python environment could not be made, see above"; }
}
rm -f "$stamp"
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    run "$python" -m venv .venv || true
    .venv/bin/python -m pip --version >/dev/null 2>&1 ||
        say_and_stop "$python cannot make environments: install its venv module (Debian: apt-get install python3-venv)"
fi
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input)
run "${pip[@]}" --require-hashes --requirement requirements.lock
run "${pip[@]}" --no-deps --no-build-isolation "${members[@]/#/--editable=}"
echo "$wanted" >"$stamp"
