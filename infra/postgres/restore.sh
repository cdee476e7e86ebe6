#!/bin/bash
# A restore by hand, for those without `quantum`: copies a backup into a folder of its own, replays the log, looks at every
# page and index, and stops. The living database is not touched. README.md, "Restoring by hand", says how the copy takes its
# place.
#
#   restore.sh DIR                    to the end of the archive
#   restore.sh DIR --time T           to a moment ("2026-11-29 02:00:00+00")
#   restore.sh DIR --set LABEL        to the end of this backup (backup.sh list)
#   restore.sh DIR --file FILE [--table NAME]   a dump (backup.sh logical), or one table of it, or a plain .sql or .sql.gz,
#                                               into a new database
#
# BACKREST_CONFIG  the pgbackrest.conf of any node
# PGPASSFILE       the superuser's password file
# QUANTUM_INFRA    where roles.sql and migrations are, for --file (default: beside this script)
set -euo pipefail
umask 077

bin="${PG_BIN:-/usr/lib/postgresql/15/bin}"
here="${QUANTUM_INFRA:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}"

die() {
  echo "restore.sh: $*" >&2
  exit 1
}

if [[ "$(id -u)" == 0 ]]; then
  chown_to=postgres:postgres
  as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups env PGPASSFILE="$PGPASSFILE" "$@"; }
else
  chown_to="$(id -u):$(id -g)"
  as_postgres() { "$@"; }
fi

: "${PGPASSFILE:?}"
dir="${1:?usage: restore.sh DIR [--time T | --set LABEL | --file FILE]}"
[[ ! -e "$dir" || -z "$(ls -A "$dir")" ]] || die "$dir is not empty: a restore wants a folder of its own"
mkdir -p "$dir"
dir="$(cd "$dir" && pwd)"
run="$(mktemp -d /tmp/quantum-restore-XXXXXX)"
chown "$chown_to" "$dir" "$run"
good=
stop() { as_postgres "$bin/pg_ctl" stop --pgdata="$dir/data" --mode=fast --wait --timeout=120 >/dev/null; }
cleanup() {
  [[ ! -e "$dir/data/postmaster.pid" ]] || stop || true
  rm -rf "$run"
  [[ -n "$good" ]] || rm -rf "$dir/data"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

psql_as_superuser() {
  as_postgres "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 \
    --host="$run" --username=postgres --no-password "$@"
}

# On a socket that nobody else reaches, without archive. Without hot_standby recovery does not compare settings such as
# max_connections with the primary's.
start() {
  local options="-c listen_addresses= -c unix_socket_directories=$run -c port=5432 -c hba_file=$run/pg_hba.conf
    -c archive_mode=off -c hot_standby=off -c max_connections=20
    -c config_file=$run/postgresql.conf -c data_directory=$dir/data"
  as_postgres "$bin/pg_ctl" start --pgdata="$dir/data" --log="$run/log" --wait --timeout=86400 --options="${options//$'\n'/ }" \
    >/dev/null || { tail -n 8 "$run/log" >&2; die "the restored database does not start"; }
  until psql_as_superuser --dbname=postgres --command='SELECT pg_is_in_recovery()' 2>/dev/null | grep -qx f; do
    as_postgres "$bin/pg_ctl" status --pgdata="$dir/data" >/dev/null || {
      tail -n 8 "$run/log" >&2
      die "the restored database has stopped before it had replayed its log"
    }
    sleep 0.2
  done
}

# The copy went on with a log of its own, on a timeline that the archive does not know. If it becomes the primary that is
# archived first: else nobody could restore past this moment, and the next copy would begin the same timeline again.
mark_for_archive() {
  local last file name
  last="$(as_postgres "$bin/pg_controldata" "$dir/data" | sed -n "s/^Latest checkpoint's REDO WAL file: *//p")"
  for file in "$dir/data/pg_wal/${last:0:8}"*; do
    name="$(basename "$file")"
    if [[ "$name" == "${last:0:8}.history" || (${#name} == "${#last}" && ! "$name" > "$last") ]]; then
      as_postgres touch "$dir/data/pg_wal/archive_status/$name.ready"
    fi
  done
}

printf 'local all all scram-sha-256\n' >"$run/pg_hba.conf"
: >"$run/postgresql.conf"
chown "$chown_to" "$run"/*

case "${2:-}" in
  --file)
    file="${3:?restore.sh DIR --file FILE}"
    only=()
    [[ "${4:-}" != --table ]] || only=(--table="${5:?}")
    [[ -r "$file" ]] || die "cannot read $file"
    password="$(cut -d: -f5- "$PGPASSFILE")"
    printf '%s\n' "$password" >"$run/password"
    chown "$chown_to" "$run/password"
    as_postgres "$bin/initdb" --pgdata="$dir/data" --username=postgres --pwfile="$run/password" --auth=scram-sha-256 \
      --data-checksums --encoding=UTF8 --locale=C.UTF-8 --no-instructions >/dev/null
    start
    {
      printf "\\\\set owner_password '%s'\n\\\\set service_password '%s'\n" "$password" "$password"
      printf "\\\\set replication_password '%s'\n" "$password"
      cat "$here/roles.sql"
    } | psql_as_superuser --dbname=postgres --file=- >/dev/null
    case "$file" in
      *.gz)
        gzip -t "$file" || die "$file is damaged, or was cut short"
        gzip -dc "$file" | psql_as_superuser --dbname=quantum_trader --single-transaction --file=- >/dev/null
        ;;
      *.sql) psql_as_superuser --dbname=quantum_trader --single-transaction --file=- <"$file" >/dev/null ;;
      *) "$bin/pg_restore" --host="$run" --username=postgres --no-password --dbname=quantum_trader --jobs=2 --exit-on-error \
        --clean --if-exists "${only[@]}" "$file" ;;
    esac
    ;;
  '' | --time | --set)
    target=(--type=default)
    [[ "${2:-}" != --time ]] || target=(--type=time --target="${3:?}" --target-action=promote)
    [[ "${2:-}" != --set ]] || target=(--set="${3:?}" --type=immediate --target-action=promote)
    as_postgres pgbackrest --config="${BACKREST_CONFIG:?}" --stanza=quantum --pg1-path="$dir/data" "${target[@]}" restore
    start
    ;;
  *) die "usage: restore.sh DIR [--time T | --set LABEL | --file FILE [--table NAME]]" ;;
esac

as_postgres "$bin/pg_amcheck" --host="$run" --username=postgres --no-password --heapallindexed quantum_trader
stop || die "the restored database did not stop in order: $(tail -n 3 "$run/log")"
as_postgres "$bin/pg_checksums" --check --pgdata="$dir/data" >/dev/null
[[ "${2:-}" == --file ]] || mark_for_archive
good=yes
echo "$dir/data"
