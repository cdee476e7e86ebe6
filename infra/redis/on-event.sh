#!/bin/sh
# A sentinel runs this for each of its events, in its own directory: on-event.sh EVENT DESCRIPTION.
#
# A new master accepts nothing until a replica follows it (min-replicas-to-write). The sentinel that leads a failover
# tells the other replicas only when it has seen the promotion, and it looks once a second. So when it has chosen
# (+selected-slave "slave NAME IP PORT @ MASTER ITS_IP ITS_PORT") this waits for the promotion and tells them at once
# what the sentinel says again later. If the promotion fails nothing is told; if the failover is given up after it, the
# sentinels put the replicas back, as they do with any that follow the wrong master.
set -eu
[ "$1" = +selected-slave ] || exit 0
# shellcheck disable=SC2086  # the words are what is wanted
set -- $2
chosen_ip="$3" chosen_port="$4" master="$6" deposed="$7 $8"

# What the sentinel itself logs in with, from the file that it keeps. Not an argument: others see those.
REDISCLI_AUTH="$(sed -n "s/^sentinel auth-pass $master //p" sentinel.conf | tr -d '"')"
export REDISCLI_AUTH

# IP PORT COMMAND... : the answer, its lines as words.
ask() {
  ip="$1" port="$2"
  shift 2
  timeout 1 redis-cli -h "$ip" -p "$port" --user sentinel --no-auth-warning "$@" 2>/dev/null | tr '\n' ' '
}

# A sentinel repeats a script that it had to kill, when what it says may be true no longer: it ends by itself in time.
end=$(($(date +%s) + 5))
until case "$(ask "$chosen_ip" "$chosen_port" ROLE)" in master*) ;; *) false ;; esac; do
  [ "$(date +%s)" -lt "$end" ] || exit 0
  sleep 0.02
done
sed -n "s/^sentinel known-replica $master //p" sentinel.conf | while read -r ip port; do
  [ "$(date +%s)" -lt "$end" ] || exit 0
  case "$(ask "$ip" "$port" ROLE)" in
    "slave $deposed "*) ask "$ip" "$port" REPLICAOF "$chosen_ip" "$chosen_port" >/dev/null ;;
  esac
done
