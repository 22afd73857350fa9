# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel and the root of the lab's machines, made from Debian packages and kept in a cache.

Nothing of it is installed on the host: a kernel package is unpacked, a root is made with mmdebstrap in a folder of its own.
"""

from __future__ import annotations

import lzma
import os
import platform
import shlex
import shutil
import subprocess
import tarfile
from pathlib import Path

from common import GUEST, LabError, digest, find, locked, new_folder, run

# package that brings it: program that shows it is there
HOST_PACKAGES = {
    "qemu-system-x86": "qemu-system-x86_64", "mmdebstrap": "mmdebstrap", "squashfs-tools": "mksquashfs", "kmod": "depmod", "openssh-client": "ssh-keygen",
    "debian-archive-keyring": Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
}
# what machines that are namespaces have of the host
LOCAL_PACKAGES = {"iproute2": "ip", "nftables": "nft", "util-linux": "nsenter"}
GUEST_PACKAGES = [
    "dbus", "ethtool", "iproute2", "iputils-ping", "kmod", "libteam-utils", "nftables", "openssh-server", "procps", "python3", "python3-pyroute2",
    "systemd", "systemd-sysv", "udev",
]
# In the order in which they are wanted; what a kernel has built in is not in its modules.dep and is passed over.
BOOT_MODULES = ["virtio_mmio", "virtio_pci", "virtio_blk", "squashfs", "overlay", "virtio_net"]
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/bug/*", "/usr/share/lintian/*"]
PLACEHOLDER_ID = "0" * 31 + "1"
QUIET_UNITS = [
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
    "systemd-tmpfiles-clean.timer", "systemd-logind.service", "systemd-timesyncd.service", "getty.target", "getty@tty1.service",
    "serial-getty@ttyS0.service", "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service", "systemd-pstore.service",
    "systemd-remount-fs.service", "systemd-random-seed.service", "systemd-journal-flush.service", "systemd-journal-catalog-update.service", "ldconfig.service",
    "systemd-machine-id-commit.service", "systemd-sysusers.service", "systemd-hwdb-update.service", "systemd-binfmt.service",
    "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "proc-sys-fs-binfmt_misc.automount",
    "networking.service", "nftables.service", "ssh.socket", "systemd-networkd.service", "systemd-networkd-wait-online.service", "systemd-networkd.socket",
]


def missing_packages(backend):
    """Debian packages whose program or file this host lacks."""
    if backend == "qemu" and platform.machine() != "x86_64":
        raise LabError(f"The qemu backend needs an x86_64 host and this one is {platform.machine()}; use lab_backend=local.")

    def there(mark):
        if isinstance(mark, Path):
            return mark.exists()
        try:
            return bool(find(mark))
        except LabError:
            return False

    return [package for package, mark in (HOST_PACKAGES if backend == "qemu" else LOCAL_PACKAGES).items() if not there(mark)]


def install_packages(packages):
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise LabError(f"Install what these Debian packages hold, under this system's names, then run it again: {names}.")
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and not shutil.which("sudo"):
        raise LabError(f"Run this as root, then start again: apt-get install --no-install-recommends {names}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = [*root, "apt-get", "install", "--yes", "--no-install-recommends", *packages]
    try:
        try:
            run(install, "Installing packages", env=environment)
        except LabError:  # the package lists of a fresh or long unused machine
            run([*root, "apt-get", "update"], "Updating the package lists", env=environment)
            run(install, "Installing packages", env=environment)
    except LabError as error:
        raise LabError(f"Run this, then start again: {'sudo ' if root else ''}apt-get install --no-install-recommends {names} ({error})") from error


def as_root():
    """Prefix under which mmdebstrap may make device nodes; without root and sudo it uses a user namespace."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return []


