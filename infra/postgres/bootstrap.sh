#!/bin/bash
# One-shot tasks around Postgres, each harmless to repeat. README.md says when the operator runs which.
#
#   bootstrap.sh etcd-keys  the keys by which etcd and Patroni know each other; good ones are left
#   bootstrap.sh roles      roles, passwords and the database, once the primary answers
#   bootstrap.sh userlist   PgBouncer's userlist.txt (mode 0600)
#   bootstrap.sh stanza     the repository of the backups
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

# A password on standard input, as Postgres keeps it (RFC 5802, 7677). The salt is made of the password, which is random:
# so Postgres and PgBouncer come to the same text, each on its own, and PgBouncer can pass a client's proof on. With the
# password in clear it had to hash it 4096 times for each client that connects (8 ms).
verifier() {
  python3 -c '
import base64, hashlib, hmac, sys

password = sys.stdin.buffer.read()
salt = hmac.digest(password, b"quantum-trader", "sha256")[:16]
salted = hashlib.pbkdf2_hmac("sha256", password, salt, 4096)
stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
server = hmac.digest(salted, b"Server Key", "sha256")
text = [base64.b64encode(each).decode() for each in (salt, stored, server)]
sys.stdout.write("SCRAM-SHA-256$4096:%s$%s:%s" % tuple(text))'
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

# psql as superuser, statements from standard input.
superuser_psql() {
  as_postgres env -u PGSERVICE -u PGOPTIONS PGPASSFILE="$private/pgpass" PGAPPNAME=quantum_trader PGCONNECT_TIMEOUT=5 \
    "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align \
    --host="$PG_HOST" --port="$PG_PORT" --username=postgres --dbname=postgres "$@"
}

wrong_password() {
  die "Postgres refuses the password in $PG_SUPERUSER_PASSWORD_FILE: it is not the one that its data was made with; restore the file (docs/runbook.md, Secrets)"
}

# Patroni logs in with the same password: where that is wrong no node becomes the primary, and Postgres' log says so.
look_for_wrong_password() {
  local log
  for log in ${PG_LOGS:-}; do
    ! tail -n 200 "$log" 2>/dev/null |
      awk -v since="$1" '/^20[0-9][0-9]-/ && $0 >= since && /password authentication failed for user "postgres"/ { print; found = 1; exit }
                         END { exit !found }' >&2 || wrong_password
  done
}

await_primary() {
  local since until=$((SECONDS + ${PG_WAIT_SECONDS:-60})) look=$((SECONDS + 1))
  since="$(date -u '+%F %T')"
  until as_postgres "$bin/pg_isready" --quiet --host="$PG_HOST" --port="$PG_PORT"; do
    if ((SECONDS >= look)); then
      look_for_wrong_password "$since"
      look=$((SECONDS + 1))
    fi
    ((SECONDS < until)) ||
      die "no primary answers on $PG_HOST port $PG_PORT; the logs of the nodes say why${PG_LOGS:+: $PG_LOGS}"
    sleep 0.1
  done
}

# A node is the primary, for Patroni and HAProxy, as soon as it is to be one; it takes writes once it is promoted.
await_promotion() {
  local until=$((SECONDS + ${PG_WAIT_SECONDS:-60}))
  until [[ "$(superuser_psql --command='SELECT pg_is_in_recovery()' 2>"$private/said")" == f ]]; do
    ! grep -q 'password authentication failed' "$private/said" || wrong_password
    if ((SECONDS >= until)); then
      cat "$private/said" >&2
      die "the node at $PG_HOST port $PG_PORT takes no writes; the logs of the nodes say why${PG_LOGS:+: $PG_LOGS}"
    fi
    sleep 0.1
  done
}

roles_task() {
  need PG_HOST PG_PORT PG_SUPERUSER_PASSWORD_FILE PG_OWNER_PASSWORD_FILE PG_SERVICE_PASSWORD_FILE \
    PG_REPLICATION_PASSWORD_FILE
  private_directory
  local superuser owner service replication
  superuser="$(password "$PG_SUPERUSER_PASSWORD_FILE")"
  printf '*:*:*:postgres:%s\n' "$superuser" >"$private/pgpass"
  give_to_postgres "$private/pgpass"
  owner="$(password "$PG_OWNER_PASSWORD_FILE")"
  service="$(password "$PG_SERVICE_PASSWORD_FILE" | verifier)"
  replication="$(password "$PG_REPLICATION_PASSWORD_FILE")"
  await_primary
  await_promotion
  {
    printf "\\\\set owner_password '%s'\n\\\\set service_password '%s'\n" "$owner" "$service"
    printf "\\\\set replication_password '%s'\n" "$replication"
    cat "$here/roles.sql"
  } | superuser_psql --file=- 2>"$private/said" >/dev/null || {
    cat "$private/said" >&2
    ! grep -q 'password authentication failed' "$private/said" || wrong_password
    die "the roles could not be set; the lines above say why"
  }
  cat "$private/said" >&2
}

userlist_task() {
  need PGBOUNCER_CONFIG_DIR PG_SERVICE_PASSWORD_FILE PGBOUNCER_ADMIN_PASSWORD_FILE PGBOUNCER_STATS_PASSWORD_FILE
  local file="$PGBOUNCER_CONFIG_DIR/userlist.txt"
  local service admin stats
  service="$(password "$PG_SERVICE_PASSWORD_FILE" | verifier)"
  admin="$(password "$PGBOUNCER_ADMIN_PASSWORD_FILE" | verifier)"
  stats="$(password "$PGBOUNCER_STATS_PASSWORD_FILE" | verifier)"
  {
    printf '"quantum" "%s"\n' "$service"
    printf '"quantum_admin" "%s"\n' "$admin"
    printf '"quantum_stats" "%s"\n' "$stats"
  } >"$file.new"
  give_to_postgres "$file.new"
  mv "$file.new" "$file"
}

# Who speaks to etcd shows a certificate of an authority that is made here and forgotten at once: its key signs twice.
# Ten years; made anew when less than a month is left.
etcd_keys_task() {
  need ETCD_KEYS_DIR
  if openssl x509 -checkend 2592000 -noout -in "$ETCD_KEYS_DIR/server.crt" >/dev/null 2>&1 && [[ -e "$ETCD_KEYS_DIR/client.key" ]]; then
    echo "the keys in $ETCD_KEYS_DIR are good; left as they are"
    return
  fi
  local new="$ETCD_KEYS_DIR.new" each
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -batch)
  rm -rf "$new"
  mkdir -p "$new"
  openssl req -x509 "${key[@]}" -days 3650 -subj "/CN=etcd of quantum" -keyout "$new/ca.key" -out "$new/ca.crt" 2>/dev/null
  for each in server client; do
    openssl req "${key[@]}" -subj "/CN=$each" -keyout "$new/$each.key" 2>/dev/null |
      openssl x509 -req -days 3650 -CA "$new/ca.crt" -CAkey "$new/ca.key" -CAcreateserial -out "$new/$each.crt" \
        -extfile <(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n') 2>/dev/null ||
      die "openssl could not make the certificates in $new; is the disk full?"
  done
  rm -f "$new/ca.key" "$new"/*.srl
  for each in "$new" "$new"/*; do
    give_to_postgres "$each"
  done
  rm -rf "$ETCD_KEYS_DIR"
  mv "$new" "$ETCD_KEYS_DIR"
  echo "made the keys in $ETCD_KEYS_DIR"
}

# The repository of the backups. On whichever node is the primary. A database that was made anew from a dump is another one
# than the repository knows: from then on it keeps both.
stanza_task() {
  need PG_NODES PGPASSFILE
  local config said
  for config in $PG_NODES; do
    ! said="$(as_postgres pgbackrest --config="$config" --stanza=quantum stanza-create 2>&1)" || return 0
    if [[ "$said" == *"does not match"* || "$said" == *"ERROR: [028]"* ]]; then
      ! said="$(as_postgres pgbackrest --config="$config" --stanza=quantum stanza-upgrade 2>&1)" || return 0
    fi
  done
  printf '%s\n' "$said" >&2
  die "the repository of the backups could not be made, or is not this database's; the lines above say why"
}

case "${1:-}" in
  etcd-keys) etcd_keys_task ;;
  roles) roles_task ;;
  userlist) userlist_task ;;
  stanza) stanza_task ;;
  *) die "usage: bootstrap.sh etcd-keys|roles|userlist|stanza" ;;
esac
