#!/bin/sh
# Backs up a gateway's database into a new directory, without the masks: no history of them is kept (R18).
# Usage: ops/backup.sh URL DIRECTORY        (psql and pg_dump of the server's version must be on the PATH)
# Without a password: whoever lists processes would see it. libpq takes it from PGPASSWORD or PGPASSFILE.
set -eu
case "$1" in *://*:*@*|*password=*) echo "Leave the password out of the URL, and set PGPASSWORD or PGPASSFILE." >&2; exit 2 ;; esac
export BACKUP_URL="$1" BACKUP_DIRECTORY="$2"
umask 077
mkdir "$BACKUP_DIRECTORY"
# What is unfinished would have names in plain text, and stand in the way of another try.
trap 'rm -r "$BACKUP_DIRECTORY"' EXIT
trap 'exit 1' HUP INT TERM
# pg_dump cannot leave a column out, so `member` goes by itself; one exported snapshot holds both parts together.
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --dbname "$BACKUP_URL" <<'SQL'
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot,
       (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
         WHERE attrelid = 'member'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'mask') AS columns \gset
\setenv BACKUP_SNAPSHOT :snapshot
\! pg_dump --snapshot "$BACKUP_SNAPSHOT" --exclude-table-data member --format custom --file "$BACKUP_DIRECTORY/partial.dump" "$BACKUP_URL" && mv "$BACKUP_DIRECTORY/partial.dump" "$BACKUP_DIRECTORY/gateway.dump"
\getenv directory BACKUP_DIRECTORY
\set file :directory/member.csv
COPY (SELECT :columns FROM member) TO STDOUT WITH (FORMAT csv, HEADER) \g :file
COMMIT;
SQL
test -s "$BACKUP_DIRECTORY/gateway.dump"
test -s "$BACKUP_DIRECTORY/member.csv"
trap - EXIT
