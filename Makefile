# The one entry point for people and for CI. `make` alone lists the targets.
#
# NETNS=name runs every network target inside that network namespace (made when missing) and leaves
# the host's own network alone.

NETNS     ?=
CARGO     ?= cargo
BIN       := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/release
DEMO_ADDR := --address 10.0.1.7/24 --address 2001:db8:0:1::7/64

# Whoever is not root builds as themselves and uses sudo for what needs root: installing packages,
# devices, the programs, and the tests (through cargo's runner, so that nothing is built as root).
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
AS_ROOT := $(if $(SUDO),--config 'target."cfg(unix)".runner="sudo --preserve-env env PATH=$(PATH):/usr/sbin:/sbin"')
NS   := $(SUDO) $(if $(NETNS),ip netns exec $(NETNS))
IP   := $(SUDO) ip $(if $(NETNS),-n $(NETNS))

PACKAGES := build-essential clang llvm libelf-dev zlib1g-dev m4 pkg-config iproute2
TEST_PACKAGES := iputils-ping curl python3 tcpdump ethtool procps util-linux tshark python3-scapy
BENCH_PACKAGES := ethtool

.DEFAULT_GOAL := help
.PHONY: help deps test-deps build check test bench bench_segment demo sweep parity clean_net netns bridge tap7 tap9 tun3 tun5 \
        veth7 run run_multi run_tun run_tun5 run_xdp

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9_ -]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  NETNS=name  does the network targets in that namespace instead of the host's"

define install
	@command -v dpkg-query >/dev/null || { echo "not a Debian system: if the build fails, install what it misses of:$(1)"; exit 0; }; \
	missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing$$missing"; \
	  [ -z "$(SUDO)" ] || command -v sudo >/dev/null || { echo "run make as root, or install sudo" >&2; exit 1; }; \
	  $(SUDO) apt-get -qq update && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing >/dev/null; fi
endef

deps:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing: see https://rustup.rs" >&2; exit 1; }
	$(call install,$(PACKAGES))

test-deps: deps
	$(call install,$(TEST_PACKAGES))

build: deps ## build pytcp-xdp, ctl and sim in release mode
	$(CARGO) build --release --locked -p runtime -p ctl -p sim

check: deps ## formatting and clippy, warnings as errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

test: test-deps check build ## install what the tests need and run them all (root: they make network namespaces)
	$(CARGO) test $(AS_ROOT) --locked --workspace --no-fail-fast; status=$$?; \
	$(if $(SUDO),$(SUDO) chown -R "$$(id -u)" "$(BIN:release=tmp)";) exit $$status

bench: deps ## measure ours, the kernel, smoltcp, a bare responder and the device limits in one run
	$(call install,$(BENCH_PACKAGES))
	$(CARGO) build --release --locked -p runtime -p bench
	$(SUDO) $(BIN)/bench $(BENCH_ARGS)

bench_segment: ## what one TCP segment costs in memory, ours beside smoltcp
	$(CARGO) bench --locked -p stack --bench segment

demo: build ## the whole tour in a namespace of its own: start, ping, curl, echo, ctl, capture
	$(call install,iputils-ping curl tcpdump python3)
	@$(SUDO) tests/demo.sh $(BIN)

sweep: ## play the sweep over all kinds of paths and renew its table, sim/tests/sweep.snap
	UPDATE_SNAPSHOTS=1 $(CARGO) test --locked -p sim --test sweep

parity: ## rewrite docs/parity.md from docs/parity/*.tsv and the rows that tests cite
	$(CARGO) run -q -p tidy -- parity

# ---- networks -------------------------------------------------------------------------------

netns: deps
	$(if $(NETNS),@[ -e /run/netns/$(NETNS) ] || { $(SUDO) ip netns add $(NETNS) && $(SUDO) ip -n $(NETNS) link set lo up; })

