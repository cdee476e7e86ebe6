#!/bin/bash
# The part of run.sh that runs inside the fresh machine: inside.sh SCENARIO PORT_OFFSET.
set -euo pipefail

scenario="$1" offset="$2"
failures=0

say() { echo "  $*"; }
fail() { echo "  FAILED: $*"; failures=$((failures + 1)); }
check() {
  local what="$1"
  shift
  if "$@"; then say "ok: $what"; else fail "$what"; fi
}

# A clone of the checkout, as the given user, with the files that run.sh was given laid over it.
clone() {
  local user="$1" target="$2"
  git -c safe.directory='*' clone -q --no-hardlinks /source "$target"
  tar -C "$target" -xf /with.tar
  chown -R "$user:$user" "$target"
}

# `quantum COMMAND…` of a checkout as a user, with the compiler's cache. Output goes to /tmp/output too.
quantum() {
  local user="$1" folder="$2"
  shift 2
  if [[ "$user" == root ]]; then
    (cd "$folder" && env "${extra[@]}" CCACHE_DIR=/ccache ./quantum "$@") 2>&1 | tee /tmp/output | sed -u 's/^/  | /' | shorten
  else
    runuser -u "$user" -- env -i "${extra[@]}" HOME="/home/$user" PATH=/usr/local/bin:/usr/bin:/bin CCACHE_DIR=/ccache \
      bash -c 'cd "$1" && shift && ./quantum "$@"' bash "$folder" "$@" 2>&1 | tee /tmp/output | sed -u 's/^/  | /' | shorten
  fi
}
extra=(LC_ALL=C)
shorten() { grep --line-buffered -vE '^  \| (Get:|Selecting|Preparing to unpack|Unpacking|Setting up|Processing|\(Reading|Fetched|update-alternatives|\[[0-9]+/[0-9]+\])' || true; }

# Whether the first line with pattern A comes before the first with pattern B.
before() {
  local a b
  a="$(grep -nE -m1 "$1" /tmp/output | cut -d: -f1)" b="$(grep -nE -m1 "$2" /tmp/output | cut -d: -f1)"
  [[ -n "$a" && -n "$b" ]] && ((a < b))
}

# No process but this script's own tree, within ten seconds: the supervisor's keeper ends after `down` has answered.
nothing_runs() {
  local tries
  for ((tries = 0; tries < 20; ++tries)); do
    others >/dev/null || { sleep 0.5; continue; }
    return 0
  done
  others
}

others() {
  local pid command left=0
  for pid in /proc/[0-9]*; do
    pid="${pid#/proc/}"
    [[ "$pid" != "$$" && "$pid" != 1 && "$pid" != "$BASHPID" ]] || continue
    [[ "$scenario" != systemd || ! "$(cat "/proc/$pid/comm" 2>/dev/null)" =~ ^(systemd|\(sd-pam\)|dbus-daemon|agetty) ]] || continue
    command="$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null || true)"
    [[ -n "$command" && "$command" != *inside.sh* ]] || continue
    echo "  left: $pid $command"
    left=1
  done
  ((left == 0))
}

# Nothing that packages bring is started at boot: units, init scripts.
nothing_enabled() {
  local found
  found="$(find /etc/systemd/system /etc/rc?.d \( -name '*redis*' -o -name '*postgresql*' -o -name '*pgbouncer*' \
    -o -name '*nginx*' -o -name '*prometheus*' \) \( -path '*.wants/*' -o -name 'S*' \) 2>/dev/null || true)"
  [[ -z "$found" ]] || { echo "  enabled: $found"; return 1; }
}

lifecycle() {
  local user="$1" folder="$2"
  check "up" quantum "$user" "$folder" up --port-offset "$offset"
  check "packages are named before apt speaks" before '^quantum: installing [0-9]+ Debian packages: ' '^(Get:|Reading package lists|Hit:)'
  check "status" quantum "$user" "$folder" status --port-offset "$offset"
  check "every unit is ready or done" bash -c '! grep -qE " (failed|backoff|starting|stopped) " /tmp/output'
  check "down" quantum "$user" "$folder" down --port-offset "$offset"
  check "nothing runs" nothing_runs
  check "nothing is enabled" nothing_enabled
  check "no policy is left" test ! -e /usr/sbin/policy-rc.d
  check "no cluster of the distribution's own" test ! -e /etc/postgresql/15/main
  check "no change of how clusters are made is left" bash -c '! grep -qs "^create_main_cluster *= *false" /etc/postgresql-common/createcluster.conf'
}

