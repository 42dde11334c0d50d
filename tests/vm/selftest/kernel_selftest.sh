#!/bin/bash
# kernel_selftest.sh PROGRAM [SESSIONS]: as root, on a kernel with L2TP. Two namespaces on a veth
# pair; the program runs in both as the daemon does: a user of its own with three capabilities,
# /dev/ppp by its group. Modules are left to the kernel to load.
set -eu
program=$1 count=${2:-200} user=${LAB_UID:-61701}  # the scenarios beside it give /dev/ppp to the same group
work=$(mktemp -d)
trap 'kill "$peer" 2>/dev/null || true; ip netns del kta 2>/dev/null || true; ip netns del ktb 2>/dev/null || true; rm -rf "$work"' EXIT
peer=
ip netns add kta; ip netns add ktb
ip link add va netns kta type veth peer name vb netns ktb
ip -n kta addr add 10.0.0.1/24 dev va; ip -n ktb addr add 10.0.0.2/24 dev vb
ip -n kta addr add fd00::1/64 dev va nodad; ip -n ktb addr add fd00::2/64 dev vb nodad
for ns in kta ktb; do ip -n $ns link set lo up; done
# Were a PPP link given an address by itself, it would be with this.
ip netns exec kta sysctl -qw net.ipv6.conf.default.addr_gen_mode=3
ip -n kta link set va up; ip -n ktb link set vb up
[ -e /dev/ppp ] || mknod /dev/ppp c 108 0
chgrp $user /dev/ppp; chmod 0660 /dev/ppp

ulimit -n 65536  # three descriptors for each session
caps=+net_admin,+net_raw,+net_bind_service
as_daemon() { # NAMESPACE COMMAND...
  local ns=$1; shift
  ip netns exec "$ns" setpriv --reuid=$user --regid=$user --clear-groups --inh-caps=-all,$caps \
    --ambient-caps=-all,$caps --bounding-set=-all,$caps "$@"
}
mkfifo "$work/to" "$work/from"; chmod 755 "$work"
as_daemon ktb "$program" peer < "$work/to" > "$work/from" &
peer=$!
exec 3> "$work/to" 4< "$work/from"
as_daemon kta "$program" "$count"
