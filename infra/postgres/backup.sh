#!/bin/bash
# A backup by hand, for those without `quantum`: what `./quantum backup` does. README.md has the variables.
#
#   backup.sh full            everything
#   backup.sh incr            what has changed since the last one
#   backup.sh logical FILE    a dump by pg_dump (custom format) of the database alone: portable, restorable by table
#   backup.sh list            what there is
#
# BACKREST_CONFIG  the pgbackrest.conf of the node that is the primary now (STATE/etc/postgres-N/pgbackrest.conf)
# PGPASSFILE       the superuser's password file (STATE/data/backup/pgpass)
# PG_HOST, PG_PORT logical: where the primary is reached (127.0.0.1 and HAProxy's port)
#
# Ends non-zero, and says why, when any step fails; the last good backup and the database stay as they are.
set -euo pipefail
umask 077

die() {
  echo "backup.sh: $*" >&2
  exit 1
}

as_postgres() {
  if [[ "$(id -u)" == 0 ]]; then
    setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  else
    "$@"
  fi
}

backrest() { as_postgres pgbackrest --config="${BACKREST_CONFIG:?}" --stanza=quantum "$@"; }

# Written aside and looked at before it takes its name: a dump that was cut short is none.
logical() {
  local file="${1:?backup.sh logical FILE}" bin="${PG_BIN:-/usr/lib/postgresql/15/bin}"
  [[ ! -e "$file" ]] || die "$file exists already"
  "$bin/pg_dump" --host="${PG_HOST:?}" --port="${PG_PORT:?}" --username=postgres --no-password --format=custom \
    --compress=6 --file="$file.unfinished" quantum_trader || die "pg_dump failed; the lines above say why"
  "$bin/pg_restore" --list "$file.unfinished" >/dev/null || die "the dump cannot be read again"
  sync "$file.unfinished"
  mv "$file.unfinished" "$file"
  echo "$file"
}

: "${PGPASSFILE:?}"
case "${1:-}" in
  full | incr) backrest --type="$1" backup ;;
  logical) logical "${2:-}" ;;
  list) backrest info ;;
  *) die "usage: backup.sh full|incr|list, backup.sh logical FILE" ;;
esac
