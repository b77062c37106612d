"""What is told before anything starts."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from vt600_local import tools
from vt600_local.checks import check_disk, check_ports
from vt600_local.ports import free_port
from vt600_local.server import StackError


@pytest.fixture(autouse=True)
def forget_java() -> Iterator[None]:
    tools.java.cache_clear()
    yield
    tools.java.cache_clear()


def _fake_java(home: Path, version: str) -> None:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-16' >&2\n")
    program.chmod(0o755)


@pytest.mark.parametrize(("version", "said"), [("11.0.22", "version 11"), ("1.8.0_402", "version 8")])
def test_too_old_a_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, said: str) -> None:
    _fake_java(tmp_path, version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(StackError, match=f"is {said}, Kafka needs 17 or newer"):
        tools.java()


def test_a_new_java_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _fake_java(tmp_path, "25")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    assert tools.java() == str(tmp_path / "bin" / "java")


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StackError, match="no Java on the PATH: install version 17"):
        tools.java()
    with pytest.raises(StackError, match=r"no Maven \(mvn\)"):
        tools.maven()


def test_a_taken_port_names_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(StackError, match=f"port {port} is in use: .* API_PORT="):
            check_ports({"API_PORT": port})


def test_a_port_taken_for_udp_alone_counts() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))

        with pytest.raises(StackError, match="LISTENER_PORT"):
            check_ports({"LISTENER_PORT": taken.getsockname()[1]})


def test_a_port_is_given_once() -> None:
    port = free_port()

    with pytest.raises(StackError, match=f"API_PORT and LISTENER_PORT are both {port}"):
        check_ports({"LISTENER_PORT": port, "API_PORT": port})


def test_a_full_disk_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VT600_HOME", str(tmp_path / "not" / "yet"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: shutil._ntuple_diskusage(10, 9, 12_000_000))

    with pytest.raises(StackError, match=r"only 12 MB are free .* VT600_HOME"):
        check_disk()
