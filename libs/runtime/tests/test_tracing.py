"""Whether a process traces, and what it says when it cannot."""

import json
import os
import subprocess
import sys

import pytest
import structlog

from vt600_runtime.tracing import OFF, start_tracing

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"


def run(code: str, **environment: str) -> list[str]:
    """The lines that a process with these variables prints, in which `tracer` is its tracer."""
    begin = """
import sys
from vt600_runtime.logs import configure_logs
from vt600_runtime.tracing import OFF, start_tracing
configure_logs(service="test")
tracer = start_tracing("test")
"""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", begin + code]
    done = subprocess.run(
        command, env={**plain, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "environment",
    [{}, {**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}],
)
def test_without_a_collector_nothing_is_traced_and_no_library_is_loaded(environment: dict[str, str]) -> None:
    asked = 'print(tracer is OFF, [name for name in sys.modules if name.startswith("opentelemetry")])'

    assert run(asked, **environment) == ["True []"]


def test_the_tracer_that_is_off_begins_nothing() -> None:
    assert not OFF.on
    assert OFF.begin("a", device_id="1") is None
    assert OFF.follow("a", f"{TRACE}-01") is None


def test_without_the_library_the_process_says_so_once_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.context", None)
    monkeypatch.delitem(sys.modules, "vt600_runtime.otel", raising=False)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")

    with structlog.testing.capture_logs() as lines:
        assert start_tracing("test") is OFF

    assert [line["event"] for line in lines] == ["tracing.unavailable"]


def test_a_variable_that_makes_no_sense_is_one_line_and_the_process_goes_on() -> None:
    said, asked = run("print(tracer is OFF)", **ENDPOINT, OTEL_BSP_MAX_QUEUE_SIZE="0")

    assert json.loads(said)["event"] == "tracing.unavailable"
    assert "max_queue_size" in json.loads(said)["error"]
    assert asked == "True"


def test_the_sampler_decides_on_beginnings_and_whoever_follows_does_as_they_did() -> None:
    code = f"""
print([tracer.begin("a") is not None for _ in range(1000)].count(True))
for trace in ("{TRACE}-01", "{TRACE}-00", "nonsense", None):
    step = tracer.follow("b", trace, device_id="1", reason=None)
    print(step and step.traceparent.startswith("{TRACE[:35]}") and step.traceparent != trace)
"""
    never, half, always = (
        run(code, **ENDPOINT, OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG=ratio)
        for ratio in ("0", "0.5", "1")
    )

    assert never[0] == "0"
    assert 350 < int(half[0]) < 650
    assert always[0] == "1000"
    assert never[1:5] == half[1:5] == always[1:5] == ["True", "None", "None", "None"]


def test_a_collector_that_is_away_at_the_end_is_one_line_and_ends_the_process_all_the_same() -> None:
    lines = run('tracer.begin("a").end(device_id="1")', **ENDPOINT)

    assert [json.loads(line)["event"] for line in lines] == ["tracing.unreachable"]
    assert json.loads(lines[0])["service"] == "test"
