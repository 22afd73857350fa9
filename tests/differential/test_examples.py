# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples of the manual and of the README do on a kernel what they say, and nothing when they run once more."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from module import run_module

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import Namespaces
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

ROOT = Path(__file__).resolve().parents[2]
NETNS = Path('/run/netns')
BRIDGE = ['link add br0 up type bridge vlan_filtering 1 mcast_snooping 1', *(f'link set {name} up master br0' for name in ('eth1', 'eth2', 'blue-br'))]
TUNNEL = ['link add vx100 up type vxlan id 100 local 10.0.0.9 dstport 4789']
NEAR = ['address add 192.0.2.9/24 dev eth0', '-n blue address add 192.0.2.9/24 dev eth0']
CABLE = '-n net1 link add vxcan1 up type vxcan peer name vxcan2'
UNPLUGGED = ['link del blue-br', '-n blue link del eth0']
#: {module: what must be there before its examples, beside NICs and a namespace}
BEFORE = {
    'vnet_bridge_vlan': BRIDGE, 'vnet_fdb': TUNNEL, 'vnet_mdb': [*BRIDGE, 'bridge vlan add dev eth1 vid 10'], 'vnet_neigh': TUNNEL, 'vnet_route': NEAR,
    'vnet_nexthop': [*NEAR, 'address add 198.51.100.9/24 dev eth1'], 'vnet_tc': ['link add ifb0 up type ifb'],
    'vnet_link': [*UNPLUGGED, 'link add test1 type dummy'], 'vnet_state': UNPLUGGED, 'README': ['netns del blue', 'link del blue-br'],
    'vnet_sysctl': ['netns add router', '-n router link add eth0 type dummy', '-n router link add link eth0 name eth0.100 type vlan id 100'],
    'vnet_team': ['-n blue link add veth1 type dummy', '-n blue link add veth2 type dummy', *(f'link set eth{number} down' for number in range(1, 5))],
    'vnet_nat': ['netns add router'],
    'vnet_can_gateway': ['netns add net1', '-n net1 link add vcan0 up type vcan', CABLE, 'link add vcan0 up type vcan', 'link add can0 up type vcan'],
}
MODULES = ['README', *sorted({resource.module for resource in RESOURCES.values()}), 'vnet_state', 'vnet_can_gateway']
NEEDS = {'vnet_nat': [pytest.mark.kernel('nft_chain_nat')]}


def tasks(name: str) -> list[tuple[str, dict]]:
    """(module, options) of the tasks that change something."""
    if name == 'README':
        text = re.search(r'## With the modules\n+```yaml\n(.*?)```', (ROOT / 'README.md').read_text(encoding='utf-8'), re.DOTALL)[1]
    else:
        text = (ROOT / 'plugins/modules' / f'{name}.py').read_text(encoding='utf-8').partition('EXAMPLES = r"""')[2].partition('"""')[0]
    found = [(key.rpartition('.')[2], options) for task in yaml.safe_load(text) for key, options in task.items() if key.startswith('linuxnet.vnet.')]
    return [(module, options) for module, options in found if module != 'vnet_probe' and not options.keys() & {'src', 'state'} or module == 'vnet_can_gateway']


@pytest.fixture
def home(spaces):
    """A network namespace that the module finds itself in; others that come meanwhile go with it."""
    name, places = spaces('home').name, Namespaces()
    before = set(os.listdir(NETNS))
    with places.entered(name):
        yield
    places.close()
    for more in set(os.listdir(NETNS)) - before:
        subprocess.run(['ip', 'netns', 'del', more], check=True)


@pytest.mark.parametrize('name', [pytest.param(name, marks=NEEDS.get(name, [])) for name in MODULES])
def test_examples(home, name):
    nics = [f'link add {nic} up type dummy' for nic in (*(f'eth{number}' for number in range(5)), 'blue-br')]
    if name == 'vnet_can_gateway':
        subprocess.run(['modprobe', 'can-gw'], check=True)
    for line in [*nics, 'netns add blue', '-n blue link add eth0 up type dummy', *BEFORE.get(name, ())]:
        subprocess.run(line.split() if line.startswith('bridge') else ['ip', *line.split()], check=True)
    examples = tasks(name)
    assert examples
    for module, options in examples:
        planned = run_module(module, options, check=True)
        made = run_module(module, options)
        assert made['operations'] == planned['operations'] and made['changed'], options
        assert run_module(module, options)['operations'] == [], options
