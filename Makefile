# `make help` lists what can be done. Everything that is made lies in .build; `make clean` removes it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

LAB ?= auto
N ?= 3

BUILD := $(CURDIR)/.build
VENV := $(BUILD)/venv
BIN := $(VENV)/bin
COLLECTION := $(BUILD)/collections/ansible_collections/linuxnet/vnet
STEP := tools/step

export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PATH := $(BIN):$(PATH)
export PYTHONUNBUFFERED := 1

.PHONY: help
help: ## this list
	@echo 'make TARGET, where TARGET is one of'
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  %-14s %s\n' "$$name" "$$text"; done

.PHONY: venv
venv: $(VENV)/.ready $(COLLECTION) ## Ansible and the tools, in .build/venv

$(VENV)/.ready: requirements.txt requirements-dev.txt
	@$(STEP) 'Ansible and tools into .build/venv' tools/venv $(VENV) "$$(tools/python 10 14)" -r requirements-dev.txt
	@touch $@

$(COLLECTION):
	@mkdir -p $(@D) && ln -sfn ../../../.. $@
