#!/usr/bin/env bash
# The single file in a clean Debian 12 root, where there is no Python: single_file.sh FILE  (as root)
# KEEP: a folder with a clean root "bookworm", as debian_roots.sh keeps it; without one debootstrap makes a new one.
set -euo pipefail
file=$(realpath "$1")
most_bytes=$((30 * 1024 * 1024))
say() { printf 'single file: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "roots are made by root"
# Mounts of its own: whatever ends this, none is left behind.
[ -n "${IS_APART:-}" ] || IS_APART=1 exec unshare --mount --propagation private "$0" "$@"

bytes=$(stat -c %s "$file")
[ "$bytes" -le "$most_bytes" ] || fail "it has $bytes bytes; $most_bytes are allowed"
work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" netready-single.XXXXXX)
folder=$work/root reflector=
clean_up() {
  [ -z "$reflector" ] || { kill "$reflector" && wait "$reflector"; } || true
  ! mountpoint -q "$folder/proc" || umount --lazy "$folder/proc"
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
if [ -n "${KEEP:-}" ] && [ -d "$KEEP/bookworm" ]; then
  cp -a "$KEEP/bookworm" "$folder"
else
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Origin: Debian' | head -n 1)
  debootstrap --variant=minbase bookworm "$folder" "$mirror" >"$work/said" 2>&1 || { tail "$work/said" >&2; fail "no root"; }
fi
mount -t proc proc "$folder/proc"
[ -z "$(find "$folder/usr/bin" "$folder/usr/local/bin" -name 'python*')" ] || fail "this root has a Python: it would prove nothing"
install -m 755 "$file" "$folder/usr/local/bin/netready-agent"

agent() { env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root chroot "$folder" netready-agent "$@"; }

agent --version
agent probe link | grep '"kind":"link"' >/dev/null || fail "probe link measured nothing"
# Nobody has enrolled it: that the doctor says so is right; that it cannot be asked would not be.
agent doctor --offline >"$work/doctor" || true
grep -q '^  Software  *netready' "$work/doctor" || { cat "$work/doctor" >&2; fail "doctor does not say what runs"; }
# A child process that is the same file again; 3: there is no network card that could be asked.
code=0
agent probe lan >"$work/lan" 2>&1 || code=$?
case "$code" in 0 | 3) ;; *) cat "$work/lan" >&2; fail "probe lan ended with $code" ;; esac
! grep -q Traceback "$work/lan" || { cat "$work/lan" >&2; fail "the child process of probe lan broke"; }

mkfifo "$work/listening"
( # exec: the process that is ended is the program itself
  exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root chroot "$folder" netready-agent reflect --listen 127.0.0.1:0
) >"$work/listening" &
reflector=$!
read -r line <"$work/listening"
port=$(sed -E 's/.*127\.0\.0\.1:([0-9]+).*/\1/' <<<"$line")
began=$SECONDS
code=0
agent check --server "ws://127.0.0.1:$port" >"$work/check" 2>&1 || code=$?
grep -E '^VERDICT: (PASS|FAIL)' "$work/check" || { cat "$work/check" >&2; fail "check came to no verdict ($code)"; }
say "$((bytes / 1024 / 1024)) MiB; runs without Python, measures, judges in $((SECONDS - began)) s"
