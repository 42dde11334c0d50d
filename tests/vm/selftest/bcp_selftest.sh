#!/bin/bash
# bcp_selftest.sh PROGRAM: as root, on a kernel with L2TP. Two namespaces on a veth pair; the program
# runs in both as the daemon does under the unit with its drop-in `bcp`: a user of its own with four
# capabilities, /dev/ppp by its group. Modules are left to the kernel to load.
set -eu
program=$1 user=${LAB_UID:-61701}
work=$(mktemp -d)
peer=
trap 'kill "$peer" 2>/dev/null || true; for n in bta btb; do ip netns del $n 2>/dev/null || true; done; rm -rf "$work"' EXIT
for n in bta btb; do ip netns add $n; ip -n $n link set lo up; done
ip link add va netns bta type veth peer name vb netns btb
ip -n bta addr add 10.0.0.1/24 dev va; ip -n btb addr add 10.0.0.2/24 dev vb
ip -n bta link set va up; ip -n btb link set vb up
[ -e /dev/ppp ] || mknod /dev/ppp c 108 0
chgrp $user /dev/ppp; chmod 0660 /dev/ppp

caps=+net_admin,+net_raw,+net_bind_service
as_daemon() { # NAMESPACE CAPABILITIES COMMAND...
  local ns=$1 caps=$2; shift 2
  ip netns exec "$ns" setpriv --reuid=$user --regid=$user --clear-groups --inh-caps=-all,$caps \
    --ambient-caps=-all,$caps --bounding-set=-all,$caps "$@"
}
# What the unit gives without its drop-in is not enough, and that is said.
as_daemon bta $caps "$program" forbidden
caps=$caps,+bpf
mkfifo "$work/to" "$work/from"; chmod 755 "$work"
as_daemon btb $caps "$program" peer < "$work/to" > "$work/from" &
peer=$!
exec 3> "$work/to" 4< "$work/from"
as_daemon bta $caps "$program"
