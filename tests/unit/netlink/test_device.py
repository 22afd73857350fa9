# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a link goes through ioctls, ethtool and files of its driver, as far as it is arithmetic: names, bytes, digests, command lines."""

from __future__ import annotations

import hashlib
import struct
import sys
from pathlib import Path

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds import netdevsim, tun
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.owner import GroupId, UserId
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import bpf
from ansible_collections.linuxnet.vnet.plugins.module_utils._parts import features, vfs, xdp

sys.path.insert(0, str(Path(__file__).parents[2]))
from differential.elf import PASS, instructions, xdp_object  # noqa: E402


@pytest.mark.parametrize('value, number', [('root', 0), (0, 0), ('1000', 1000), (4294967294, 4294967294), ('', '')])
def test_owners(value, number):
    assert UserId().parse(value) == number and GroupId().parse(value) == number


@pytest.mark.parametrize('value', ['no-such-user-here', -1, 4294967295, True, 1.5, None])
def test_no_owners(value):
    with pytest.raises(ValueError, match='a user that this host knows'):
        UserId().parse(value)


# -- tun


def test_flags_of_tun():
    assert tun._flags({'type': 'tun'}) == 0x1001 and tun._flags({'type': 'tap', 'pi': True, 'vnet_hdr': True, 'multi_queue': True}) == 0x4102


def test_commands_of_tun():
    part, = tun.KIND.parts
    assert part.make_commands('blue', 't', {'tun': {'type': 'tap', 'user': 0, 'group': '', 'multi_queue': True}}) == [
        'ip -n blue tuntap add dev t mode tap user 0 multi_queue'.split()]
    (line,) = part.commands('blue', 't', {'user': 7}, {'user': 6, 'type': 'tap', 'pi': False, 'vnet_hdr': False, 'multi_queue': False})
    assert line[:6] == ['ip', 'netns', 'exec', 'blue', 'python3', '-c'] and f'ioctl(d,{0x400454CC},7)' in line[6] and str(0x1042) in line[6]
    compile(line[6], 'command', 'exec')
    assert part.commands(None, 't', {'user': 7}, {}) == []


# -- features


FOUND = features.Active({'tx-checksum-ipv4': False, 'tx-checksum-ip-generic': True, 'rx-gro': True, 'highdma': False, 'tx-tcp-segmentation': True},
                        {'tx-checksum-ip-generic', 'rx-gro'})


def test_names_of_features():
    kind = features.Features()
    assert kind.parse({'tx': 'on', 'generic-receive-offload': False, 'hw-tc-offload': True}) == {'tx-checksum-*': True, 'rx-gro': False, 'hw-tc-offload': True}
    for value in (['gro'], {'tx-*': True}, {'gro': 'perhaps'}, {'': True}, {'a b': True}):
        with pytest.raises(ValueError, match='a dict of features'):
            kind.parse(value)


def test_groups_of_features():
    assert FOUND.single({'tx-checksum-*': False}) == {'tx-checksum-ip-generic': False}  # the other is fixed
    assert FOUND.single({'tx-checksum-*': False, 'tx-checksum-ip-generic': True}) == {'tx-checksum-ip-generic': True}
    kind = features.Features()
    assert kind.same({'tx-checksum-*': True, 'rx-gro': True}, FOUND) and not kind.same({'rx-gro': False}, FOUND)
    assert kind.narrow({'rx-gro': False}, FOUND) == ({'rx-gro': False}, {'rx-gro': True})


def test_features_that_are_refused():
    assert FOUND.refusal({'tx-checksum-*': False, 'rx-gro': False, 'highdma': False}) is None
    assert 'knows no feature' in FOUND.refusal({'nonsense': True})
    assert 'highdma of this link is fixed off' in FOUND.refusal({'highdma': True})
    assert 'tso of this link is fixed on' in FOUND.refusal({'tx-tcp*-segmentation': False})


def test_message_of_features():
    packed = features._MESSAGE.pack({'HEADER': {'DEV_NAME': 'v'}, 'WANTED': {'BITS': {'BIT': [{'NAME': 'a', 'VALUE': True}, {'NAME': 'b', 'VALUE': False}]}}})
    bit = [struct.pack('=HH2sxxHH', 6, 2, b'a\0', 4, 3), struct.pack('=HH2sxx', 6, 2, b'b\0')]
    bits = b''.join(struct.pack('=HH', len(one) + 4, 0x8001) + one for one in bit)
    bits = struct.pack('=HH', len(bits) + 4, 0x8003) + bits
    assert packed == struct.pack('=HHHH2sxx', 12, 0x8001, 6, 2, b'v\0') + struct.pack('=HH', len(bits) + 4, 0x8003) + bits


