"""The schema moves so that the previous release goes on: docs/operations/upgrade.md."""

import logging
from collections.abc import Callable

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from pydantic import SecretStr

from vt600_api.migrate import alembic_config
from vt600_local.upgrades import breaking

pytestmark = pytest.mark.servers


def test_no_migration_takes_away_what_the_previous_release_needs_unless_it_says_why(
    make_database: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    config = alembic_config(SecretStr(make_database()))
    revisions = list(ScriptDirectory.from_config(config).walk_revisions())[::-1]
    broken = {}
    caplog.set_level(logging.INFO, logger="sqlalchemy.engine")
    for revision in revisions:
        caplog.clear()
        command.upgrade(config, revision.revision)
        statements = [record.getMessage() for record in caplog.records if record.name.startswith("sqlalchemy.engine")]

        assert any("alembic_version" in statement for statement in statements)
        if not hasattr(revision.module, "contracts"):
            broken[revision.revision] = breaking(statements)

    assert {name: found for name, found in broken.items() if found} == {}
