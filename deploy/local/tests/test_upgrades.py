import pytest

from vt600_local.upgrades import breaking


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE fleet.trips",
        "ALTER TABLE fleet.trips DROP COLUMN odometer_m",
        "alter table fleet.trips\n  rename column a to b",
        "ALTER TABLE fleet.trips RENAME TO journeys",
        "ALTER TABLE fleet.trips ALTER COLUMN reports SET NOT NULL",
        "ALTER TABLE fleet.trips ALTER COLUMN reports DROP DEFAULT",
        "ALTER TABLE fleet.trips ALTER COLUMN reports TYPE BIGINT",
        "ALTER TABLE fleet.trips ADD CONSTRAINT ck_trips CHECK (reports > 0)",
        "ALTER TABLE fleet.trips ADD COLUMN driver TEXT NOT NULL",
        "CREATE UNIQUE INDEX ix ON fleet.trips (device_id)",
        "TRUNCATE fleet.trips",
    ],
)
def test_what_older_code_would_not_survive_is_found(statement: str) -> None:
    assert breaking(["SELECT 1", statement]) == [" ".join(statement.split())]


def test_what_adds_only_is_let_through() -> None:
    assert not breaking(
        [
            "CREATE TABLE fleet.drivers (name TEXT NOT NULL)",
            "CREATE UNIQUE INDEX ix ON fleet.drivers (name)",
            "ALTER TABLE fleet.drivers ADD CONSTRAINT ck CHECK (name > '')",
            "ALTER TABLE fleet.trips ADD COLUMN driver TEXT",
            "ALTER TABLE fleet.trips ADD COLUMN revision INTEGER DEFAULT '0' NOT NULL",
            "CREATE INDEX ix_trips ON fleet.trips (driver)",
            "DROP INDEX fleet.ix_trips",
            "UPDATE fleet.trips SET driver = ''",
        ]
    )
