#!/bin/bash
# restore.sh [--megabytes N] [--port-offset N] [local|s3|azure]...
#
# A platform of its own with a database of N MB (1000): backed up, and restored from a repository of this machine, of S3
# (s3rver) and of Azure Blob (azurite), both by TLS; then every process is killed, and the archive says how much of what
# was committed is lost. Prints one JSON object for each repository; its progress goes to standard error. Wants a build,
# and for s3 and azure what npm has installed for the tests (operator_remote_repository_integration_test).
set -euo pipefail

megabytes=1000
offset=4200
repositories=()
while (($# > 0)); do
  case "$1" in
    --megabytes) megabytes="$2" && shift 2 ;;
    --port-offset) offset="$2" && shift 2 ;;
    local | s3 | azure) repositories+=("$1") && shift ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 2 ;;
  esac
done
((${#repositories[@]} > 0)) || repositories=(local s3 azure)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder="$(mktemp -d /tmp/bench-restore.XXXXXX)"
chmod 755 "$folder"
state="$folder/state"
remote=0 # pid of the server that plays S3 or Azure

quantum() { ./quantum --state "$state" --port-offset "$offset" "$@"; }
say() { echo "$*" >&2; }
subtract() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a - b }'; }

# Of this platform: what works in its state directory, writes its output there, or was started with it.
pids() {
  local process at
  for process in /proc/[0-9]*; do
    for at in cwd fd/1 fd/2; do
      if [[ "$(readlink "$process/$at" 2>/dev/null)" == "$state/"* ]]; then
        echo "${process#/proc/}"
        continue 2
      fi
    done
    ! tr '\0' '\n' 2>/dev/null <"$process/cmdline" | grep -qF -- "$state" || echo "${process#/proc/}"
  done
}
kill_all() {
  local found
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    found="$(pids)"
    [[ -n "$found" ]] || return 0
    # shellcheck disable=SC2086
    kill -9 $found 2>/dev/null || true
    sleep 0.1
  done
}

end() {
  quantum down >/dev/null 2>&1 || true
  kill_all
  ((remote == 0)) || kill "$remote" 2>/dev/null || true
  rm -rf "$folder"
}
trap end EXIT

sql() {
  PGPASSWORD="$(cat "$state/secrets/postgres-owner")" psql -h 127.0.0.1 -p $((5000 + offset)) -U quantum_owner \
    -d quantum_trader -qAt "$@"
}

secret() {
  mkdir -p "$state/secrets"
  (umask 077 && printf '%s\n' "$2" >"$state/secrets/$1")
}

# Starts what plays S3 or Azure, and sets the array `set` for `up`.
serve() {
  set=()
  [[ "$1" != local ]] || return 0
  local programs=build/release/remote/node_modules/.bin port=$((10000 + offset)) tls="$folder/tls"
  [[ -x "$programs/s3rver" ]] || { say "npm has not installed s3rver and azurite: run the test first" && exit 1; }
  mkdir -p "$tls" "$folder/store"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$tls/key" -out "$tls/crt" 2>/dev/null
  chmod 644 "$tls/crt"
  set=(--set "backups.repository=$1" --set "backups.endpoint=localhost:$port" --set backups.path_style=true
    --set "backups.ca_file=$tls/crt" --set backups.key_exported=true)
  secret backup-cipher "$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')"
  if [[ "$1" == s3 ]]; then
    "$programs/s3rver" --directory "$folder/store" --address 127.0.0.1 --port "$port" --key "$tls/key" --cert "$tls/crt" \
      --configure-bucket desk --no-vhost-buckets >"$folder/remote.log" 2>&1 &
    remote=$!
    set+=(--set backups.bucket=desk --set backups.region=us-east-1)
    secret backup-s3-key S3RVER
    secret backup-s3-secret S3RVER
  else
    # The emulator's own account, whose key everybody knows.
    local key=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
    "$programs/azurite-blob" --blobHost 127.0.0.1 --blobPort "$port" --cert "$tls/crt" --key "$tls/key" \
      --location "$folder/store" --skipApiVersionCheck --disableTelemetry >"$folder/remote.log" 2>&1 &
    remote=$!
    set+=(--set backups.account=devstoreaccount1 --set backups.container=desk)
    secret backup-azure-key "$key"
    printf '[global]\nrepo1-type=azure\nrepo1-azure-account=devstoreaccount1\nrepo1-azure-container=desk\nrepo1-azure-key=%s\nrepo1-azure-endpoint=localhost\nrepo1-azure-uri-style=path\nrepo1-storage-port=%s\nrepo1-storage-ca-file=%s\nlog-level-file=off\n[desk]\npg1-path=/nonexistent\n' \
      "$key" "$port" "$tls/crt" >"$folder/container.conf"
  fi

  for _ in $(seq 100); do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    sleep 0.1
  done
  [[ "$1" == s3 ]] || pgbackrest --config="$folder/container.conf" --stanza=desk repo-create >&2
}

# Commits the time, five times a second, and writes down what was acknowledged, until it is killed.
beat() {
  while sql -c "INSERT INTO beat VALUES (clock_timestamp()) RETURNING extract(epoch FROM at)" >>"$folder/beats" 2>/dev/null; do
    sleep 0.2
  done
}

measure() {
  local repository="$1" began backup restored lost
  serve "$repository"
  say "$repository: starting a platform"
  quantum up --no-install "${set[@]}" >"$folder/up.log" 2>&1 || { cat "$folder/up.log" >&2 && exit 1; }
  say "$repository: writing $megabytes MB"
  sql -c "CREATE TABLE bulk (id bigint PRIMARY KEY, text text)" -c "CREATE TABLE beat (at timestamptz)"
  while (($(sql -c "SELECT pg_database_size('quantum_trader') / 1000000") < megabytes)); do
    sql -c "INSERT INTO bulk SELECT n, (SELECT string_agg(md5((n * 100 + k)::text), '') FROM generate_series(1, 16) k) FROM generate_series((SELECT coalesce(max(id), 0) + 1 FROM bulk), (SELECT coalesce(max(id), 0) + 50000 FROM bulk)) n"
  done
  say "$repository: backing up"
  began="$(date +%s.%N)"
  quantum backup full --json >"$folder/backup.json" 2>/dev/null
  backup="$(subtract "$(date +%s.%N)" "$began")"
  say "$repository: restoring"
  quantum restore --json >"$folder/restore.json" 2>"$folder/restore.log" || { cat "$folder/restore.log" >&2 && exit 1; }
  say "$repository: every process is killed"
  beat &
  local beater=$!
  sleep "$((25 + RANDOM % 20))"
  kill_all
  wait "$beater" || true
  quantum restore --json >"$folder/last.json" 2>"$folder/restore.log" || { cat "$folder/restore.log" >&2 && exit 1; }
  restored="$(sed -n 's/.*"last_commit":"\([^"]*\)".*/\1/p' "$folder/last.json")"
  lost="$(subtract "$(tail -1 "$folder/beats")" "$(date -d "$restored" +%s.%N)")"
  sed "s/^{/{\"repository\":\"$repository\",\"backup_seconds\":$backup,\"lost_seconds\":$lost,/" "$folder/restore.json"
}

for repository in "${repositories[@]}"; do
  measure "$repository"
  if ((remote != 0)); then
    kill "$remote"
    wait "$remote" 2>/dev/null || true
  fi
  remote=0
  rm -rf "${folder:?}"/*
done