def bootstrap(variant, packages, target, config, log, extra=()):
    argv = [*as_root(), find("mmdebstrap"), f"--variant={variant}", f"--include={','.join(packages)}", "--architectures=amd64", "--format=tar"]
    argv += ["--aptopt=APT::Install-Recommends \"false\"", "--dpkgopt=force-unsafe-io", *extra, config["suite"], "-"]
    if config.get("mirror"):
        argv.append(config["mirror"])
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as stream, open(target, "wb") as out:
        done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=stream)
    if done.returncode:
        errors = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.startswith("E:")]
        raise LabError(f"mmdebstrap could not fetch or unpack {packages[0]} and what belongs to it: {' | '.join(errors[:2])} (all of it in {log})")


def squash(source, target, *options, **streams):
    # lz4: a zstd image is a third smaller, takes 20 times longer to make, and every page read in an emulated machine costs more.
    run(["mksquashfs", source, str(target), "-comp", "lz4", "-noappend", "-quiet", "-no-progress", *options], "Making the squashfs image", **streams)


def module_order(modules_dep, wanted):
    """Paths to load, dependencies first, from the text of a modules.dep."""
    needs, paths = {}, {}
    for line in modules_dep.splitlines():
        path, unused, rest = line.partition(":")
        needs[path] = rest.split()
        paths[module_name(path)] = path
    order = []

    def visit(path):
        for dependency in needs.get(path, []):
            visit(dependency)
        if path not in order:
            order.append(path)

    for name in wanted:
        if name in paths:
            visit(paths[name])
    return order


def module_name(path):
    return os.path.basename(path).partition(".")[0].replace("-", "_")


