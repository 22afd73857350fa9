# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab computes: inventory, archives, module order, wiring, the switch, and which processes are its own."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys

import pytest

import common
import image
import lab
import local
import machine
import switch


@pytest.fixture(name="config")
def a_config(tmp_path):
    return {
        "name": "unit", "folder": str(tmp_path / "unit"), "cache": str(tmp_path / "cache"), "backend": "qemu", "machines": 2, "memory": 384, "cpus": 2,
        "nics": [{"name": "eth1", "segment": "fabric"}, {"name": "eth2", "segment": "other"}], "suite": "bookworm", "mirror": "",
        "kernel": "linux-image-cloud-amd64", "packages": [], "accelerator": "tcg", "warm_start": True, "internet": False,
        "underlay": "10.0.0.0/24", "cipher": "aes128-ctr",
    }


# -- inventory

def test_inventory_of_emulated_machines(config):
    document = lab.inventory(config, {"node1": {"ansible_host": "127.0.0.1", "ansible_port": 2201},
                             "node2": {"ansible_host": "127.0.0.1", "ansible_port": 2202}})
    hosts = document["fabric"]["hosts"]
    assert hosts["node2"] == {"ansible_host": "127.0.0.1", "ansible_port": 2202, "underlay_address": "10.0.0.2/24", "node_number": 2}
    arguments = shlex.split(document["fabric"]["vars"]["ansible_ssh_args"])
    assert f'UserKnownHostsFile="{config["folder"]}/known_hosts"' in arguments
    assert "StrictHostKeyChecking=yes" in arguments


def test_inventory_of_local_machines_enters_their_namespaces(config):
    config["backend"] = "local"
    common_vars = lab.inventory(config, {"node1": {"ansible_netns": "pid:7"}})["fabric"]["vars"]
    assert common_vars["ansible_become_method"] == "linuxnet.vnet.netns"
    assert common_vars["ansible_connection"] == "local"
    assert "ansible_user" not in common_vars


# -- what is checked before anything is started

@pytest.mark.parametrize("backend", ["qemu", "local"])
@pytest.mark.parametrize(("asked", "refused"), [
    ({"machines": 300, "underlay": "10.0.0.0/24"}, r"10\.0\.0\.0/24 is too small for 300 machines; take a shorter prefix or fewer machines\."),
    ({"machines": 3, "underlay": "10.0.0.0/30"}, "too small for 3 machines"),
    ({"machines": 0}, r"lab_machines is 0; take at least 1\."),
    ({"machines": -1}, "lab_machines is -1"),
    ({"underlay": "10.0.0.1/24"}, "lab_underlay is no network .*host bits"),
    ({"underlay": "blue"}, "lab_underlay is no network"),
    ({"nics": [{"name": "eth1", "segment": "a"}, {"name": "eth1", "segment": "b"}]}, "lab_nics has eth1 more than once"),
])
def test_what_cannot_be_is_refused_before_anything_is_started(config, backend, asked, refused):
    with pytest.raises(common.LabError, match=refused):
        lab.check({**config, "backend": backend, **asked})


@pytest.mark.parametrize("machines", [1, 250, 254])
def test_what_can_be_passes(config, machines, tmp_path):
    config["machines"] = machines
    assert lab.check(config)[0] is False
    assert len(lab.inventory(config, {f"node{number}": {} for number in range(1, machines + 1)})["fabric"]["hosts"]) == machines
    assert not list(tmp_path.iterdir())


# -- where they are


def test_control_path_fits_a_socket():
    assert str(lab.control_folder("/srv/lab")) == "/srv/lab/ssh"
    deep = lab.control_folder("/srv/" + "deep/" * 30 + "lab")
    assert len(str(deep)) < 60
    assert deep != lab.control_folder("/srv/" + "deep/" * 31 + "lab")


@pytest.mark.parametrize("where", [("node3", "eth1"), ("node1", "eth9")])
def test_cable_that_is_not_there(config, where):
    with pytest.raises(common.LabError, match="machines are node1, node2, their cards eth1, eth2"):
        lab.cable(config, *where, "down")


# -- images

def test_modules_load_after_what_they_need():
    dep = "a/net.ko: b/failover.ko a/ring.ko\nb/failover.ko: b/base.ko\nb/base.ko:\na/ring.ko:\na/unused.ko:\nc/two-words.ko.xz: a/ring.ko\n"
    order = image.module_order(dep, ["net", "built_in", "two_words"])
    assert order == ["b/base.ko", "b/failover.ko", "a/ring.ko", "a/net.ko", "c/two-words.ko.xz"]