# br0 and host7 carry the same addresses: whichever is wanted takes them from the other.
leave = for a in 10.0.1.1/24 2001:db8:0:1::1/64; do $(IP) address del $$a dev $(1) 2>/dev/null || true; done

bridge: netns ## bridge br0 with 10.0.1.1/24 and 2001:db8:0:1::1/64
	@$(IP) link show br0 >/dev/null 2>&1 || $(IP) link add br0 type bridge forward_delay 0
	@$(call leave,host7)
	@$(IP) address replace 10.0.1.1/24 dev br0
	@$(IP) address replace 2001:db8:0:1::1/64 dev br0 nodad
	@$(IP) link set br0 up

tap7 tap9: bridge ## a TAP device in br0
	@$(IP) link show $@ >/dev/null 2>&1 || $(IP) tuntap add $@ mode tap
	@$(IP) link set $@ master br0 up

tun3: netns ## a TUN device, our side 172.16.1.1/24 and 2001:db8:1::1/64
	@$(call tun,tun3,172.16.1.1/24,2001:db8:1::1/64)

tun5: netns ## a TUN device, our side 172.16.2.1/24 and 2001:db8:2::1/64
	@$(call tun,tun5,172.16.2.1/24,2001:db8:2::1/64)

define tun
$(IP) link show $(1) >/dev/null 2>&1 || $(IP) tuntap add $(1) mode tun; \
$(IP) address replace $(2) dev $(1); $(IP) address replace $(3) dev $(1) nodad; $(IP) link set $(1) up
endef

veth7: netns ## a veth pair: host7 with 10.0.1.1/24 and 2001:db8:0:1::1/64 for the host, veth7 for the stack
	@$(IP) link show veth7 >/dev/null 2>&1 || $(IP) link add host7 type veth peer name veth7
	@$(call leave,br0)
	@$(IP) address replace 10.0.1.1/24 dev host7
	@$(IP) address replace 2001:db8:0:1::1/64 dev host7 nodad
	@$(IP) link set host7 up; $(IP) link set veth7 up

# ---- running --------------------------------------------------------------------------------

run: build tap7 ## pytcp-xdp on tap7 in br0 as 10.0.1.7 and 2001:db8:0:1::7 with the demo services
	@exec $(NS) $(BIN)/pytcp-xdp --iface tap7 $(DEMO_ADDR) --gateway 10.0.1.1 --demo

run_multi: build tap7 tap9 ## the same on tap7 and tap9 at once
	@exec $(NS) $(BIN)/pytcp-xdp --iface tap7 $(DEMO_ADDR) \
	  --iface tap9 --address 10.0.1.9/24 --address 2001:db8:0:1::9/64 --demo

run_tun: build tun3 ## on tun3 as 172.16.1.2 and 2001:db8:1::2
	@exec $(NS) $(BIN)/pytcp-xdp --iface tun3 --address 172.16.1.2/24 --address 2001:db8:1::2/64 --demo

run_tun5: build tun5 ## on tun5 as 172.16.2.2 and 2001:db8:2::2
	@exec $(NS) $(BIN)/pytcp-xdp --iface tun5 --address 172.16.2.2/24 --address 2001:db8:2::2/64 --demo

run_xdp: build veth7 ## over AF_XDP on veth7 as 10.0.1.7 and 2001:db8:0:1::7
	@exec $(NS) $(BIN)/pytcp-xdp --iface veth7 --backend xdp $(DEMO_ADDR) --gateway 10.0.1.1 --demo

clean_net: ## remove the devices of these targets (with NETNS the namespace itself)
	@$(if $(NETNS),$(SUDO) ip netns del $(NETNS) 2>/dev/null || true,$(clean))

# A bridge with other ports is not only ours.
define clean
for d in tap7 tap9 tun3 tun5 host7; do $(SUDO) ip link del $$d 2>/dev/null || true; done; \
[ -n "$$(ip link show master br0 2>&1)" ] || $(SUDO) ip link del br0
endef
