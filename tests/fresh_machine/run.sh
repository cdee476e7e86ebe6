#!/bin/bash
# What a person with a fresh Debian 12 meets: a root directory made by debootstrap with git alone, the checkout cloned
# into it, `./quantum up`, `status`, `down`. README.md says what is looked at. Run as root; leaves nothing behind.
#
#   run.sh [--scenario root|sudo|plain-su|systemd|boost|no-install|running-servers|all] [--port-offset N] [--with FILE]... [--keep]
#
# What is committed is tested, and beside it the files that --with names (paths in the checkout).
# --keep leaves the root directories in /var/tmp/quantum-fresh-machine, and starts from them the next time.
set -euo pipefail

here="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
checkout="$(cd "$here/../.." && pwd)"
folder=/var/tmp/quantum-fresh-machine
scenario=all offset=500 keep=0 with=()

say() { echo "fresh machine: $*"; }
die() { say "$*" >&2; exit 1; }

while (($#)); do
  case "$1" in
    --scenario) scenario="${2:?}"; shift 2 ;;
    --port-offset) offset="${2:?}"; shift 2 ;;
    --with) with+=("${2:?}"); shift 2 ;;
    --keep) keep=1; shift ;;
    *) sed -n '2,/^set/{/^set/!s/^# \?//p}' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done
[[ "$(id -u)" == 0 ]] || die "run this as root: it makes root directories"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

ccache="${CCACHE_DIR:-$(command -v ccache >/dev/null && ccache --get-config cache_dir || true)}"

cleanup() { ((keep)) || rm -rf --one-file-system "$folder"; }
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$folder"

# The base: Debian 12 with git, this machine's way to Debian's packages (sources, proxy, name servers), nothing else.
make_base() {
  [[ ! -e "$folder/base.done" ]] || return 0
  local mirror
  mirror="$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
    sed -n 's#^\(URIs:\|deb\) *\(\[[^]]*\] *\)\?\(https\?://[^ ]*debian/\?\)\( .*\)\?$#\3#p' | head -n 1 || true)"
  say "making a Debian 12 from ${mirror:=http://deb.debian.org/debian}"
  rm -rf --one-file-system "$folder/base"
  nice -n 10 debootstrap --variant=minbase --include=git,ca-certificates bookworm "$folder/base" "$mirror" \
    >"$folder/debootstrap.log" 2>&1 || { tail -n 5 "$folder/debootstrap.log"; die "debootstrap failed"; }
  rm -f "$folder/base/etc/apt/sources.list"
  cp /etc/apt/sources.list.d/debian.sources "$folder/base/etc/apt/sources.list.d/" 2>/dev/null ||
    cp /etc/apt/sources.list "$folder/base/etc/apt/"
  apt-config dump | grep -iE '^Acquire::(https?::(proxy|verify)|Check-)' >"$folder/base/etc/apt/apt.conf.d/90host" || true
  cp -L /etc/resolv.conf /etc/hosts "$folder/base/etc/"
  echo force-unsafe-io >"$folder/base/etc/dpkg/dpkg.cfg.d/quick"  # it is thrown away: no fsync a file
  touch "$folder/base.done"
}

# Runs inside.sh in a copy of the base, in mount and process namespaces of its own: when it ends, every process it left
# is killed and every mount is gone with it.
run_scenario() {
  local name="$1" root="$folder/$1"
  say "=== $name ==="
  if [[ ! -d "$root" ]]; then
    cp -a "$folder/base" "$root"
  fi
  cp "$here/inside.sh" "$root/inside.sh"
  tar -C "$checkout" -cf "$root/with.tar" --files-from <(printf '%s\n' "${with[@]}")
  mkdir -p "$root/source" "$root/ccache"
  if [[ -n "$ccache" && "$name" != root && ! -e "$root/ccache/copied" ]]; then
    cp -a --reflink=auto "$ccache/." "$root/ccache/"  # an ordinary user cannot write to ours
    touch "$root/ccache/copied"
  fi
  if [[ "$name" == systemd ]]; then
    boot_systemd "$root" && say "$name: passed" || { say "$name: FAILED"; failed=1; }
    return 0
  fi
  # shellcheck disable=SC2016
  nice -n 10 unshare --mount --pid --fork --kill-child --propagation private bash -euc '
    root="$1" checkout="$2" ccache="$3" name="$4" offset="$5"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    mount --bind -o ro "$checkout" "$root/source"
    [[ -z "$ccache" || "$name" != root ]] || mount --bind "$ccache" "$root/ccache"
    exec env -i TERM="${TERM:-dumb}" HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      chroot "$root" /bin/bash /inside.sh "$name" "$offset"
  ' bash "$root" "$checkout" "$ccache" "$name" "$offset" && say "$name: passed" || { say "$name: FAILED"; failed=1; }
}

# The same with systemd as the first process, in a container of its own: devices, control groups and processes are not
# those of this machine. inside.sh runs as a service; its end ends the container.
boot_systemd() {
  local root="$1"
  if [[ ! -e "$root/lib/systemd/systemd" ]]; then
    chroot "$root" env DEBIAN_FRONTEND=noninteractive bash -c \
      'apt-get -qq update && apt-get -qq install -y --no-install-recommends systemd systemd-sysv dbus' \
      >"$folder/systemd.log" 2>&1 || { tail -n 5 "$folder/systemd.log"; return 1; }
  fi
  cat >"$root/etc/systemd/system/fresh.service" <<UNIT
[Unit]
Description=A fresh machine
After=basic.target dbus.service
Wants=dbus.service
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
TimeoutStartSec=infinity
Environment=HOME=/root CCACHE_DIR=/ccache
ExecStart=/bin/bash -c '/bin/bash /inside.sh systemd $offset >/output 2>&1; echo \$? >/exit-code'
UNIT
  rm -f "$root/exit-code"
  : >"$root/output"
  tail -n +1 -f "$root/output" &
  local shown=$!
  # shellcheck disable=SC2016
  nice -n 10 unshare --mount --pid --cgroup --uts --ipc --fork --kill-child --propagation private bash -euc '
    root="$1" checkout="$2"
    hostname fresh-machine
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in null zero full random urandom tty; do cp -a "/dev/$device" "$root/dev/"; done
    mkdir "$root/dev/shm" "$root/dev/pts"
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    mount -t tmpfs tmpfs "$root/run"
    mount --bind -o ro "$checkout" "$root/source"
    if [[ -d /sys/fs/cgroup/systemd ]]; then
      mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
      mkdir "$root/sys/fs/cgroup/systemd"
      mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
    else
      mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    fi
    exec env -i container=fresh PATH=/usr/sbin:/usr/bin:/sbin:/bin \
      chroot "$root" /lib/systemd/systemd --system --unit=fresh.service --log-target=null
  ' bash "$root" "$checkout" || true
  sleep 1
  kill "$shown" 2>/dev/null || true
  wait "$shown" 2>/dev/null || true
  [[ "$(cat "$root/exit-code" 2>/dev/null)" == 0 ]]
}

failed=0
make_base
for each in root sudo plain-su systemd boost no-install running-servers; do
  [[ "$scenario" != all && "$scenario" != "$each" ]] || run_scenario "$each"
done
exit "$failed"