# -- virtual functions


def packed(row, old=()):
    return vfs._LIST.pack({'VF': [vfs.encode(row, dict(old))]})


def vf(number, payload):
    attr = struct.pack('=HH', len(payload) + 4, number) + payload
    return struct.pack('=HH', len(attr) + 4, 0x8001) + attr


@pytest.mark.parametrize('row, number, payload', [
    ({'mac': '02:00:00:00:00:07'}, 1, struct.pack('=I32s', 3, bytes.fromhex('020000000007'))),
    ({'vlan': 7, 'qos': 2}, 2, struct.pack('=III', 3, 7, 2)),
    ({'max_tx_rate': 9}, 6, struct.pack('=III', 3, 5, 9)),  # the other limit stays as it was
    ({'spoofchk': True}, 4, struct.pack('=II', 3, 1)),
    ({'state': 'disable'}, 5, struct.pack('=II', 3, 2)),
    ({'query_rss': False}, 7, struct.pack('=II', 3, 0)),
    ({'trust': True}, 9, struct.pack('=II', 3, 1)),
    ({'node_guid': '00:11:22:33:44:55:66:77'}, 10, struct.pack('=I4xQ', 3, 0x0011223344556677)),
    ({'port_guid': '00:11:22:33:44:55:66:77'}, 11, struct.pack('=I4xQ', 3, 0x0011223344556677)),
])
def test_virtual_functions(row, number, payload):
    assert packed({'id': 3, **row}, {'min_tx_rate': 5, 'max_tx_rate': 6}) == vf(number, payload)


def test_outer_tag_of_a_virtual_function():
    info = struct.pack('=HHIII', 20, 1, 3, 7, 0) + b'\x88\xa8\0\0'
    assert packed({'id': 3, 'proto': '802.1ad'}, {'vlan': 7}) == vf(0, b'')[:0] + struct.pack('=HH', 28, 0x8001) + struct.pack('=HH', 24, 0x800c) + info
    data = vfs._LIST.pack({'VF': [{'MAC': {'vf': 3, 'mac': bytes(6)}, **vfs.encode({'id': 3, 'vlan': 7, 'proto': '802.1ad', 'qos': 1}, {})}]})
    assert vfs.decode(vfs._LIST.read(data, 0, len(data))['VF'][0]) == {'id': 3, 'mac': '00:00:00:00:00:00', 'vlan': 7, 'qos': 1, 'proto': '802.1ad'}


def test_what_a_driver_does_not_know_is_left_out():
    attrs = {'MAC': {'vf': 0, 'mac': bytes(32)}, 'TRUST': {'vf': 0, 'setting': 0xFFFFFFFF}, 'SPOOFCHK': {'vf': 0, 'setting': 1}}
    assert vfs.decode(attrs) == {'id': 0, 'mac': '00:00:00:00:00:00', 'spoofchk': True}


def test_rows_that_are_not_listed_stay():
    found = [{'id': 0, 'vlan': 1, 'trust': False}, {'id': 1, 'vlan': 2}]
    assert vfs.ROWS.same([{'id': 1, 'vlan': 2}], found) and not vfs.ROWS.same([{'id': 2}], found)
    assert vfs.ROWS.narrow([{'id': 0, 'vlan': 1, 'trust': True}, {'id': 1, 'vlan': 2}], found) == ([{'id': 0, 'trust': True}], [{'id': 0, 'trust': False}])


def test_commands_of_virtual_functions():
    part = vfs.Vfs()
    before = {'vfs': [{'id': 1, 'min_tx_rate': 5, 'max_tx_rate': 6, 'vlan': 3}]}
    assert part.commands('blue', 'e', {'vfs': [{'id': 1, 'max_tx_rate': 9, 'qos': 2, 'trust': True}]}, before) == [
        line.split() for line in ('ip -n blue link set dev e vf 1 vlan 3 qos 2', 'ip -n blue link set dev e vf 1 max_tx_rate 9 min_tx_rate 5',
                                  'ip -n blue link set dev e vf 1 trust on')]
    assert vfs.NumVfs().commands(None, 'e', {'num_vfs': 5}, {'num_vfs': 3}) == [
        ['sh', '-c', 'echo 0 > /sys/class/net/e/device/sriov_numvfs; echo 5 > /sys/class/net/e/device/sriov_numvfs']]


