# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation: generated files are up to date, options equal the arguments, examples are accepted."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from module import ModuleFailed, run_module

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document, from_module
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.arguments import argument_spec
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = 'ansible_collections.linuxnet.vnet.plugins'
OF_MODULE = {resource.module: resource for resource in RESOURCES.values()}
MODULES = sorted(path.stem for path in (ROOT / 'plugins' / 'modules').glob('vnet_*.py'))


def module(name):
    return importlib.import_module(f'{PACKAGE}.modules.{name}')


def documented(name) -> dict:
    """The options of a module, with those of its fragments."""
    documentation = yaml.safe_load(module(name).DOCUMENTATION)
    options = dict(documentation.get('options', {}))
    for fragment in documentation.get('extends_documentation_fragment', []):
        fragment, unused, part = fragment.removeprefix('linuxnet.vnet.').partition('.')
        if (ROOT / 'plugins' / 'doc_fragments' / f'{fragment}.py').exists():
            text = getattr(importlib.import_module(f'{PACKAGE}.doc_fragments.{fragment}').ModuleDocFragment, part.upper() or 'DOCUMENTATION')
            options.update(yaml.safe_load(text).get('options', {}))
    return options


def shape(options: dict, inner: str) -> dict:
    """What an argument and its documentation have in common; `inner` is what the suboptions are called."""
    found = {}
    for name, option in options.items():
        keys = [key for key in ('type', 'elements', 'choices', 'default', 'aliases', 'required') if option.get(key) not in (None, False, [])]
        found[name] = {key: sorted(option[key]) if key == 'aliases' else option[key] for key in keys}
        found[name].setdefault('type', 'str')
        if option.get(inner):
            found[name]['options'] = shape(option[inner], inner)
    return found


def test_generated_files_are_up_to_date():
    done = subprocess.run([sys.executable, ROOT / 'tools' / 'generate.py', '--lint'], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_generate_lint_notices_a_stale_file(tmp_path):
    """The lint mode compares; it does not write."""
    for part in ('plugins', 'tools'):
        subprocess.run(['cp', '-r', ROOT / part, tmp_path / part], check=True)
    stale = tmp_path / 'plugins' / 'doc_fragments' / 'vnet_fdb.py'
    stale.write_text(stale.read_text() + '# more\n')
    done = subprocess.run([sys.executable, tmp_path / 'tools' / 'generate.py', '--lint'], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1 and done.stdout == 'plugins/doc_fragments/vnet_fdb.py: out of date; run tools/generate.py\n' and '# more' in stale.read_text()


@pytest.mark.parametrize('name', sorted(OF_MODULE))
def test_arguments_equal_documentation(name):
    assert shape(documented(name), 'suboptions') == shape(argument_spec(OF_MODULE[name]), 'options')


def test_a_state_that_always_fails_is_not_offered():
    assert documented('vnet_sysctl')['state']['choices'] == ['present']


def test_the_action_group_has_every_module():
    assert yaml.safe_load((ROOT / 'meta' / 'runtime.yml').read_text())['action_groups']['vnet'] == MODULES


def test_every_resource_has_a_module():
    assert set(OF_MODULE) <= set(MODULES)
    assert set(RESOURCES) <= set(documented('vnet_state'))


@pytest.mark.parametrize('name', MODULES)
def test_documentation_has_a_sentence_for_each_option(name):
    def check(options):
        for option, told in options.items():
            lines = told['description'] if isinstance(told['description'], list) else [told['description']]
            assert lines and all(isinstance(line, str) and line[:1] and line.rstrip().endswith(('.', '.)', '!')) for line in lines), option
            # dots that are names get lost easily, and values are written as in YAML
            assert not re.search(r'not , or|or [.]{3}|V\((True|False)\)|V\([^)]* for ', ' '.join(lines)), option
            check(told.get('suboptions') or {})

    check(documented(name))


def tasks(name):
    return [task for task in yaml.safe_load(module(name).EXAMPLES) if f'linuxnet.vnet.{name}' in task]


EXAMPLES = [pytest.param(name, task[f'linuxnet.vnet.{name}'], id=f"{name}-{task.get('name', place)}")
            for name in sorted(OF_MODULE) for place, task in enumerate(tasks(name))]


@pytest.mark.parametrize('name', MODULES)
def test_there_are_examples(name):
    assert tasks(name)


@pytest.mark.parametrize('name, options', EXAMPLES)
def test_example(name, options):
    """Accepted by Ansible as arguments, by the engine as wanted objects, and rendered as commands."""
    resource = OF_MODULE[name]
    checked = ArgumentSpecValidator(argument_spec(resource)).validate(options)
    assert not checked.error_messages
    from_module(resource, checked.validated_parameters)
    found = run_module('vnet_state', {resource.section: [options], 'state': 'rendered'})
    absent = options.get('state') == 'absent' or options.get('purge')
    assert found['changed'] is False and (found['commands'] or absent)


@pytest.mark.parametrize('task', tasks('vnet_state'), ids=lambda task: task.get('name'))
def test_example_of_a_whole_host(task):
    options = {key: value for key, value in task['linuxnet.vnet.vnet_state'].items() if key not in ('src', 'remote_src')}
    from_document(RESOURCES, {section: items for section, items in options.items() if section in RESOURCES})
    assert run_module('vnet_state', {**options, 'state': 'rendered'})['changed'] is False


def test_rendered_from_a_file(tmp_path):
    document = {'links': [{'name': 'br0', 'kind': 'bridge'}, {'name': 'eth0', 'master': 'br0'}]}
    lines = None
    for name, text in (('state.json', json.dumps(document)), ('state.yml', yaml.safe_dump(document))):
        (tmp_path / name).write_text(text)
        found = run_module('vnet_state', {'src': str(tmp_path / name), 'remote_src': True, 'state': 'rendered'})
        assert lines in (None, found['commands'])
        lines = found['commands']
    assert lines == ['ip link add name br0 type bridge', 'ip link set dev br0 up', 'ip link set dev eth0 master br0']


@pytest.mark.parametrize('text, words', [('[1]', 'must be a dict of sections'), ('{', 'neither JSON nor YAML'), ('nosuch: []', "unknown section 'nosuch'")])
def test_a_file_that_is_wrong(tmp_path, text, words):
    (tmp_path / 'state.yml').write_text(text)
    with pytest.raises(ModuleFailed, match=words):
        run_module('vnet_state', {'src': str(tmp_path / 'state.yml'), 'remote_src': True, 'state': 'rendered'})


def test_a_missing_file():
    with pytest.raises(ModuleFailed, match='No such file or directory'):
        run_module('vnet_state', {'src': '/nosuch/state.yml', 'remote_src': True, 'state': 'rendered'})