scenario_root() {
  [[ -d /root/quantum-trader ]] || clone root /root/quantum-trader
  quantum root /root/quantum-trader up --help && check "help installs nothing" bash -c '! command -v g++'
  printf '#!/bin/sh\nexit 0\n' >/usr/sbin/policy-rc.d # one that permits starts
  chmod 755 /usr/sbin/policy-rc.d
  check "up with a policy that permits starts" quantum root /root/quantum-trader up --port-offset "$offset"
  check "packages are named before apt speaks" before '^quantum: installing [0-9]+ Debian packages: ' '^(Get:|Reading package lists|Hit:)'
  check "the policy stands again" grep -q 'exit 0' /usr/sbin/policy-rc.d
  rm /usr/sbin/policy-rc.d
  check "status" quantum root /root/quantum-trader status --port-offset "$offset"
  check "every unit is ready or done" bash -c '! grep -qE " (failed|backoff|starting|stopped) " /tmp/output'
  check "down" quantum root /root/quantum-trader down --port-offset "$offset"
  check "nothing runs" nothing_runs
  check "nothing is enabled" nothing_enabled
  check "no cluster of the distribution's own" test ! -e /etc/postgresql/15/main
  check "how clusters are made is as before" bash -c '! grep -qs "^create_main_cluster *= *false" /etc/postgresql-common/createcluster.conf'
}

scenario_sudo() {
  apt-get -qq update && apt-get -qq install -y --no-install-recommends sudo >/dev/null 2>&1
  id trader >/dev/null 2>&1 || useradd --create-home --shell /bin/bash trader
  id other >/dev/null 2>&1 || useradd --create-home --shell /bin/bash other
  echo 'trader ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/trader
  chown -R trader:trader /ccache
  [[ -d /home/trader/quantum-trader ]] || clone trader /home/trader/quantum-trader
  lifecycle trader /home/trader/quantum-trader
  say "--- sudo, then without"
  check "sudo up" runuser -u trader -- env -i HOME=/home/trader PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C \
    bash -c "cd ~/quantum-trader && touch src/operator/main.cpp && sudo ./quantum up --port-offset $offset >/tmp/output.sudo 2>&1 || { tail -n 20 /tmp/output.sudo; exit 1; }"
  quantum trader /home/trader/quantum-trader status --port-offset "$offset" || true
  check "status without sudo says where root's stack is" grep -q sudo /tmp/output
  check "sudo down" runuser -u trader -- env -i HOME=/home/trader PATH=/usr/local/bin:/usr/bin:/bin \
    bash -c "cd ~/quantum-trader && sudo ./quantum down --port-offset $offset"
  check "build/ belongs to the checkout's owner" bash -c '[[ -z "$(find /home/trader/quantum-trader -user root -print -quit)" ]]'
  say "--- an ordinary user without sudo where everything is installed"
  [[ -d /home/other/quantum-trader ]] || clone other /home/other/quantum-trader
  chown -R other:other /ccache
  check "up without sudo" quantum other /home/other/quantum-trader up --port-offset "$offset"
  check "status without sudo" quantum other /home/other/quantum-trader status --port-offset "$offset"
  check "down without sudo" quantum other /home/other/quantum-trader down --port-offset "$offset"
  check "nothing runs" nothing_runs
}

# Root by plain `su`: no sbin in the PATH.
scenario_plain-su() {
  extra+=(PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games)
  [[ -d /root/quantum-trader ]] || clone root /root/quantum-trader
  lifecycle root /root/quantum-trader
}

# systemd is the first process: what packages bring would be started by it.
scenario_systemd() {
  check "systemd runs" test "$(cat /proc/1/comm)" = systemd
  [[ -d /root/quantum-trader ]] || clone root /root/quantum-trader
  no_unit_runs() {
    local active
    active="$(systemctl list-units --plain --no-legend --state=active,activating,failed '*redis*' '*postgresql*' '*pgbouncer*' \
      '*nginx*' '*prometheus*' '*nats*')"
    [[ -z "$active" ]] || { echo "  $active"; return 1; }
  }
  check "up" quantum root /root/quantum-trader up --port-offset "$offset"
  check "every unit is ready or done" bash -c '! grep -qE " (failed|backoff|starting|stopped) " /tmp/output'
  check "systemd runs none of the servers that were installed" no_unit_runs
  check "down" quantum root /root/quantum-trader down --port-offset "$offset"
  check "nothing runs" nothing_runs
  check "nothing is enabled" nothing_enabled
  check "no policy is left" test ! -e /usr/sbin/policy-rc.d
}

