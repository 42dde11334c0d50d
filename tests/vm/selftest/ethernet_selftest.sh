#!/bin/bash
# ethernet_selftest.sh PROGRAM [SESSIONS]: as root, on a kernel with L2TP. The program runs in
# namespace eta as the daemon does: a user of its own with three capabilities. In etb a shell does
# what it is told, with iproute2's `ip l2tp`; etc is for interfaces that move; eta has VRF blue.
set -eu
program=$1 count=${2:-200} user=${LAB_UID:-61701}
work=$(mktemp -d)
peer=
trap 'kill "$peer" 2>/dev/null || true; for n in eta etb etc; do ip netns del $n 2>/dev/null || true; done; rm -rf "$work"' EXIT
for n in eta etb etc; do ip netns add $n; ip -n $n link set lo up; done
ip link add va netns eta type veth peer name vb netns etb
ip -n eta addr add 10.0.0.1/24 dev va; ip -n etb addr add 10.0.0.2/24 dev vb
ip -n eta addr add fd00::1/64 dev va nodad; ip -n etb addr add fd00::2/64 dev vb nodad
ip -n eta link set va up; ip -n etb link set vb up
ip -n eta link add blue type vrf table 77; ip -n eta link set blue up
[ -e /dev/ppp ] || mknod /dev/ppp c 108 0
chgrp $user /dev/ppp; chmod 0660 /dev/ppp

mkfifo "$work/to" "$work/from"; chmod 755 "$work"
ip netns exec etb bash -c 'while IFS= read -r line; do
  if eval "$line" >"$0/out" 2>&1; then echo ok; else echo "no: $line: $(tr "\n" " " <"$0/out")"; fi
done' "$work" < "$work/to" > "$work/from" &
peer=$!
exec 3> "$work/to" 4< "$work/from"
caps=+net_admin,+net_raw,+net_bind_service
ip netns exec eta setpriv --reuid=$user --regid=$user --clear-groups --inh-caps=-all,$caps \
  --ambient-caps=-all,$caps --bounding-set=-all,$caps "$program" "$count"
