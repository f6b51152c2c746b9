#!/usr/bin/env bash
# Install, use, upgrade, remove and purge the agent's .deb on this computer for real: debian_package.sh FILE.deb (as root)
set -euo pipefail
package=$(realpath "$1")
name=netready-agent
say() { printf 'debian package: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }
if dpkg-query --status "$name" >/dev/null 2>&1 || [ -e /var/lib/netready ]; then
  fail "$name or its state is on this computer already; this test would purge it"
fi

dpkg-deb --contents "$package" >/tmp/"$name".contents.$$
for file in ./usr/bin/netready-agent ./usr/lib/systemd/system/netready-agent.service ./etc/netready/agent.toml; do
  grep -q " $file$" /tmp/"$name".contents.$$ || fail "$file is not in the package"
done
! grep -E "site-packages/(collector|tests)/|__pycache__" /tmp/"$name".contents.$$ || fail "this does not belong into the agent's package"
rm /tmp/"$name".contents.$$
if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error "$package"
fi

trap 'dpkg --purge netready-agent >/dev/null 2>&1' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get install --yes --quiet=2 -o Dpkg::Use-Pty=0 "$package"
version=$(dpkg-deb --field "$package" Version)
cd /
netready-agent --version | grep -F "${version%%-*}"
kib=$(du -sk --total /usr/lib/netready-agent /usr/share/doc/netready-agent | tail -n 1 | cut -f 1)
[ "$kib" -le $((60 * 1024)) ] || fail "it takes $((kib / 1024)) MiB on the disk, compiled modules included; 60 are allowed"
say "$((kib / 1024)) MiB on the disk, compiled modules included"
/usr/lib/netready-agent/bin/python3 -I -c '
import importlib, pkgutil, agent
for one in pkgutil.walk_packages(agent.__path__, "agent."):
    if not one.name.startswith(("agent.windows", "agent.__main__")):
        importlib.import_module(one.name)
' || fail "a module of the installed agent lacks something"
[ "$(stat -c '%U:%G %a' /var/lib/netready)" = "netready:netready 750" ] || fail "the state folder is not the service's own"
[ -L /etc/systemd/system/multi-user.target.wants/netready-agent.service ] || fail "the service is not enabled"
if command -v systemd-analyze >/dev/null; then
  systemd-analyze verify /usr/lib/systemd/system/netready-agent.service
fi
netready-agent probe link >/dev/null || fail "probe link failed"
netready-agent status >/dev/null 2>&1 || true  # whatever it says before enrolment
[ -z "$(find /var/lib/netready -user root)" ] || fail "root left files in the state folder"
runuser -u netready -- sh -c 'echo kept > /var/lib/netready/probe-of-the-test'

dpkg --install "$package" >/dev/null
say "installed again over itself"
apt-get remove --yes --quiet=2 -o Dpkg::Use-Pty=0 "$name"
[ ! -e /usr/bin/netready-agent ] || fail "the command is still there after remove"
[ ! -e /usr/lib/netready-agent ] || fail "modules are left after remove: $(find /usr/lib/netready-agent | head -n 3)"
grep -q kept /var/lib/netready/probe-of-the-test || fail "remove took the state with it"
apt-get purge --yes --quiet=2 -o Dpkg::Use-Pty=0 "$name"
if [ -e /var/lib/netready ] || [ -e /etc/netready ]; then fail "purge left something"; fi
! getent passwd netready >/dev/null || fail "purge left the user"
say "installed, used, upgraded, removed and purged: $(basename "$package")"
