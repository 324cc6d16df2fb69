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
RUNNER  := sudo --preserve-env env PATH=$(PATH):/usr/sbin:/sbin
AS_ROOT := $(if $(SUDO),--config 'target."cfg(unix)".runner="$(RUNNER)"')
NS   := $(SUDO) $(if $(NETNS),ip netns exec $(NETNS))
IP   := $(SUDO) ip $(if $(NETNS),-n $(NETNS))

PACKAGES := build-essential clang llvm libelf-dev zlib1g-dev m4 pkg-config iproute2
TEST_PACKAGES := iputils-ping curl python3 tcpdump ethtool procps util-linux tshark python3-scapy
BENCH_PACKAGES := ethtool

# Crates whose tests need neither root nor a network, for `make quick`.
QUICK := addr wire ring stack client ctl middlebox tidy

# What `make one` and `make fuzz` are told: the name (or a part of it), the crate, the seconds.
T ?=
P ?=
S ?= 60

.DEFAULT_GOAL := help
.PHONY: help deps test-deps build check quick one test doc deny loom miri ci bench \
        bench_segment bench_quick fuzz fuzz_check demo sweep parity clean_net netns bridge \
        tap7 tap9 tun3 tun5 veth7 run run_multi run_tun run_tun5 run_xdp

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9_ -]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  NETNS=name  does the network targets in that namespace instead of the host's"

define install
	@command -v dpkg-query >/dev/null || { \
	  echo "not a Debian system: if the build fails, install what it misses of:$(1)"; exit 0; }; \
	installed() { dpkg-query -W -f='$${Status}' $$1 2>/dev/null | grep -q 'ok installed'; }; \
	missing=""; for p in $(1); do installed $$p || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing$$missing"; \
	  [ -z "$(SUDO)" ] || command -v sudo >/dev/null || { \
	    echo "run make as root, or install sudo" >&2; exit 1; }; \
	  $(SUDO) apt-get -qq update && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	    apt-get -qq install -y --no-install-recommends $$missing >/dev/null; fi
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

quick: ## formatting, clippy and the tests without root, of the crates without network
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked -q $(addprefix -p ,$(QUICK)) --all-targets -- -D warnings
	$(CARGO) test --locked -q $(addprefix -p ,$(QUICK)) --lib --bins

one: ## run the tests whose name has T in it: make one T=simultaneous_open [P=stack]
	@[ -n "$(T)" ] || { echo "usage: make one T=name [P=crate]" >&2; exit 2; }
	$(CARGO) test $(AS_ROOT) --locked -q $(if $(P),-p $(P),--workspace) -- --nocapture $(T)

doc: ## the documentation of all crates, warnings as errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

deny: ## licences, banned crates, duplicates and sources, by deny.toml
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check licenses bans sources; \
	else echo "cargo-deny is not installed: tidy reads deny.toml"; $(CARGO) run -q -p tidy -- check; fi

loom: ## every schedule of two threads over the rings, explored by loom
	RUSTFLAGS="--cfg loom" $(CARGO) test --locked --release -p ring --test loom \
	  --target-dir $(BIN:release=loom)

miri: ## the rings under Miri, where a toolchain has it
	@if $(CARGO) +nightly miri --version >/dev/null 2>&1; then \
	  MIRIFLAGS=-Zmiri-disable-isolation $(CARGO) +nightly miri test -p ring --lib; \
	else echo "miri: not run, no toolchain here has it (rustup +nightly component add miri)"; fi

# What cargo-fuzz passes with `-s none`: all fuzzed code is safe, so no sanitizer is needed, and
# nothing but the compiler either.
COVERAGE := --cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 -Clink-dead-code \
            -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
            -Cllvm-args=-sanitizer-coverage-pc-table \
            -Cllvm-args=-sanitizer-coverage-trace-compares

fuzz: ## fuzz target T for S seconds: make fuzz T=tcp S=60
	@[ -f "fuzz/fuzz_targets/$(T).rs" ] || { \
	  echo "usage: make fuzz T=target S=seconds; the targets are" \
	    $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))) >&2; exit 2; }
	@mkdir -p fuzz/corpus/$(T) fuzz/artifacts/$(T)
	RUSTFLAGS="$(COVERAGE)" $(CARGO) run --release --manifest-path fuzz/Cargo.toml \
	  --target "$$(rustc -vV | sed -n 's/host: //p')" --bin $(T) -- \
	  -max_total_time=$(S) -artifact_prefix=fuzz/artifacts/$(T)/ fuzz/corpus/$(T)

fuzz_check: ## whether the fuzz targets, a workspace of their own, still compile
	$(CARGO) check -q --manifest-path fuzz/Cargo.toml --target-dir $(BIN:release=fuzz)

# The closing lines are those of cargo test.
ci: deps doc deny loom miri fuzz_check ## what CI runs: all of the above and the tests
	$(MAKE) bench_quick
	$(MAKE) test

test: test-deps check build ## install what the tests need, run them all (root: network namespaces)
	$(CARGO) test $(AS_ROOT) --locked --workspace --no-fail-fast; status=$$?; \
	$(if $(SUDO),$(SUDO) chown -R "$$(id -u)" "$(BIN:release=tmp)";) exit $$status

bench: deps ## measure ours, the kernel, smoltcp, a bare responder and the device limits in one run
	$(call install,$(BENCH_PACKAGES))
	$(CARGO) build --release --locked -p runtime -p bench
	$(SUDO) $(BIN)/bench $(BENCH_ARGS)

bench_segment: ## what one TCP segment costs in memory, ours beside smoltcp
	$(CARGO) bench --locked -p stack --bench segment

bench_quick: ## the benchmarks in memory, a second each: a look, not a measurement
	$(CARGO) bench --locked -p ring -p wire -p stack --bench '*' -- --quick --noplot

bench_ring: ## what one value costs on its way through a ring, ours beside rtrb and crossbeam-queue
	$(CARGO) bench --locked -p ring --bench hop

demo: build ## the whole tour in a namespace of its own: start, ping, curl, echo, ctl, capture
	$(call install,iputils-ping curl tcpdump python3)
	@$(SUDO) tests/demo.sh $(BIN)

sweep: ## play the sweep over all kinds of paths and renew its table, sim/tests/sweep.snap
	UPDATE_SNAPSHOTS=1 $(CARGO) test --locked -p sim --test sweep

parity: ## rewrite docs/parity.md from docs/parity/*.tsv and the rows that tests cite
	$(CARGO) run -q -p tidy -- parity

# ---- networks -------------------------------------------------------------------------------

netns: deps
	$(if $(NETNS),@[ -e /run/netns/$(NETNS) ] || { \
	  $(SUDO) ip netns add $(NETNS) && $(SUDO) ip -n $(NETNS) link set lo up; })

# br0 and host7 carry the same addresses: whichever is wanted takes them from the other.
leave = for a in 10.0.1.1/24 2001:db8:0:1::1/64; do \
  $(IP) address del $$a dev $(1) 2>/dev/null || true; done

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
$(IP) address replace $(2) dev $(1); $(IP) address replace $(3) dev $(1) nodad; \
$(IP) link set $(1) up
endef

veth7: netns ## a veth pair: host7 with the addresses of br0 for the host, veth7 for the stack
	@$(IP) link show veth7 >/dev/null 2>&1 || \
	  $(IP) link add host7 type veth peer name veth7
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