def test_cpio_archive_is_read_back(tmp_path):
    """By the format's own rules: header of 110 characters, name and content padded to four bytes."""
    entries = [("dev", 0o040755, b""), ("init", 0o100755, b"#!/bin/sh\n"), ("bin/x", 0o100644, bytes(range(7)))]
    data, position, found = image.cpio(entries), 0, []
    while True:
        assert data[position:position + 6] == b"070701"
        fields = [int(data[position + 6 + 8 * n:position + 14 + 8 * n], 16) for n in range(13)]
        name = data[position + 110:position + 110 + fields[11] - 1].decode()
        start = -(-(position + 110 + fields[11]) // 4) * 4
        if name == "TRAILER!!!":
            break
        found.append((name, fields[1], data[start:start + fields[6]]))
        position = -(-(start + fields[6]) // 4) * 4
    assert found == entries


def test_images_are_made_anew_when_what_they_hold_changes(config):
    before = image.root_folder("/c", config), image.kernel_folder("/c", config)
    config["packages"] = ["frr"]
    assert image.root_folder("/c", config) != before[0]
    assert image.kernel_folder("/c", config) == before[1]
    config["kernel"] = "linux-image-amd64"
    assert image.kernel_folder("/c", config) != before[1]


def test_a_folder_appears_complete_or_not_at_all(tmp_path):
    with pytest.raises(ZeroDivisionError), common.new_folder(tmp_path / "cache" / "x") as work:
        (work / "part").write_text("half", encoding="ascii")
        raise ZeroDivisionError
    assert not list((tmp_path / "cache").iterdir())
    with common.new_folder(tmp_path / "cache" / "x") as work:
        (work / "part").write_text("whole", encoding="ascii")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["x"]


# -- machines

def test_each_card_has_an_address_of_its_own():
    addresses = {common.mac(node, nic) for node in range(1, 400) for nic in range(3)}
    assert len(addresses) == 399 * 3
    assert common.mac(300, 2) == "52:54:00:01:2c:02"


def test_wiring_joins_cards_of_one_segment_only(config):
    ports = {"ssh": {}, "segments": {"fabric": 1, "other": 2}, "nics": {"node1": {"eth1": 11, "eth2": 12}, "node2": {"eth1": 21, "eth2": 22}}}
    assert machine.wiring(config, ports) == {"fabric": {"port": 1, "members": [11, 21]}, "other": {"port": 2, "members": [12, 22]}}


def test_chosen_ports_differ(config):
    config["machines"] = 20
    ports = machine.choose_ports(config)
    flat = [*ports["ssh"].values(), *ports["segments"].values(), *(port for nics in ports["nics"].values() for port in nics.values())]
    assert len(flat) == len(set(flat)) == 20 + 2 + 40


def test_paths_in_qemu_options_keep_their_commas(config):
    config["cache"] = "/tmp/a,b"
    argv = machine.command(config, "tcg", "", [], image.Path("x"))
    assert any("file=/tmp/a,,b/" in argument for argument in argv)


def test_local_wires(config):
    lines = local.wires(config, {"node1": 71, "node2": 72})
    assert "link add m2p1 type veth peer name eth1 address 52:54:00:00:02:01 netns 72" in lines
    masters = {line.split()[2]: line.split()[4] for line in lines if " master " in line}
    assert masters["m1p1"] == masters["m2p1"] != masters["m1p2"] == masters["m2p2"]
    # LACP passes; of a port that is none yet nothing can be set, so these are lines of their own
    assert [line for line in lines if "group_fwd_mask" in line] == [f"link set {port} type bridge_slave group_fwd_mask 65533" for port in masters]


def test_packages_of_either_backend(monkeypatch):
    monkeypatch.setattr(image.platform, "machine", lambda: "aarch64")

    def find(program):
        if program != "ip":
            raise common.LabError(program)
        return "/usr/sbin/ip"

    monkeypatch.setattr(image, "find", find)
    assert image.missing_packages("local") == ["nftables", "util-linux"]
    with pytest.raises(common.LabError, match="x86_64"):
        image.missing_packages("qemu")


def test_room_for_neighbours_is_made_and_given_back(config, monkeypatch, tmp_path):
    settings = [tmp_path / name for name in ("few", "plenty", "changed")]
    monkeypatch.setattr(local, "NEIGHBOURS", [*settings, tmp_path / "not here"])
    monkeypatch.setattr(local, "write", lambda setting, value: setting.write_text(f"{value}\n", encoding="ascii"))
    for setting, value in zip(settings, (1024, 50000, 1024)):
        setting.write_text(f"{value}\n", encoding="ascii")
    one = local.Lab({**config, "machines": 40})
    one.folder.mkdir()
    one.make_room()
    assert [int(setting.read_text(encoding="ascii")) for setting in settings] == [6400, 50000, 6400]
    settings[2].write_text("9999\n", encoding="ascii")  # somebody else, meanwhile
    for unused in range(2):
        local.Lab({**config, "machines": 40}).give_room_back()
        assert [int(setting.read_text(encoding="ascii")) for setting in settings] == [1024, 50000, 9999]
    local.Lab(config).make_room()
    assert not (one.folder / "neighbours.json").exists()


def test_room_is_written_down_before_it_is_made(config, monkeypatch, tmp_path):
    """Whatever ends the lab's program meanwhile, the next stop gives it back."""
    setting = tmp_path / "few"
    setting.write_text("1024\n", encoding="ascii")
    monkeypatch.setattr(local, "NEIGHBOURS", [setting])

    def write(path, value):
        path.write_text(f"{value}\n", encoding="ascii")
        if value != 1024:
            raise KeyboardInterrupt

    monkeypatch.setattr(local, "write", write)
    one = local.Lab({**config, "machines": 40})
    one.folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        one.start()
    assert setting.read_text(encoding="ascii") == "1024\n"
    assert not one.neighbours.exists()


def test_room_that_cannot_be_given_back_is_told(config, monkeypatch, tmp_path):
    setting = tmp_path / "few"
    setting.write_text("1024\n", encoding="ascii")
    monkeypatch.setattr(local, "NEIGHBOURS", [setting])
    monkeypatch.setattr(local, "write", lambda path, value: path.write_text(f"{value}\n", encoding="ascii"))
    config |= {"backend": "local", "machines": 40}
    one = local.Lab(config)
    one.folder.mkdir()
    one.make_room()

    def refuse(path, value):
        raise PermissionError(f"{path} cannot be written")

    monkeypatch.setattr(local, "write", refuse)
    with pytest.raises(common.LabError, match="set it to 1024 as root, then stop the lab again"):
        lab.remove(config)
    assert one.neighbours.exists()
    setting.write_text("1024\n", encoding="ascii")
    assert lab.remove(config)[0] is True
    assert not one.folder.exists()


# -- the switch

def frame(destination, source):
    return bytes.fromhex(destination + source) + b"\x08\x00payload"


def test_switch_floods_learns_and_never_echoes():
    a, b = "520000000001", "520000000002"
    segment = switch.Segment([1, 2, 3])
    assert segment.targets(1, frame("ffffffffffff", a)) == [2, 3]
    assert segment.targets(2, frame(a, b)) == [1]
    assert segment.targets(1, frame(b, a)) == [2]
    assert segment.targets(3, frame(a, b)) == [1]  # b moved, as when a bond fails over
    assert segment.targets(1, frame(b, a)) == [3]
    assert segment.targets(3, frame(b, "520000000009")) == []  # the target is on the same port


# -- processes

def test_only_a_process_with_pid_and_start_time_is_ours(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        process = common.Process(tmp_path, "daemon")
        assert process.pid() is None
        process.remember(other.pid)
        assert process.pid() == other.pid
        process.file.write_text(f"{other.pid} {common.started_at(other.pid) + 1}\n", encoding="ascii")
        assert process.pid() is None
        assert process.stop() is False
        assert other.poll() is None
        other.communicate(b"\n")


def test_stop_ends_a_process_that_ignores_the_polite_signal(tmp_path):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    process = common.Process(tmp_path, "stubborn")
    process.spawn([sys.executable, "-u", "-c", code], tmp_path / "log")
    pid = process.pid()
    while "up" not in (tmp_path / "log").read_text(encoding="ascii"):
        assert process.pid()
    assert process.stop(patience=0.1) is True
    assert process.pid() is None
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL if os.path.exists(f"/proc/{pid}") else True


def test_stop_tells_of_a_process_that_cannot_be_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "KILL_PATIENCE", 0.1)
    monkeypatch.setattr(common.Process, "kill", staticmethod(lambda pid, number: None))
    process = common.Process(tmp_path, "another user's")
    process.remember(os.getpid())
    with pytest.raises(common.LabError, match=f"Process {os.getpid()} of the lab cannot be ended; end it as root"):
        process.stop(patience=0.1)
    assert process.pid() == os.getpid()


@pytest.mark.parametrize(("before", "asked"), [("qemu", "local"), ("local", "qemu")])
@pytest.mark.parametrize("step", ["start", "remove"])
def test_machines_of_the_other_backend_are_ended_too(config, monkeypatch, before, asked, step):
    """What lab.json says was asked for last, and need not be what runs."""
    folder = common.Path(config["folder"])
    daemons = [("node1", "qemu")] if before == "qemu" else [("switch", "holder"), ("node1", "holder")]
    processes = [common.Process(folder / "machines" / name, kind) for name, kind in daemons]
    for process in processes:
        process.spawn(["sleep", "60"], folder / "log")
    monkeypatch.setattr(lab.BACKENDS[asked], "start", lambda self: (True, {}))
    lab.STEPS[step]({**config, "backend": asked})
    assert [process.pid() for process in processes] == [None for unused in processes]


def test_run_tells_what_failed():
    with pytest.raises(common.LabError, match="Counting failed: .*nonsense"):
        common.run([sys.executable, "-c", "import sys; sys.exit('nonsense')"], "Counting")
