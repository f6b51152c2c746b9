#!/usr/bin/env bash
# The agent's .deb in clean Debian 12 and 13 roots, for real: debian_roots.sh [bookworm] [trixie]  (as root; some minutes)
# From nothing to the first verdict by install.sh; upgraded from our own package before; removed; purged.
# COMMANDS: the folder with netready-collector and netready-agent for the far end (.venv/bin); the mirror is that of apt here.
# KEEP: a folder where clean roots and packages of before are kept, so that the next run takes a minute less for each system.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
commands=$(cd "${COMMANDS:-$root/.venv/bin}" && pwd)
previous=${PREVIOUS:-a99350b}
keep=${KEEP:-}
within_s=60
most_mib=60
say() { printf 'debian roots: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "roots are made by root"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt install debootstrap"
# Mounts of its own: whatever ends this, none is left behind.
[ -n "${IS_APART:-}" ] || IS_APART=1 exec unshare --mount --propagation private "$0" "$@"

work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" netready-roots.XXXXXX)
chmod 755 "$work"  # the database of the collector is another user's
running=()
clean_up() {
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
  for folder in "$work"/*/{proc,sys}; do mountpoint -q "$folder" && umount --lazy "$folder"; done
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT

declare -A python=([bookworm]=3.11 [trixie]=3.13) name=([bookworm]="Debian 12" [trixie]="Debian 13")
[ $# -gt 0 ] || set -- bookworm trixie
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Origin: Debian' | head -n 1)
[ -n "$mirror" ] || fail "apt here has no Debian mirror that could be asked"

build() {  # build SOURCE SUITE FOLDER
  FOR_PYTHON=${python[$2]} "$1/packaging/linux/build-deb" "$3" 2>"$work/said" || { cat "$work/said" >&2; fail "no package"; }
}

before() {  # before SUITE: our own package of an earlier commit, with a lower version
  local source=$work/previous-$1 kept=$keep/before/${python[$1]}
  if [ -n "$keep" ] && compgen -G "$kept/*.deb" >/dev/null; then
    echo "$kept"/*.deb
    return
  fi
  mkdir "$source"
  git -C "$root" archive "$previous" | tar -x -C "$source" || fail "no commit $previous here: this needs the whole history"
  sed -i 's/^__version__ = .*/__version__ = "0.0.9"/' "$source/agent/__init__.py"
  # That build-deb could only build for the Python it ran on; how pip is told another one is taken from today's.
  if ! grep -q FOR_PYTHON "$source/packaging/linux/build-deb"; then
    cp "$root/packaging/linux/build-deb" "$source/packaging/linux/build-deb.new"
    sed -e 's/^for unit in .*/for unit in netready-agent.service; do/' "$source/packaging/linux/build-deb.new" \
      >"$source/packaging/linux/build-deb"
  fi
  [ -n "$keep" ] || kept=$work/before
  build "$source" "$1" "$kept"
}

start() {  # start NAME COMMAND...
  local log=$work/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null &
  running+=($!)
}

answers() {  # answers URL
  for _ in $(seq 900); do
    ! python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  cat "$work"/*.log >&2
  fail "$1 does not answer"
}

free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

far_end() {
  local listen reflect
  listen=127.0.0.1:$(free_port) reflect=127.0.0.1:$(free_port)
  collector=http://$listen
  start reflector "$commands/netready-agent" reflect --listen "$reflect"
  start collector "$commands/netready-collector" serve --listen "$listen" --server "ws://$reflect" --data "$work/data"
  answers "http://$reflect/healthz"
  answers "$collector/healthz"
  printf '%s\n%s\n' \
    school_id_govt,school_name,admin1,admin2,latitude,longitude,num_students,connectivity_type,operator,download_speed_contracted,upload_speed_contracted \
    '00042,Мектеп № 42,KZ-75,Медеу ауданы,43.25,76.95,640,fiber,Operator,100,50' >"$work/schools.csv"
  "$commands/netready-collector" schools import "$work/schools.csv" --data "$work/data"
}

token() { "$commands/netready-collector" enrollment create --school 00042 --data "$work/data"; }

in_root() {  # in_root SUITE COMMAND...: with nothing of this shell's surroundings
  local folder=$work/$1
  shift
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$folder" "$@"
}

install_file() { in_root "$1" apt-get install --yes --quiet=2 --no-install-recommends -o Dpkg::Use-Pty=0 "$2" >/dev/null; }

works() {  # works SUITE VERSION: it is this version, measures, and finds nothing wrong with itself but what a root lacks
  local said
  said=$(in_root "$1" netready-agent --version)
  [ "$said" = "netready-agent $2" ] || fail "${name[$1]}: $said, not $2"
  in_root "$1" netready-agent probe link | grep -q '"kind":"link"' || fail "${name[$1]}: probe link measured nothing"
  # In a root no system runs that could start the service: that the doctor says so is right, and all it may say.
  in_root "$1" netready-agent doctor --offline >"$work/doctor" || true
  [ "$(grep -E '^(FAULT|Warning): ' "$work/doctor")" = "FAULT: Service" ] || { cat "$work/doctor" >&2; fail "${name[$1]}: doctor finds more"; }
  [ -z "$(find "$work/$1/var/lib/netready" -uid 0)" ] || fail "${name[$1]}: root left files in the state folder"
}

gone() {  # gone SUITE: after a purge
  local left
  for left in /var/lib/netready /var/lib/netready-updates /etc/netready /usr/lib/netready-agent /usr/bin/netready-agent; do
    [ ! -e "$work/$1$left" ] || fail "${name[$1]}: purge left $left"
  done
  left=$(find "$work/$1/etc/systemd" "$work/$1/usr/lib/systemd" "$work/$1/var/lib/systemd" -name 'netready*' 2>/dev/null)
  [ -z "$left" ] || fail "${name[$1]}: purge left $left"
  ! in_root "$1" getent passwd netready >/dev/null || fail "${name[$1]}: purge left the user"
}

one_system() {  # one_system SUITE
  local suite=$1 folder=$work/$1 new old code began
  began=$SECONDS
  if [ -n "$keep" ] && [ -d "$keep/$suite" ]; then
    cp -a "$keep/$suite" "$folder"
  else
    debootstrap --variant=minbase "$suite" "$folder" "$mirror" >"$work/said" 2>&1 || { tail "$work/said" >&2; fail "no root of $suite"; }
    [ -z "$keep" ] || { mkdir -p "$keep" && cp -a "$folder" "$keep/$suite"; }
  fi
  mount -t proc proc "$folder/proc"
  mount --rbind --make-rslave -o ro /sys "$folder/sys"
  say "${name[$suite]}: a clean root after $((SECONDS - began)) s"
  new=$(build "$root" "$suite" "$work/new")
  old=$(before "$suite")
  cp "$new" "$folder/new.deb"
  cp "$old" "$folder/old.deb"
  cp "$root/packaging/linux/install.sh" "$folder/install.sh"
  version=$(dpkg-deb --field "$new" Version)

  # One command, from nothing.
  code=0
  in_root "$suite" sh /install.sh --package /new.deb --sha256 "$(sha256sum "$new" | cut -d ' ' -f 1)" \
    --collector "$collector" --token "$(token)" --room 12 | tee "$work/verdict" || code=$?
  [ "$code" = 0 ] || fail "${name[$suite]}: install.sh ended with $code"
  took=$(sed -n 's/^From nothing to the first verdict: \([0-9]*\) s.*/\1/p' "$work/verdict")
  [ -n "$took" ] && [ "$took" -lt "$within_s" ] || fail "${name[$suite]}: one command took ${took:-no} s; $within_s are allowed"
  grep -qE 'PASS|FAIL' "$work/verdict" || fail "${name[$suite]}: there is no verdict"
  works "$suite" "${version%%-*}"
  kib=$(in_root "$suite" du -sk --total /usr/lib/netready-agent /usr/share/doc/netready-agent | tail -n 1 | cut -f 1)
  [ "$kib" -le $((most_mib * 1024)) ] || fail "${name[$suite]}: $((kib / 1024)) MiB on the disk; $most_mib are allowed"
  say "${name[$suite]}: from nothing to the first verdict in $took s; $((kib / 1024)) MiB on the disk, compiled modules included"
  in_root "$suite" apt-get purge --yes --quiet=2 -o Dpkg::Use-Pty=0 netready-agent >/dev/null
  gone "$suite"

  # Our package of before, joined and with settings of its own; then today's.
  install_file "$suite" /old.deb
  [ "$(in_root "$suite" netready-agent --version)" = "netready-agent 0.0.9" ] || fail "${name[$suite]}: this is not the package before"
  in_root "$suite" netready-agent enroll --collector "$collector" --token "$(token)" </dev/null >/dev/null
  sed -i 's/^interval_s = 300 /interval_s = 301 /' "$folder/etc/netready/agent.toml"
  grep -q '^interval_s = 301 ' "$folder/etc/netready/agent.toml" || fail "the settings have no interval_s any more: change this test"
  cp -a "$folder/var/lib/netready/identity.json" "$work/identity.json"
  in_root "$suite" dpkg --force-confold --install /new.deb >/dev/null || fail "${name[$suite]}: the upgrade failed"
  works "$suite" "${version%%-*}"
  cmp "$work/identity.json" "$folder/var/lib/netready/identity.json" || fail "${name[$suite]}: the upgrade changed who it is"
  grep -q '^interval_s = 301 ' "$folder/etc/netready/agent.toml" || fail "${name[$suite]}: the upgrade took the settings"
  [ -L "$folder/etc/systemd/system/timers.target.wants/netready-agent-update.timer" ] || fail "${name[$suite]}: no timer for updates"
  in_root "$suite" netready-agent run --once >/dev/null || fail "${name[$suite]}: the upgraded agent does not report"
  say "${name[$suite]}: upgraded, the same computer with its own settings, and it reports"

  in_root "$suite" apt-get remove --yes --quiet=2 -o Dpkg::Use-Pty=0 netready-agent >/dev/null
  [ ! -e "$folder/usr/lib/netready-agent" ] || fail "${name[$suite]}: remove left $(find "$folder/usr/lib/netready-agent" | head -n 3)"
  cmp "$work/identity.json" "$folder/var/lib/netready/identity.json" || fail "${name[$suite]}: remove took the state"
  in_root "$suite" apt-get purge --yes --quiet=2 -o Dpkg::Use-Pty=0 netready-agent >/dev/null
  gone "$suite"
  say "${name[$suite]}: removed, the state stayed; purged, nothing stayed"
  umount --lazy "$folder/sys" "$folder/proc"
}

far_end
for suite in "$@"; do
  [ -n "${python[$suite]:-}" ] || fail "which Debian is $suite? There is bookworm and trixie"
  one_system "$suite"
done
say "all of it in $SECONDS s"
