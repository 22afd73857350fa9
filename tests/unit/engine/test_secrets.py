# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys are told to the kernel and to nobody else."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.common.parameters import PASS_VARS

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import secrets
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import VnetError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import HIDDEN
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from module import ModuleFailed, run_here, run_module

KEY, PRIVATE, SHARED = '00112233445566778899aabbccddeeff', 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=', 'FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE='
PUBLIC = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg='
DOCUMENT = {'links': [
    {'name': 'm0', 'kind': 'macsec', 'link': 'e0', 'macsec': {'tx_sa': [{'an': 0, 'pn': 1, 'key': KEY}]}},
    {'config': [{'name': 'wg0', 'kind': 'wireguard', 'wireguard': {'private_key': PRIVATE, 'peers': [{'public_key': PUBLIC, 'preshared_key': SHARED}]}}]},
]}


def test_secrets_of_a_document():
    assert secrets(RESOURCES, DOCUMENT) == {KEY, PRIVATE, SHARED}
    assert secrets(RESOURCES, {'links': [{'name': 'd0', 'kind': 'dummy'}, 'nonsense'], 'nosuch': 3, 'fdb': None}) == set()
    assert secrets(RESOURCES, {'links': [{'name': 'd0', 'config': 5}, {'config': 'text'}]}) == set()


def test_no_view_of_a_plan_has_them():
    text = json.dumps(run_here('vnet_state', {**DOCUMENT, 'state': 'rendered'}, diff=True))
    assert not any(secret in text for secret in (KEY, PRIVATE, SHARED)) and PUBLIC in text and HIDDEN in text


@pytest.mark.parametrize('module, options', [('vnet_link', DOCUMENT['links'][0]), ('vnet_state', DOCUMENT)])
def test_no_error_has_them(module, options):
    broken = json.loads(json.dumps(options).replace(KEY, KEY + 'zz'))
    with pytest.raises((ModuleFailed, VnetError)) as caught:
        run_here(module, broken)
    assert KEY not in str(caught.value) and 'key' in str(caught.value)


def test_what_ansible_says_of_a_call_has_them_not():
    """`invocation` repeats the parameters; older releases always tell it."""
    asked = {'_ansible_inject_invocation': True} if 'inject_invocation' in PASS_VARS else {}
    broken = json.loads(json.dumps(DOCUMENT['links'][1]).replace('"peers"', '"pears"'))
    with pytest.raises(ModuleFailed, match="unknown option 'pears'") as caught:
        run_module('vnet_link', {**broken, **asked})
    assert 'wg0' in str(caught.value.result['invocation']) and PRIVATE not in str(caught.value.result)