def test_commands_put_back_what_new_functions_lose():
    """As apply() does: the kernel makes all of them anew."""
    rows = [{'id': 0, 'mac': '02:00:00:00:00:07', 'vlan': 0, 'qos': 0, 'proto': '802.1q', 'spoofchk': False, 'state': 'auto', 'trust': False},
            {'id': 1, 'mac': '00:00:00:00:00:00', 'vlan': 7, 'qos': 2, 'proto': '802.1ad', 'min_tx_rate': 0, 'max_tx_rate': 9, 'trust': True},
            {'id': 2, 'mac': '02:00:00:00:00:09'}]
    set_by_hand = [line.split() for line in ('ip link set dev e vf 1 vlan 7 qos 2 proto 802.1ad', 'ip link set dev e vf 1 max_tx_rate 9',
                                             'ip link set dev e vf 1 trust on')]
    mac = 'ip link set dev e vf 0 mac 02:00:00:00:00:07'.split()
    assert vfs.NumVfs().commands(None, 'e', {'num_vfs': 2}, {'num_vfs': 3, 'vfs': rows})[1:] == [
        mac, 'ip link set dev e vf 0 spoofchk off'.split(), *set_by_hand]
    assert netdevsim.SimulatedVfs().commands(None, 'e', {'num_vfs': 2}, {'num_vfs': 3, 'vfs': rows, 'id': 1})[1:] == [mac, *set_by_hand]
    assert netdevsim.SimulatedVfs().commands(None, 'e', {'num_vfs': 5}, {'num_vfs': 3, 'vfs': rows, 'id': 1})[3:] == [
        mac, *set_by_hand, 'ip link set dev e vf 2 mac 02:00:00:00:00:09'.split()]
    assert len(vfs.NumVfs().commands(None, 'e', {'num_vfs': 0}, {'num_vfs': 3, 'vfs': rows})) == 1


def test_ports_of_a_simulated_nic():
    assert netdevsim.KIND.brings({'id': 7, 'ports': 3}) == ['eni7np2', 'eni7np3'] and netdevsim.KIND.brings({'id': 7}) == []


# -- XDP


def test_identity_of_an_object():
    code = instructions(PASS)
    known = bpf.Object(xdp_object(PASS, 'xdp', 'a_name_that_is_too_long')).identity('xdp')
    assert known == {'name': 'a_name_that_is_', 'tags': {hashlib.sha1(code).hexdigest()[:16], hashlib.sha256(code).hexdigest()[:16]}}


@pytest.mark.parametrize('data, words', [(b'', 'is no ELF object'), (xdp_object(PASS)[:200], 'is damaged'),
                                         (xdp_object(PASS), 'has no section xdp; there are prog'),
                                         (b'\x7fELF\1' + xdp_object(PASS)[5:], 'is no ELF object')])
def test_objects_that_are_none(data, words):
    with pytest.raises(ValueError, match=words):
        bpf.Object(data).identity('xdp')


def test_every_cut_object_is_refused_in_words():
    data = xdp_object(PASS, 'xdp')
    for size in range(len(data)):
        try:
            bpf.Object(data[:size]).identity('xdp')
        except ValueError as exc:
            assert str(exc).startswith(('is ', 'has '))


def test_xdp_options():
    kind = xdp.Xdp()
    assert kind.parse_at({'obj': '/a'}, '') == {'object': '/a', 'section': 'prog'} and kind.parse_at({'mode': False}, '') == {'mode': 'off'}
    for value in ({}, {'mode': 'drv'}, {'object': 'a'}, {'object': '/a', 'pinned': '/b'}, {'pinned': '/a', 'section': 's'}, {'mode': 'off', 'pinned': '/a'}):
        with pytest.raises(ValueError, match='object'):
            kind.parse_at(value, '')
    with pytest.raises(InputError, match='unknown option'):
        kind.parse_at({'objekt': '/a'}, '')


def test_programs_are_known_again(tmp_path):
    (tmp_path / 'o').write_bytes(xdp_object(PASS))
    tag = hashlib.sha1(instructions(PASS)).hexdigest()[:16]
    kind, wanted = xdp.Xdp(), {'object': str(tmp_path / 'o'), 'section': 'prog'}
    found = xdp.Attached({'generic': {'id': 1, 'tag': tag, 'name': ''}})
    assert kind.same(wanted, found) and kind.same({**wanted, 'mode': 'generic'}, found)
    assert not kind.same({**wanted, 'mode': 'drv'}, found) and not kind.same({'mode': 'off'}, found) and kind.same({'mode': 'off'}, xdp.Attached())
    assert not kind.same(wanted, xdp.Attached({'generic': {'id': 1, 'tag': '0' * 16, 'name': 'main_xdp'}}))
