#!/usr/bin/env bash
# The whole tour in a network namespace of its own: start, ping, curl, echo, ctl, a few captured
# packets. Usage: tests/demo.sh FOLDER-OF-THE-PROGRAMS. Leaves nothing behind.
set -euo pipefail
bin=$1
ns=pytcp-demo-$$
work=$(mktemp -d)
daemon=

finish() {
  status=$?
  [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null; } || true
  ip netns del "$ns" 2>/dev/null || true
  rm -rf "$work"
  [ "$status" = 0 ] || echo "the tour failed (exit status $status)" >&2
}
trap finish EXIT

bold='' plain=''
[ ! -t 1 ] || { bold=$'\033[1m' plain=$'\033[0m'; }
say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }
inside() { ip netns exec "$ns" "$@"; }
ctl() { "$bin/ctl" --ipc-socket "$work/pytcp.sock" "$@"; }

say "a namespace with a bridge, and tap7 in it; the kernel is 10.0.1.1 and 2001:db8:0:1::1"
ip netns add "$ns"
ip -n "$ns" link set lo up
ip -n "$ns" link add br0 type bridge forward_delay 0
ip -n "$ns" address add 10.0.1.1/24 dev br0
ip -n "$ns" address add 2001:db8:0:1::1/64 dev br0 nodad
ip -n "$ns" link set br0 up
ip -n "$ns" tuntap add tap7 mode tap
ip -n "$ns" link set tap7 master br0 up

say "pytcp-xdp --iface tap7 --address 10.0.1.7/24 --address 2001:db8:0:1::7/64 --demo"
ip netns exec "$ns" "$bin/pytcp-xdp" --iface tap7 --address 10.0.1.7/24 \
  --address 2001:db8:0:1::7/64 --gateway 10.0.1.1 --ipc-socket "$work/pytcp.sock" --demo &
daemon=$!
for _ in $(seq 100); do ctl link >/dev/null 2>&1 && break; sleep 0.05; done
ctl link >/dev/null

say "tcpdump looks on"
ip netns exec "$ns" timeout 20 tcpdump -c 12 -nli br0 'arp or icmp or icmp6 or tcp port 80' \
  >"$work/capture" 2>/dev/null &
capture=$!
sleep 0.5

say "ping 10.0.1.7; ping 2001:db8:0:1::7"
inside ping -n -c 3 -i 0.2 10.0.1.7
inside ping -n -c 3 -i 0.2 2001:db8:0:1::7

say "curl http://10.0.1.7/"
inside curl -sS --max-time 10 http://10.0.1.7/ | grep -o "<h[12]>[^<]*" | sed "s/<[^>]*>/  /"
inside curl -sS --max-time 10 http://10.0.1.7/state.json | head -20

say "TCP and UDP echo on port 7"
inside python3 - <<'PY'
import socket
s = socket.create_connection(("10.0.1.7", 7), 5)
s.sendall(b"hello by TCP"); print(s.recv(100).decode())
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.settimeout(5)
u.sendto(b"hello by UDP over IPv6", ("2001:db8:0:1::7", 7)); print(u.recv(100).decode())
PY

for view in link address route neighbor socket; do
  say "ctl $view"
  ctl "$view"
done

say "ctl address add 10.0.1.8/24 dev tap7, and it answers"
ctl address add 10.0.1.8/24 dev tap7
inside ping -n -c 1 10.0.1.8

say "what tcpdump saw"
wait "$capture" || true
cat "$work/capture"

say "the end: SIGINT ends the daemon cleanly"
kill -INT "$daemon"
wait "$daemon"
daemon=
