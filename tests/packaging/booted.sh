#!/usr/bin/env bash
# The agent's .deb under a systemd that was really booted, in a Debian 12 container: booted.sh FILE.deb (as root; systemd-container, debootstrap)
# Some four minutes. ROOT=FOLDER keeps the root for the next time. Not in CI: not every machine lets a container boot.
set -euo pipefail
package=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
commands=${COMMANDS:-$root/.venv/bin}
say() { printf 'booted: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "containers are made by root"
for tool in debootstrap systemd-nspawn; do command -v "$tool" >/dev/null || fail "$tool is missing: apt install debootstrap systemd-container"; done

work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" netready-booted.XXXXXX)
chmod 755 "$work"  # the database of the collector is another user's
folder=${ROOT:-$work/root}
running=()
clean_up() {
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT

if [ ! -d "$folder" ]; then
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Origin: Debian' | head -n 1)
  wanted=systemd,systemd-sysv,dbus,python3,adduser,ca-certificates,procps
  debootstrap --variant=minbase --include="$wanted" bookworm "$folder" "$mirror" >"$work/said" 2>&1 || { tail "$work/said" >&2; fail "no root"; }
fi
cp "$package" "$folder/new.deb"
systemd-nspawn --quiet --register=no --keep-unit --directory "$folder" --boot --console=pipe </dev/null >"$work/console" 2>&1 &
running+=($!)
first=
inside() {
  nsenter --target "$first" --mount --uts --ipc --pid --cgroup \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
until_true() {  # until_true SECONDS WORDS COMMAND...
  local ends=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do [ "$SECONDS" -lt "$ends" ] || fail "$what"; sleep 0.5; done
}
has_booted() {
  first=$(pgrep --parent "${running[0]}" | head -n 1)
  [ -n "$first" ] && [ "$(inside systemctl is-system-running 2>/dev/null)" = running ]
}
until_true 60 "the container did not boot: $(cat "$work/console")" has_booted
say "systemd $(inside systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p') runs"

free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
listen=127.0.0.1:$(free_port) reflect=127.0.0.1:$(free_port)
"$commands/netready-agent" reflect --listen "$reflect" >"$work/reflector" 2>&1 </dev/null &
running+=($!)
"$commands/netready-collector" serve --listen "$listen" --server "ws://$reflect" --data "$work/data" >"$work/collector" 2>&1 </dev/null &
running+=($!)
answers() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "http://$listen/healthz" 2>/dev/null; }
until_true 90 "the collector does not answer: $(cat "$work/collector")" answers
columns=school_id_govt,school_name,admin1,admin2,latitude,longitude,num_students,connectivity_type,operator
columns=$columns,download_speed_contracted,upload_speed_contracted
printf '%s\n%s\n' "$columns" '00042,Мектеп № 42,KZ-75,Медеу ауданы,43.25,76.95,640,fiber,Operator,100,50' >"$work/schools.csv"
"$commands/netready-collector" schools import "$work/schools.csv" --data "$work/data" >/dev/null
token=$("$commands/netready-collector" enrollment create --school 00042 --data "$work/data" 2>/dev/null)

asked() { inside systemctl show --property="$1" --value netready-agent; }
is_active() { [ "$(inside systemctl is-active netready-agent)" = active ]; }
runs_anew() { is_active && [ "$(asked MainPID)" != "$before" ]; }
crashes() { grep -o '"reason"' "$folder/var/lib/netready/crashes.json" | wc -l; }

inside apt-get install --yes --quiet=2 --no-install-recommends -o Dpkg::Use-Pty=0 /new.deb >/dev/null
inside systemctl start netready-agent  # has not joined: a condition that is not met, and no failure
[ "$(asked ConditionResult)" = no ] || fail "it started without a school"
inside netready-agent enroll --collector "http://$listen" --token "$token" </dev/null >/dev/null 2>&1
inside systemctl start netready-agent
is_active || fail "it does not run"
asked StatusText | grep -q '^measuring for Мектеп № 42; next session ' || fail "its status is: $(asked StatusText)"
inside netready-agent doctor >"$work/doctor" || { cat "$work/doctor" >&2; fail "the doctor finds a fault"; }
grep -q 'systemd says active (running)' "$work/doctor" || fail "the doctor does not see the service"
say "it works under its own limits: $(asked StatusText)"
inside netready-agent run --once >/dev/null 2>&1 || fail "no session beside the service"

before=$(asked MainPID)
inside kill -9 "$before"
until_true 90 "it was not started again after kill -9" runs_anew
[ "$(crashes)" = 1 ] && asked StatusText | grep -q '^waiting 1 min: it crashed just now' || fail "the crash is not noticed: $(asked StatusText)"
say "killed: started again after a minute, and it waits one more"

inside mkdir -p /run/systemd/system/netready-agent.service.d
printf '[Service]\nWatchdogSec=65s\nRestartSec=1s\n' >"$folder/quick.conf"
inside cp /quick.conf /run/systemd/system/netready-agent.service.d/
inside systemctl daemon-reload
inside systemctl restart netready-agent
before=$(asked MainPID)
inside kill -STOP "$before"
until_true 100 "a process that hangs is not ended by the watchdog" runs_anew
inside journalctl --unit netready-agent --no-pager | grep -q 'Watchdog timeout' || fail "it was not the watchdog"
say "hung: ended by the watchdog, and started again"

inside systemctl start netready-agent-update.service || fail "the look for updates failed"
began=$SECONDS
inside systemctl stop netready-agent
[ $((SECONDS - began)) -le 10 ] && [ "$(asked Result)" = success ] || fail "it does not stop in order"
grep -q '"is_alive":false' "$folder/var/lib/netready/crashes.json" || fail "a stop was taken for a crash"
inside apt-get purge --yes --quiet=2 -o Dpkg::Use-Pty=0 netready-agent >/dev/null
[ ! -e "$folder/var/lib/netready" ] && ! inside systemctl cat netready-agent >/dev/null 2>&1 || fail "purge left something"
say "stopped in order and purged; all of it in $SECONDS s"
