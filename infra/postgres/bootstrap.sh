#!/bin/bash
# One-shot tasks around Postgres, each harmless to repeat. README.md says when the operator runs which.
#
#   bootstrap.sh initdb     makes the data directory if it does not exist yet; an existing one is never touched
#   bootstrap.sh roles      roles, passwords and the database, once Postgres answers
#   bootstrap.sh userlist   PgBouncer's userlist.txt (mode 0600)
#   bootstrap.sh etcd       etcd's users, and that nobody else may speak to it (where Patroni runs: cluster/)
#
# Settings come from the environment (README.md); passwords only from files, and they pass through pipes and files of
# mode 0600, never through arguments or the environment. Started by root, Postgres' programs run as the user postgres.
set -euo pipefail
umask 077

bin="${PG_BIN:-/usr/lib/postgresql/15/bin}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

die() {
  echo "bootstrap.sh: $*" >&2
  exit 1
}

need() {
  local name
  for name in "$@"; do
    [[ -n "${!name:-}" ]] || die "the variable $name is not set; see infra/postgres/README.md"
  done
}

# The password in a file: one line, not empty, no characters that psql or PgBouncer would have to be told about.
password() {
  local text
  [[ -r "$1" ]] || die "cannot read the password file $1"
  IFS= read -r text <"$1" || [[ -n "$text" ]] || die "the password file $1 is empty"
  [[ "$text" =~ ^[A-Za-z0-9._~+/=-]{8,128}$ ]] || die "the password in $1 must be 8 to 128 of A-Z a-z 0-9 . _ ~ + / = -"
  printf '%s' "$text"
}

as_postgres() {
  if [[ "$(id -u)" == 0 ]]; then
    setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  else
    "$@"
  fi
}

# A directory for files that hold a password for the length of this script; postgres may enter it.
private_directory() {
  private="$(mktemp -d)"
  trap 'rm -rf "$private"' EXIT
  if [[ "$(id -u)" == 0 ]]; then
    chown postgres:postgres "$private"
  fi
}

give_to_postgres() {
  if [[ "$(id -u)" == 0 ]]; then
    chown postgres:postgres "$1"
  fi
}

initdb_task() {
  need PG_DATA_DIR PG_SUPERUSER_PASSWORD_FILE
  if [[ -e "$PG_DATA_DIR/PG_VERSION" ]]; then
    echo "the data directory $PG_DATA_DIR exists; left as it is"
    return
  fi
  if [[ -d "$PG_DATA_DIR" ]]; then
    rmdir "$PG_DATA_DIR" || die "$PG_DATA_DIR holds files but no PG_VERSION: look at it first"
  fi
  # Built aside and renamed when complete, so that a kill in between never leaves half a cluster.
  local unfinished="$PG_DATA_DIR.unfinished"
  rm -rf "$unfinished"
  mkdir -p "$unfinished"
  give_to_postgres "$unfinished"
  private_directory
  password "$PG_SUPERUSER_PASSWORD_FILE" >"$private/superuser"
  give_to_postgres "$private/superuser"
  local options=(--username=postgres --pwfile="$private/superuser" --auth=scram-sha-256
    --data-checksums --encoding=UTF8 --locale=C.UTF-8 --no-instructions)
  [[ "${PG_INITDB_SYNC:-on}" == on ]] || options+=(--no-sync)
  as_postgres "$bin/initdb" --pgdata="$unfinished" "${options[@]}" >/dev/null
  mv "$unfinished" "$PG_DATA_DIR"
  echo "made the data directory $PG_DATA_DIR"
}

# psql as superuser over the Unix socket, statements from standard input.
superuser_psql() {
  as_postgres env -u PGSERVICE -u PGOPTIONS PGPASSFILE="$private/pgpass" PGAPPNAME=quantum_trader PGCONNECT_TIMEOUT=5 \
    "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align \
    --host="$PG_SOCKET_DIR" --port="$PG_PORT" --username=postgres --dbname=postgres "$@"
}

roles_task() {
  need PG_SOCKET_DIR PG_PORT PG_SUPERUSER_PASSWORD_FILE PG_OWNER_PASSWORD_FILE PG_SERVICE_PASSWORD_FILE
  private_directory
  local superuser owner service
  superuser="$(password "$PG_SUPERUSER_PASSWORD_FILE")"
  printf '*:*:*:postgres:%s\n' "$superuser" >"$private/pgpass"
  give_to_postgres "$private/pgpass"
  owner="$(password "$PG_OWNER_PASSWORD_FILE")"
  service="$(password "$PG_SERVICE_PASSWORD_FILE")"
  local until=$((SECONDS + ${PG_WAIT_SECONDS:-60}))
  until as_postgres "$bin/pg_isready" --quiet --host="$PG_SOCKET_DIR" --port="$PG_PORT"; do
    ((SECONDS < until)) || die "Postgres does not answer on $PG_SOCKET_DIR port $PG_PORT; see its log"
    sleep 0.1
  done
  {
    printf "\\\\set owner_password '%s'\n\\\\set service_password '%s'\n" "$owner" "$service"
    cat "$here/roles.sql"
  } | superuser_psql --file=- 2>"$private/said" >/dev/null || {
    cat "$private/said" >&2
    ! grep -q 'password authentication failed' "$private/said" ||
      die "Postgres refuses the password in $PG_SUPERUSER_PASSWORD_FILE: it is not the one that ${PG_DATA_DIR:-its data} was made with; restore the file (docs/runbook.md, Secrets)"
    die "the roles could not be set; the lines above say why"
  }
  cat "$private/said" >&2
}

userlist_task() {
  need PGBOUNCER_CONFIG_DIR PG_SERVICE_PASSWORD_FILE PGBOUNCER_ADMIN_PASSWORD_FILE PGBOUNCER_STATS_PASSWORD_FILE
  local file="$PGBOUNCER_CONFIG_DIR/userlist.txt"
  local service admin stats
  service="$(password "$PG_SERVICE_PASSWORD_FILE")"
  admin="$(password "$PGBOUNCER_ADMIN_PASSWORD_FILE")"
  stats="$(password "$PGBOUNCER_STATS_PASSWORD_FILE")"
  # In clear, because PgBouncer logs in to Postgres with it: a SCRAM verifier made elsewhere cannot be passed on.
  {
    printf '"quantum" "%s"\n' "$service"
    printf '"quantum_admin" "%s"\n' "$admin"
    printf '"quantum_stats" "%s"\n' "$stats"
  } >"$file.new"
  give_to_postgres "$file.new"
  mv "$file.new" "$file"
}

etcd_task() {
  need ETCD_PORT ETCD_ROOT_PASSWORD_FILE ETCD_PASSWORD_FILE
  local root patroni
  root="$(password "$ETCD_ROOT_PASSWORD_FILE")"
  patroni="$(password "$ETCD_PASSWORD_FILE")"
  # python3-etcd comes with Patroni; etcdctl would take passwords as arguments.
  printf '%s\n%s\n' "$root" "$patroni" | /usr/bin/python3 "$here/cluster/etcd_users.py" "$ETCD_PORT" "${PG_WAIT_SECONDS:-60}" ||
    die "etcd's users could not be set; the line above says why"
}

case "${1:-}" in
  initdb) initdb_task ;;
  roles) roles_task ;;
  userlist) userlist_task ;;
  etcd) etcd_task ;;
  *) die "usage: bootstrap.sh initdb|roles|userlist|etcd" ;;
esac
