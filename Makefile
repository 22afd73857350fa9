# `make help` lists what can be done. Everything that is made lies in .build; `make clean` stops and removes it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# What the documented topologies are built on: namespaces of a throw-away kernel, unless LAB says otherwise.
TOPOLOGY_LAB := $(or $(LAB),local)
LAB ?= qemu
N ?= 3
ARGS ?=
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

BUILD := $(CURDIR)/.build
VENV := $(BUILD)/venv
BIN := $(VENV)/bin
COLLECTION := $(BUILD)/collections/ansible_collections/linuxnet/vnet
STEP := tools/step

# The oldest supported releases beside the newest; `newest` is what the ranges in requirements-dev.txt allow.
PYROUTE2 := 0.7.2 newest
ANSIBLE := 2.17 newest

export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export MOLECULE_EPHEMERAL_DIRECTORY := $(BUILD)/molecule
export PATH := $(BIN):$(PATH)
ifndef MAKE_TERMOUT  # not a terminal: logs without escape sequences
export NO_COLOR := 1
export PY_COLORS := 0
export ANSIBLE_NOCOLOR := 1
endif

.PHONY: help
help: ## this list
	@echo 'make TARGET [ARGS=...], where TARGET is one of'
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r name text; do printf '  %-13s %s\n' "$$name" "$$text"; done

# ---- tools

.PHONY: venv
venv: $(VENV)/.ready $(COLLECTION) ## Ansible and the tools of the tests, in .build/venv

$(VENV)/.ready: requirements.txt requirements-dev.txt
	@$(STEP) 'tools into .build/venv' tools/venv $(VENV) "$$(tools/python 10 14 python3 python3-venv)" -r requirements-dev.txt
	@touch $@

$(COLLECTION):
	@mkdir -p $(@D) && ln -sfn ../../../.. $@

$(BUILD)/venv-2.17/.ready: requirements.txt
	@$(STEP) 'ansible-core 2.17 into .build/venv-2.17' tools/venv $(@D) "$$(tools/python 10 12 || tools/python 13 14)" 'ansible-core==2.17.*' -r requirements.txt
	@touch $@

# The tools that the unit tests need, for the oldest Python of managed hosts.
$(BUILD)/venv-3.9/.ready:
	@$(STEP) 'pytest for Python 3.9 into .build/venv-3.9' tools/venv $(@D) "$$(tools/python 9 9)" ansible-core hypothesis pytest pyyaml
	@touch $@

PYROUTE2_READY := $(PYROUTE2:%=$(BUILD)/pyroute2/%/.ready)
$(PYROUTE2_READY): $(BUILD)/pyroute2/%/.ready: | $(VENV)/.ready
	@$(STEP) 'pyroute2 $* into .build/pyroute2/$*' $(BIN)/pip --disable-pip-version-check -qq install --upgrade --target $(@D) pyroute2$(patsubst ==newest,,==$*)
	@touch $@

# ---- the laboratory

# The tenants' addresses end in the number of their machine (examples/lab). Told before anything is made, the tools too.
ifneq ($(filter site,$(MAKECMDGOALS)),)
ifneq ($(words $(N)) $(filter $(shell seq 250),$(N)),1 $(strip $(N)))
$(error N is "$(N)" and has to be a whole number from 1 to 250)
endif
endif

.PHONY: site
site: export ANSIBLE_LOG_PATH = $(BUILD)/log/site.log
site: venv ## boot N=3 machines, 1 to 250 (LAB=qemu, or LAB=local for namespaces of this kernel), build the site on them, prove it
	@mkdir -p $(BUILD)/log && rm -f $(BUILD)/site.md $(BUILD)/site.svg
	@$(STEP) '$(N) machines, LAB=$(LAB)' ansible-playbook playbooks/lab.yml -e lab_state=started -e lab_backend=$(LAB) -e lab_machines=$(N)
	@$(STEP) 'the site, built and proven' ansible-playbook -i $(BUILD)/lab/site/inventory.yml -i examples/lab/inventory.yml playbooks/site.yml \
	  -e verify_report=$(BUILD)/site.md -e verify_drawing=$(BUILD)/site.svg -e verify_logs=$(BUILD)/lab/site/logs $(ARGS) \
	  || { echo 'Logs: Ansible $(ANSIBLE_LOG_PATH), machines $(BUILD)/lab/site/logs'; exit 1; }
	@if [ -e $(BUILD)/site.md ]; then echo 'Proven: $(BUILD)/site.md. Drawn: $(BUILD)/site.svg.'; else echo 'Nothing was to be proven by this run.'; fi; \
	echo 'Logs: Ansible $(ANSIBLE_LOG_PATH), machines $(BUILD)/lab/site/logs'

