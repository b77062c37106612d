"""Which statements of a migration the previous release would not survive: see docs/operations/upgrade.md."""

import re

_TAKES_AWAY = re.compile(
    r"^(DROP (TABLE|VIEW|MATERIALIZED VIEW|TYPE|FUNCTION|SCHEMA)|TRUNCATE"
    r"|ALTER TABLE .* (DROP COLUMN|DROP DEFAULT|SET NOT NULL|RENAME|ALTER COLUMN .* TYPE|ADD CONSTRAINT)"
    r"|CREATE UNIQUE INDEX)\b"
)
_NEW_COLUMN = re.compile(r"^ALTER TABLE .* ADD COLUMN .* NOT NULL\b")
_NEW_TABLE = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\S+)")


def breaking(statements: list[str]) -> list[str]:
    """Those of one migration that take away what older code reads, or demand what it does not write.

    What the migration does to tables that it makes itself concerns no older code.
    """
    lines = [" ".join(statement.split()) for statement in statements]
    new = {match[1] for line in lines if (match := _NEW_TABLE.match(line))}
    return [line for line in lines if _breaks(line) and not any(f" {table} " in line for table in new)]


def _breaks(line: str) -> bool:
    words = line.upper()
    return bool(_TAKES_AWAY.match(words)) or (bool(_NEW_COLUMN.match(words)) and "DEFAULT" not in words)