# Somebody who works with Debian's default Boost, which conflicts with ours.
scenario_boost() {
  apt-get -qq update && apt-get -qq install -y --no-install-recommends libboost1.74-dev >/dev/null 2>&1
  clone root /root/quantum-trader
  if quantum root /root/quantum-trader up; then fail "up refuses"; else say "ok: up refuses"; fi
  check "the package in the way is named" grep -q 'stand in the way of ours: .*libboost1.74-dev' /tmp/output
  check "and is still there" dpkg-query -W libboost1.74-dev
  check "nothing else was installed" bash -c '! command -v g++'
}

# Somebody who wants to be asked first.
scenario_no-install() {
  clone root /root/quantum-trader
  local before command
  before="$(dpkg-query -W)"
  for command in up test bench; do
    if quantum root /root/quantum-trader "$command" --no-install; then
      fail "$command --no-install refuses"
    else
      say "ok: $command --no-install refuses"
    fi
    check "$command names what is missing" grep -qE '^quantum: missing packages: .*g\+\+.* redis-server' /tmp/output
  done
  check "nothing was installed" test "$before" = "$(dpkg-query -W)"
  check "nothing was built" test ! -e /root/quantum-trader/build
}

# Somebody who already runs Redis, Postgres and nginx, each with something in it, on ports that are ours at `theirs`.
scenario_running-servers() {
  local theirs=$((offset + 300))
  local redis=$((6379 + theirs)) postgres=$((5432 + theirs)) nginx=$((80 + theirs))
  apt-get -qq update && apt-get -qq install -y --no-install-recommends redis-server postgresql-15 nginx-light >/dev/null 2>&1
  sed -i "s/^port 6379/port $redis/" /etc/redis/redis.conf
  sed -i "s/^port = .*/port = $postgres/" /etc/postgresql/15/main/postgresql.conf
  echo "server { listen 127.0.0.1:$nginx; location / { return 200 theirs; } }" >/etc/nginx/sites-enabled/default
  for server in redis-server postgresql nginx; do service "$server" restart >/dev/null 2>&1; done
  redis-cli -p "$redis" set whose theirs >/dev/null
  runuser -u postgres -- psql -qp "$postgres" -c "CREATE TABLE whose AS SELECT 'theirs' AS name"

  untouched() {
    redis-cli -p "$redis" get whose
    runuser -u postgres -- psql -qAtp "$postgres" -c 'SELECT name FROM whose'
    exec 3<>"/dev/tcp/127.0.0.1/$nginx" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && tail -n 1 <&3 && echo && exec 3>&-
    for server in redis-server postgres nginx; do pids_of "$server"; done
    find /etc/systemd/system /etc/rc?.d \( -name '*redis*' -o -name '*postgresql*' -o -name '*nginx*' \) |
      sed -E 's#/([SK])[0-9]+#/\1#' | sort
    find /etc/redis /etc/postgresql /etc/nginx -type f -exec sha256sum {} + | sort
  }
  pids_of() {  # the oldest process of that name
    local each
    for each in /proc/[0-9]*; do
      [[ "$(cat "$each/comm" 2>/dev/null)" != "$1" ]] || echo "$1 ${each#/proc/}"
    done | sort -t ' ' -k 2n | head -n 1
  }

  untouched >/tmp/before
  check "they run" test "$(grep -c theirs /tmp/before)" = 3
  clone root /root/quantum-trader
  if quantum root /root/quantum-trader up --port-offset "$theirs"; then fail "up on their ports refuses"; else say "ok: up on their ports refuses"; fi
  check "whose port it is, is said" grep -qE "port ($redis|$postgres|$nginx) .*(redis-server|postgres|nginx)" /tmp/output
  check "they are untouched" diff /tmp/before <(untouched)
  check "up beside them" quantum root /root/quantum-trader up --port-offset "$offset"
  check "they are untouched while the platform runs" diff /tmp/before <(untouched)
  check "down" quantum root /root/quantum-trader down --port-offset "$offset"
  check "they are untouched after it" diff /tmp/before <(untouched)
}

"scenario_$scenario"
echo "  $failures failed"
((failures == 0))