def cpio(entries):
    """A newc archive, as the kernel takes for an initramfs, of ``[(path, mode, content)]``."""
    out = bytearray()
    for number, (path, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        out += b"\0" * (-len(out) % 4)
        out += content
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def initrd(busybox, modules_folder):
    """``modules_folder`` is .../lib/modules/<release>, with its modules.dep."""
    order = module_order((modules_folder / "modules.dep").read_text(encoding="ascii"), BOOT_MODULES)
    entries = [(name, 0o040755, b"") for name in ("bin", "dev", "modules")]
    entries += [("bin/busybox", 0o100755, busybox.read_bytes()), ("init", 0o100755, (GUEST / "init").read_bytes())]
    entries += [("bin/sh", 0o120777, b"busybox")]
    names = []
    for path in order:
        data = (modules_folder / path).read_bytes()
        if path.endswith(".xz"):
            data = lzma.decompress(data)
        names.append(module_name(path) + ".ko")
        entries.append((f"modules/{names[-1]}", 0o100644, data))
    entries.append(("modules/order", 0o100644, "".join(f"{name}\n" for name in names).encode()))
    return cpio(entries)


def kernel_folder(cache, config):
    key = digest(config["kernel"], config["suite"], config.get("mirror"), BOOT_MODULES, (GUEST / "init").read_bytes())
    return Path(cache) / f"kernel-{key}"


def make_kernel(cache, config):
    """vmlinuz, initrd, modules.sqfs and release in the cache; True when they had to be made."""
    target = kernel_folder(cache, config)
    with locked(Path(cache)):
        if target.exists():
            return False
        with new_folder(target) as work:
            tar, tree = work / "packages.tar", work / "tree"
            bootstrap("extract", [config["kernel"], "busybox-static"], tar, config, Path(cache) / "logs" / "kernel.log")
            tree.mkdir()
            with tarfile.open(tar) as archive:
                for member in archive:
                    path = member.name.removeprefix("./")
                    path = path.removeprefix("usr/") if path.startswith("usr/lib/modules/") or path == "usr/bin/busybox" else path
                    if (path.startswith(("lib/modules/", "boot/vmlinuz-")) or path == "bin/busybox") and member.isfile():
                        member.name, member.mode = path, member.mode | 0o644
                        archive.extract(member, tree, set_attrs=False)
            releases = sorted(path.name for path in (tree / "lib/modules").iterdir()) if (tree / "lib/modules").exists() else []
            if len(releases) != 1 or not (tree / f"boot/vmlinuz-{releases[0]}").exists():
                raise LabError(
                    f"lab_kernel {config['kernel']} brings no bootable kernel (found {releases}); name a linux-image package of suite {config['suite']}.")
            release = releases[0]
            run(["depmod", "-b", str(tree), release], "depmod")
            (work / "release").write_text(release + "\n", encoding="ascii")
            (tree / f"boot/vmlinuz-{release}").rename(work / "vmlinuz")
            (work / "initrd").write_bytes(initrd(tree / "bin/busybox", tree / "lib/modules" / release))
            squash(str(tree / "lib/modules"), work / "modules.sqfs", "-all-root")
            shutil.rmtree(tree)
            tar.unlink()
    return True


def guest_packages(config):
    return sorted(set(GUEST_PACKAGES) | set(config.get("packages") or []))


def root_folder(cache, config):
    guest = [(path.name, path.read_text(encoding="utf-8")) for path in sorted(GUEST.iterdir()) if path.is_file() and path.name != "init"]
    return Path(cache) / f"root-{digest(guest_packages(config), config['suite'], config.get('mirror'), QUIET_UNITS, LEFT_OUT, guest)}"


def make_root(cache, config):
    """root.sqfs in the cache; True when it had to be made."""
    target = root_folder(cache, config)
    with locked(Path(cache)):
        if target.exists():
            return False
        with new_folder(target) as work:
            tar = work / "root.tar"
            extra = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
            extra += [f"--customize-hook=upload {shlex.quote(str(GUEST / name))} {place}" for name, place in GUEST_FILES.items()]
            extra += [
                "--customize-hook=chroot \"$1\" systemctl --quiet mask " + " ".join(QUIET_UNITS),
                "--customize-hook=chroot \"$1\" systemctl --quiet disable ssh.service",
                "--customize-hook=chroot \"$1\" systemctl --quiet enable lab-agent.service",
                "--customize-hook=chroot \"$1\" usermod --shell /bin/sh root",
                "--customize-hook=chroot \"$1\" python3 -m compileall -q -j 2 /usr/lib/python3 /usr/lib/python3.*/",
                # No machine may share these; each gets its own from the agent.
                "--customize-hook=rm -f \"$1\"/etc/ssh/ssh_host_* \"$1\"/etc/hostname \"$1\"/var/lib/dbus/machine-id",
                # Without any id systemd takes each boot for the first and spends seconds on presets.
                f"--customize-hook=echo {PLACEHOLDER_ID} > \"$1\"/etc/machine-id",
                "--customize-hook=rm -rf \"$1\"/var/lib/apt/lists/* \"$1\"/var/cache/* \"$1\"/usr/lib/modules",
                "--customize-hook=mkdir -p \"$1\"/usr/lib/modules",
            ]
            bootstrap("minbase", guest_packages(config), tar, config, Path(cache) / "logs" / "root.log", extra)
            with open(tar, "rb") as stream:
                squash("-", work / "root.sqfs", "-tar", stdin=stream)
            tar.unlink()
    return True


# file of guest/: its place in the machine
GUEST_FILES = {
    "agent.py": "/usr/local/sbin/lab-agent",
    "lab-agent.service": "/etc/systemd/system/lab-agent.service",
    "sshd_config": "/etc/ssh/sshd_config",
    "ssh.service": "/etc/systemd/system/ssh.service",
    "99-default.link": "/etc/systemd/network/99-default.link",
    "journald.conf": "/etc/systemd/journald.conf",
    "modprobe.conf": "/etc/modprobe.d/lab.conf",
    "zipcache.py": "/usr/lib/python3/dist-packages/lab_zipcache.py",
    "zipcache.pth": "/usr/lib/python3/dist-packages/lab_zipcache.pth",
}
