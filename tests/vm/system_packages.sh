#!/bin/bash
# The Debian packages on a machine with systemd (tests/vm/system-vm): installed, used, upgraded, removed and
# purged, with nothing left behind. What "left behind" means is a comparison: all files, users,
# diversions, links, firewall tables and profiles of AppArmor before and after.
#
#   system_packages.sh DIRECTORY-OF-DEBS
set -euo pipefail
debs=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
say() { printf '== %s (%d s)\n' "$*" "$SECONDS"; }
fail() { echo "FAILED: $*"; exit 1; }
export DEBIAN_FRONTEND=noninteractive

modules=$(awk '{print $1}' /proc/modules)
case $modules in *l2tp*) fail "l2tp modules are loaded before anything asked for them";; esac

state() { # FILE: what a purge has to bring back
  {
    # Not what is mounted, what the machine itself writes all the time, what other packages cache; and
    # not the thousands of files of Perl and the time zones; nor an empty directory that dh_apparmor clears.
    find / -xdev \( -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /var/cache -o \
      -path /tmp -o -path /var/tmp -o -path /root -o -path /host -o -path '/usr/lib/python3*' -o \
      -path '/usr/share/perl*' -o -path /usr/share/zoneinfo -o -path /etc/apparmor.d/disable -o \
      -regex '/etc/\(passwd\|group\|shadow\|gshadow\)-' \) -prune -o -printf '%y %m %u:%g %p\n'
    dpkg-divert --list
    getent passwd; getent group
    ip -o link | awk '{print "link", $2}'
    nft list tables
    stat -c '%A %U:%G %n' /dev/ppp
    journalctl --list-catalog 2>/dev/null | grep -i l2tp || true
    cat /sys/kernel/security/apparmor/profiles 2>/dev/null | grep l2tp || true
  } | LC_ALL=C sort > "$1"
}

# What dpkg itself writes comes and goes with any package: /usr/share/doc is left out of this root.
install() { dpkg -i "$@" > /tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; fail "dpkg -i $*"; }; }

# The stock plugin's description, which the compat package replaces.
dpkg --force-depends -i /opt/debs/network-manager-l2tp_*.deb > /dev/null 2>&1 || true
stock=/usr/lib/NetworkManager/VPN/nm-l2tp-service.name
[ -e "$stock" ] || fail "no stock plugin here"
sum_of_stock=$(sha256sum < "$stock")
state /tmp/before

say "installing an older version"
install "$debs"/old/*.deb
[ "$(dpkg-query -W -f '${Version}' l2tp-manager)" = 0.0.1-1 ] || fail "not the older version"
systemctl is-active -q l2tp-manager || fail "the daemon does not run after its installation"
[ "$(sha256sum < $stock.stock)" = "$sum_of_stock" ] || fail "the stock plugin's description was not diverted"
grep -q nm-l2tp-manager-service "$stock" || fail "the compat description is not ours"

say "the daemon at work"
"$here/system_daemon.py"

say "upgrading under a tunnel's profile"
systemctl start l2tp-manager
before=$(systemctl show --value -p MainPID l2tp-manager)
content=$(sha256sum /etc/l2tp-manager/profiles.d/work.json)
install "$debs"/*.deb
[ "$(dpkg-query -W -f '${Version}' l2tp-manager)" != 0.0.1-1 ] || fail "not upgraded"
systemctl is-active -q l2tp-manager || fail "the daemon does not run after the upgrade"
[ "$(systemctl show --value -p MainPID l2tp-manager)" != "$before" ] || fail "the old daemon still runs"
[ "$(sha256sum /etc/l2tp-manager/profiles.d/work.json)" = "$content" ] || fail "the profile has changed"
[ "$(sha256sum < $stock.stock)" = "$sum_of_stock" ] || fail "the diversion did not survive the upgrade"

say "removing"
dpkg -r network-manager-l2tp-manager-compat network-manager-l2tp-manager l2tp-manager > /dev/null
[ "$(sha256sum < $stock)" = "$sum_of_stock" ] || fail "the stock plugin's description is not back"
[ -e /etc/l2tp-manager/profiles.d/work.json ] || fail "removing took the configuration"
! pgrep -x l2tp-manager > /dev/null || fail "a removed daemon runs"
[ "$(stat -c '%U:%G %a' /dev/ppp)" = "root:root 600" ] || fail "/dev/ppp: $(stat -c '%U:%G %a' /dev/ppp)"
say "installing again after a removal, then purging"
install "$debs"/*.deb
systemctl is-active -q l2tp-manager || fail "the daemon does not run after it was installed again"
dpkg -P network-manager-l2tp-manager-compat network-manager-l2tp-manager l2tp-manager > /dev/null
# What system_daemon.py made itself.
rm -rf /etc/l2tp-lns /var/lib/l2tp-lns /run/systemd/system/lns.service* /run/systemd/system/l2tp-manager.service.d
systemctl daemon-reload
[ "$(sha256sum < $stock)" = "$sum_of_stock" ] || fail "the stock plugin's description is not back"
state /tmp/after
diff /tmp/before /tmp/after || fail "left behind (>) or taken along (<)"
say "nothing is left behind"