# ---- topologies

.PHONY: topology topologies
topology: venv topology-tools ## one documented topology, ID=..., built, proven, drawn, taken down (LAB=local unless given; ARGS=--write for its page)
	@$(BIN)/python -u tools/topologies --lab $(TOPOLOGY_LAB) $(ARGS) $(ID)
topologies: venv topology-tools ## all documented topologies, and some broken on purpose
	@$(STEP) 'topologies: pages' $(BIN)/python -u tools/topologies --lint
	@$(STEP) 'topologies: built, proven, taken down' $(BIN)/python -u tools/topologies --lab $(TOPOLOGY_LAB) $(TOPOLOGY_JOBS) $(ARGS)
	@$(STEP) 'topologies: broken on purpose' $(BIN)/python -u tools/topologies --lab $(TOPOLOGY_LAB) --broken $(TOPOLOGY_JOBS)
.PHONY: topology-tools
topology-tools: $(if $(filter local,$(TOPOLOGY_LAB)),kernel kernel-vm)

# ---- tests

# Two tiers at a time, in the order of the list, since nothing of what is there by then is waited for; each prints what it has to say when it ends, the
# lines of tools/step come at once.
TOOLS := venv kernel kernel-vm topology-tools
.PHONY: test tiers ledger
test: venv kernel-vm $(PYROUTE2_READY) ## all of the following
	@rm -rf $(BUILD)/differential
	@exec 9>&1; STEP_LIVE=9 $(MAKE) -k -j2 -Otarget $(TOOLS:%=-o %) tiers LEDGERS=$(BUILD)/differential TOPOLOGY_JOBS='--jobs 1'
	@$(MAKE) ledger
	@echo && echo 'All tests passed.'
# The longest first, and those that boot machines not beside each other.
tiers: differential-newest topologies lint sanity $(PYROUTE2:%=unit-%) unit-python39 native differential-0.7.2 $(ANSIBLE:%=versions-%) $(PYROUTE2:%=differential-vm-%) scenario

.PHONY: lint
lint: venv ## yamllint, ansible-lint, changelog fragments, generated files up to date
	@$(STEP) 'lint: generated files' $(BIN)/python -u tools/generate.py --lint
	@$(STEP) 'lint: yamllint' yamllint --strict .
	@$(STEP) 'lint: changelog fragments' antsibull-changelog lint
	@$(STEP) 'lint: ansible-lint, profile production' ansible-lint --offline $(ARGS)

.PHONY: sanity
sanity: venv ## ansible-test sanity: documentation against arguments, imports, compilation, pylint
	@$(STEP) 'sanity: ansible-test' $(BIN)/python -u tools/sanity $(ARGS)

.PHONY: unit $(PYROUTE2:%=unit-%) unit-python39
unit: $(PYROUTE2:%=unit-%) unit-python39 ## what needs no root and no other kernel, with the oldest and newest pyroute2 and Python
$(PYROUTE2:%=unit-%): unit-%: venv $(BUILD)/pyroute2/%/.ready
	@$(STEP) 'unit: pyroute2 $*' env PYTHONPATH=$(BUILD)/pyroute2/$* $(BIN)/python -m pytest $(if $(findstring tests/,$(ARGS)),,tests/unit) $(ARGS)
unit-python39: $(PYROUTE2_READY)
	@if ! tools/python 9 9 >/dev/null; then printf '\n==> unit: not covered, there is no Python 3.9 on this machine\n'; exit; fi; \
	$(MAKE) $(BUILD)/venv-3.9/.ready; \
	$(STEP) 'unit: Python 3.9, pyroute2 $(firstword $(PYROUTE2))' \
	  env PYTHONPATH=$(BUILD)/pyroute2/$(firstword $(PYROUTE2)) $(BUILD)/venv-3.9/bin/python -m pytest $(if $(findstring tests/,$(ARGS)),,tests/unit) $(ARGS)

