#!/bin/sh
# The services' roles, each with a schema of its own. Run once, when the data folder is made.
set -eu
psql --set ON_ERROR_STOP=1 --username postgres --dbname vt600 --set api="$API_PASSWORD" --set commander="$COMMANDER_PASSWORD" <<'SQL'
CREATE ROLE vt600_api LOGIN PASSWORD :'api';
CREATE ROLE vt600_commander LOGIN PASSWORD :'commander';
REVOKE ALL ON DATABASE vt600 FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE vt600 TO vt600_api, vt600_commander;
CREATE SCHEMA fleet AUTHORIZATION vt600_api;
CREATE SCHEMA commander AUTHORIZATION vt600_commander;
SQL
