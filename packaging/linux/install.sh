#!/bin/sh
# From nothing to the first verdict on a computer with Debian or a relative of it, as root, in one command:
#
#   sh install.sh --package FILE.deb --collector https://... --token TOKEN [--room LABEL] [--school ID]
#   sh install.sh --package https://.../FILE.deb --sha256 HEX --collector https://... --token TOKEN
#
# --token may be left out where the computer belongs to a school already. Run again, it goes on from where it stopped.
# Exit code: 0 there is a verdict, whichever; 1 something could not be done; 2 wrong use; 4 installed, but no verdict yet.
set -eu
package='' sha256='' collector='' token='' room='' school='' enrolled=/var/lib/netready/identity.json

fail() { printf 'install.sh: %s\n' "$1" >&2; exit "${2:-1}"; }
say() { printf '\n== %s\n' "$1"; }

while [ $# -gt 0 ]; do
  case "$1" in
    --package | --sha256 | --collector | --token | --room | --school)
      [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 wants a value" 2
      eval "${1#--}=\$2"  # the name is one of the six above; the value is not looked into
      shift 2 ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0"; fail "there is no option '$1'" 2 ;;
  esac
done
[ -n "$package" ] || fail "which package? Give --package FILE.deb, or its https address with --sha256" 2
[ "$(id -u)" = 0 ] || fail "installing needs root: run it with sudo" 2
command -v apt-get >/dev/null || fail "this installs .deb packages, and there is no apt-get here; see packaging/linux/README.md for others" 2
if [ ! -e "$enrolled" ]; then
  [ -n "$collector" ] || fail "which collector? Give --collector with the address that came with the token" 2
  [ -n "$token" ] || fail "which school? Give --token with the token of the school or of its region" 2
fi
export DEBIAN_FRONTEND=noninteractive
began=$(date +%s)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"  # apt reads packages as a user of its own

apt() {  # apt WORDS...: what it says is shown only where it fails
  apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --yes --quiet "$@" >"$work/said" 2>&1
}

say "The package"
case "$package" in
  https://*)
    [ -n "$sha256" ] || fail "a package from the network needs its --sha256: whoever gave you the address has it" 2
    if [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
      { apt update && apt install --no-install-recommends ca-certificates; } || {
        tail -n 5 "$work/said" >&2
        fail "without ca-certificates nothing can be fetched by https, and apt could not install it (its words are above)"
      }
    fi
    # apt's own downloader is on every Debian, and goes through the proxy that apt is set to.
    /usr/lib/apt/apt-helper download-file "$package" "$work/netready-agent.deb" >"$work/said" 2>&1 || {
      tail -n 3 "$work/said" >&2
      fail "the package could not be fetched (the reason is above); fetch it with a browser and give the file instead"
    }
    package=$work/netready-agent.deb ;;
  *://*) fail "$package: a package is a file, or an address that begins with https://" 2 ;;
  *)
    [ -r "$package" ] || fail "there is no file $package that can be read" 2
    cp "$package" "$work/netready-agent.deb"
    package=$work/netready-agent.deb ;;
esac
if [ -n "$sha256" ]; then
  is=$(sha256sum "$package" | cut -d ' ' -f 1)
  [ "$is" = "$(printf %s "$sha256" | tr 'A-F' 'a-f')" ] ||
    fail "this is not the package that was meant: its SHA-256 is $is. Nothing was installed; ask whoever gave you the address"
fi
[ "$(dpkg-deb --field "$package" Package 2>/dev/null)" = netready-agent ] || fail "this file is no package of netready-agent"
version=$(dpkg-deb --field "$package" Version)
if ! apt install --simulate "$package"; then
  apt update || { tail -n 5 "$work/said" >&2; fail "apt cannot read its lists of packages (its words are above)"; }
  apt install --simulate "$package" || {
    tail -n 8 "$work/said" >&2
    fail "$version does not fit this system: +py311 is for Debian 12, +py313 for Debian 13. Take the other one"
  }
fi
apt install --no-install-recommends --download-only "$package" || {
  tail -n 5 "$work/said" >&2
  fail "what the package needs could not be fetched (apt's words are above); is this computer online?"
}
fetched=$(date +%s)

say "Installing $version"
apt install --no-install-recommends "$package" || {
  tail -n 10 "$work/said" >&2
  fail "it could not be installed (apt's words are above); mend that, then run this again"
}

if [ -n "$token" ]; then
  say "Joining the school"
  set -- --collector "$collector" --token "$token"
  [ -z "$collector" ] && set -- --token "$token"
  [ -z "$room" ] || set -- "$@" --room "$room"
  [ -z "$school" ] || set -- "$@" --school "$school"
  netready-agent enroll "$@" </dev/null ||
    fail "netready-agent is installed, but did not join (the reason is above); run this again with what is right"
fi

say "The first check"
outcome=0
netready-agent check || outcome=$?
ended=$(date +%s)
if [ -d /run/systemd/system ]; then
  systemctl start netready-agent.service || fail "the service does not start: journalctl -u netready-agent says why"
fi
case "$outcome" in
  0 | 1) printf '\nFrom nothing to the first verdict: %s s, and %s s of downloads before.\n' $((ended - fetched)) $((fetched - began)) ;;
  *)
    printf '\nnetready-agent is installed. There is no verdict yet (the reason is above); for another try: netready-agent check\n'
    exit 4 ;;
esac