.PHONY: native
native: venv ## probes and captures with real packets, in namespaces of the running kernel (root)
	@tools/need ip=iproute2 nft=nftables $(if $(SUDO),sudo=sudo)
	@$(STEP) 'native: packets in namespaces of this kernel' $(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m pytest -p no:cacheprovider $(if $(findstring tests/,$(ARGS)),,tests/native) $(ARGS)

.PHONY: differential $(PYROUTE2:%=differential-%) differential-vm $(PYROUTE2:%=differential-vm-%) kernel kernel-vm
differential: venv ## the modules against iproute2 on kernels with all drivers, with the oldest and newest pyroute2
	@rm -rf $(BUILD)/differential
	@$(MAKE) $(PYROUTE2:%=differential-%) $(PYROUTE2:%=differential-vm-%) LEDGERS=$(BUILD)/differential
	@$(MAKE) ledger
ledger:
	@$(STEP) 'differential: each test ran on some kernel' $(BIN)/python tests/differential/kernels.py $(PYROUTE2:%=$(BUILD)/differential/%)
differential-vm: $(PYROUTE2:%=differential-vm-%) ## of these, the tests that only the newer kernel has the drivers for
# With an older pyroute2 only what comes from its message classes can differ: the rest runs with the newest alone.
CODEC := device entries everything kinds link link_options macsec newer requests rules tunnels wireguard
tests = $(if $(findstring tests/,$(ARGS)),,$(if $(filter newest,$(1)),tests/differential,$(CODEC:%=tests/differential/test_%.py)))
# For the last step of `differential` each run writes down what it ran: arguments of kernel-run, $(call keep,PYROUTE2), and of pytest.
keep = $(if $(LEDGERS),--keep $(LEDGERS)/$(1))
ledger = $(if $(LEDGERS),--ledger $(LEDGERS)/$(1)/$(2).json)
$(PYROUTE2:%=differential-%): differential-%: venv kernel $(BUILD)/pyroute2/%/.ready
	@$(STEP) 'differential: pyroute2 $*' env PYTHONPATH=$(BUILD)/pyroute2/$* \
	  tools/kernel-run --timeout 2400 $(call keep,$*) -- $(BIN)/python -m pytest $(call tests,$*) $(call ledger,$*,uml) $(ARGS)
$(PYROUTE2:%=differential-vm-%): differential-vm-%: venv kernel-vm $(BUILD)/pyroute2/%/.ready
	@$(STEP) 'differential: newer kernel, pyroute2 $*' env PYTHONPATH=$(BUILD)/pyroute2/$* \
	  tools/kernel-run --kernel vm --timeout 2400 $(call keep,$*) -- $(BIN)/python -m pytest $(call tests,$*) -m kernel $(call ledger,$*,vm) $(ARGS)
kernel:
	@tools/need teamd=libteam-utils ethtool=ethtool linux.uml=user-mode-linux ip=iproute2 modprobe=kmod mount=mount

kernel-vm: kernel
	@tools/need qemu-system-x86_64=qemu-system-x86 gcc=gcc make=make xz=xz-utils wg=wireguard-tools
	@$(STEP) 'newer kernel into .build/kernels' tools/kernel-vm $(BUILD)/kernels/vm

.PHONY: versions $(ANSIBLE:%=versions-%)
versions: $(ANSIBLE:%=versions-%) ## a playbook under ansible-core 2.17 and the newest
$(ANSIBLE:%=versions-%): versions-%: venv kernel
	@$(MAKE) $(BUILD)/venv$(patsubst -newest,,-$*)/.ready
	@$(STEP) 'versions: ansible-core $*' tools/kernel-run --timeout 900 -- $(BUILD)/venv$(patsubst -newest,,-$*)/bin/ansible-playbook tests/versions/playbook.yml $(ARGS)

.PHONY: scenario
scenario: venv ## molecule: three machines, converge, idempotence, verify, destroy
	@$(STEP) 'scenario: molecule' molecule test $(ARGS)

# ---- speed

# Another tool of this field, to measure against: where it cannot be had, it is left out.
$(BUILD)/ifstate:
	@$(STEP) 'ifstate into .build/ifstate' tools/venv $@ python3 ifstate || rm -rf $@

.PHONY: bench
bench: venv kernel $(BUILD)/ifstate ## what the engine and whole tasks cost beside iproute2, pyroute2 and Ansible itself (root; 15 minutes, on a machine with nothing else to do; ARGS=--quick: 2)
	@tools/need ip=iproute2 $(if $(SUDO),sudo=sudo)
	@$(SUDO) env PATH="$$PATH" PYTHONDONTWRITEBYTECODE=1 $(BIN)/python tools/bench $(ARGS)

# ---- end

.PHONY: clean
clean: ## stop the machines and remove everything that was made
	@kept=; for lab in $(BUILD)/lab/*/lab.json; do \
	  [ -e "$$lab" ] || continue; \
	  name=$$(basename "$$(dirname "$$lab")"); \
	  $(STEP) "lab $$name: stop" ansible-playbook playbooks/lab.yml -e lab_state=absent -e lab_name=$$name || kept+=" $$name"; \
	done; \
	[ -z "$$kept" ] || { echo "Nothing is removed, since a lab could not be stopped:$$kept. Mend what is said above (tools that are missing: make venv)," \
	  "then make clean again."; exit 1; }
	rm -rf $(BUILD) .ansible .cache .hypothesis .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
