#!/bin/sh
# Restores what ops/backup.sh wrote into an empty database; afterwards run `gateway db upgrade`.
# Usage: ops/restore.sh URL DIRECTORY       (as the login that owns the gateway's tables)
set -eu
case "$1" in *://*:*@*|*password=*) echo "Leave the password out of the URL, and set PGPASSWORD or PGPASSFILE." >&2; exit 2 ;; esac
url="$1" directory="$2"
run() { psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --dbname "$url" "$@"; }
for role in gateway_release gateway_write gateway_seal; do
  # As `gateway db upgrade` does: a login that may create roles does not thereby take them on.
  run --command "DO \$\$ BEGIN
    IF to_regrole('$role') IS NULL THEN CREATE ROLE $role NOLOGIN; END IF;
    BEGIN SET LOCAL ROLE $role; EXCEPTION WHEN insufficient_privilege THEN GRANT $role TO CURRENT_USER; END;
  END \$\$"
done
pg_restore --exit-on-error --no-owner --dbname "$url" --section pre-data "$directory/gateway.dump"
run --command "\\copy member ($(head -n 1 "$directory/member.csv")) FROM '$directory/member.csv' WITH (FORMAT csv, HEADER)"
pg_restore --exit-on-error --no-owner --dbname "$url" --section data --section post-data "$directory/gateway.dump"
# Masks come back with the events that set them: those count as not applied, and nothing as written later.
run --command "WITH unset AS (DELETE FROM member_stamp WHERE attribute = 'mask' RETURNING stamp)
  DELETE FROM applied_event USING unset
  WHERE digest = left(encode(sha256(convert_to(substring(stamp FROM 20), 'UTF8')), 'hex'), 32)::uuid"
# What was numbered since the backup keeps its number: references and watermarks that partners hold never lead to another.
run --output /dev/null --command "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, 0) + 100000000)
  FROM pg_sequences WHERE schemaname = 'public' AND data_type = 'bigint'::regtype"
