# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction: order of batches, errors attributed to operations, undo in reverse whatever happens."""

from __future__ import annotations

import errno
import threading

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import apply
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.apply import Applier, describe
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError, TransactionError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Resource


class Socket:
    """Notes the requests of a namespace; those named in `refuse` are answered by an error."""

    def __init__(self, netns, kernel):
        self.netns, self.kernel = netns, kernel

    def batch(self, requests):
        self.kernel.batches.append((self.netns, list(requests)))
        failed = {}
        for place, request in enumerate(requests):
            trouble = self.kernel.refuse.get(request)
            if trouble is not None and (trouble is not self.kernel.once or self.kernel.sent.count(request) == 0):
                if not isinstance(trouble, KernelError):
                    self.kernel.sent.append(request)
                    raise trouble
                failed[place] = trouble
            self.kernel.sent.append(request)
        return failed, {}


class Kernel:
    """A kernel without one: `sent` is all that reached it, in order."""

    def __init__(self, refuse=None, once=None):
        self.refuse, self.once = refuse or {}, once
        self.sent, self.batches, self.sockets = [], [], {}
        self.namespaces = self
        self.flush = lambda: None

    def socket(self, netns):
        return self.sockets.setdefault(netns, Socket(netns, self))


class Batched(Resource):
    """A request is a word: 'create a', or those that the operation's facts list; a callable is called instead."""

    section, noun = 'things', 'things'

    def encode(self, operation, kernel):
        words = []
        for word in operation.facts.get('requests', [f'{operation.action} {operation.key}']):
            if callable(word):
                word(kernel)
            else:
                netns, unused, text = word.rpartition(':')
                words.append((netns or operation.netns, text))
        return words

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno == errno.ENOENT


class Acting(Batched):
    section, batched = 'acts', False

    def perform(self, operation, kernel):
        trouble = kernel.refuse.get(f'{operation.action} {operation.key}')
        if trouble is not None:
            raise trouble
        kernel.sent.append(f'{operation.action} {operation.key}')


class Surrounded(Batched):
    """Messages with something to do at once before and after them."""

    section = 'surrounded'

    def immediate(self, operation, kernel):
        def act(when):
            word = f'{when} {operation.action} {operation.key}'
            if word in kernel.refuse:
                raise kernel.refuse[word]
            kernel.sent.append(word)
        return tuple((lambda when=when: act(when)) if when in operation.facts.get('acts', ('first', 'last')) else None for when in ('first', 'last'))


class Quick(Batched):
    """Many deletions in a row are done at once."""

    section = 'quick'

    def remove_many(self, netns, operations, kernel):
        kernel.sent.append('at once: ' + ' '.join(one.key for one in operations))


@pytest.fixture(autouse=True, params=['all at once', 'the first ahead'])
def ahead(request, monkeypatch):
    """Whether the first messages are sent while the others are made, by a kernel that is busy with them until somebody waits for it."""
    if request.param == 'the first ahead':
        monkeypatch.setattr(apply, 'AHEAD', 1)
        monkeypatch.setattr(apply.Flight, 'is_alive', lambda self: True)


at_once = pytest.mark.parametrize('ahead', ['all at once'], indirect=True)

RESOURCES = {'things': Batched(), 'acts': Acting(), 'surrounded': Surrounded(), 'quick': Quick()}
LINKS = {'links': Batched()}


def operation(text, netns=None, *, section='things', undo=None, **facts):
    """'create a' with its opposite as undo."""
    action, key = text.split()
    opposite = {'create': 'delete', 'delete': 'create', 'set': 'set'}[action]
    back = [f'{opposite} {key}' + ('-back' if action == 'set' else '')] if undo is None else undo
    made = [Operation(section, one.split()[0], netns, one.split()[1], one.split()[1]) for one in back]
    return Operation(section, action, netns, key, key, {'name': key}, where=f'config[{key}]', undo=made, facts=facts)


def run(kernel, *operations):
    Applier(RESOURCES, kernel).run(list(operations))


def refused(kernel, *operations) -> TransactionError:
    with pytest.raises(TransactionError) as caught:
        run(kernel, *operations)
    return caught.value


@at_once
def test_one_batch_for_each_run_of_a_namespace():
    kernel = Kernel()
    run(kernel, operation('create a'), operation('create b'), operation('create c', 'blue'), operation('create d'))
    assert kernel.batches == [(None, ['create a', 'create b']), ('blue', ['create c']), (None, ['create d'])]


@at_once
def test_an_index_that_is_needed_sends_what_is_pending():
    kernel = Kernel()
    run(kernel, operation('create a'), operation('set b', requests=[lambda kernel: kernel.flush(), 'set b']), operation('set c'))
    assert [requests for unused, requests in kernel.batches] == [['create a'], ['set b', 'set c']]


@at_once
def test_the_kernel_works_while_messages_are_made(monkeypatch):
    monkeypatch.setattr(apply, 'AHEAD', 2)
    made, kernel, told = threading.Event(), Kernel(), []
    batch = Socket.batch

    def slow(self, requests):
        told.append((list(requests), made.wait(10) if requests == ['create a', 'create b'] else None))
        return batch(self, requests)

    monkeypatch.setattr(Socket, 'batch', slow)
    later = [operation('create c'), operation('create d', requests=['create d', lambda kernel: made.set()])]
    assert Applier(RESOURCES, kernel).run([operation('create a'), operation('create b'), *later], lambda: len(kernel.sent) in (0, 2)) is True
    assert told == [(['create a', 'create b'], True), (['create c', 'create d'], None)]
    assert kernel.sent == ['create a', 'create b', 'create c', 'create d']


@at_once
@pytest.mark.parametrize('whole', [True, False])
def test_who_needs_a_socket_waits_for_what_is_on_its_way(monkeypatch, whole):
    monkeypatch.setattr(apply, 'AHEAD', 1)
    kernel, seen = Kernel({} if whole else {'create a': KernelError(errno.EEXIST)}), []
    batch = Socket.batch

    def slow(self, requests):
        threading.Event().wait(0.05)
        return batch(self, requests)

    monkeypatch.setattr(Socket, 'batch', slow)
    operations = [operation('create a'), operation('create b', requests=[lambda kernel: kernel.idle(), lambda kernel: seen.extend(kernel.sent), 'create b'])]
    if whole:
        run(kernel, *operations)
        assert seen == ['create a'] and kernel.sent == ['create a', 'create b']
    else:
        assert refused(kernel, *operations).details['failed_operation']['name'] == 'a'
        assert kernel.sent == ['create a'] and seen == []


@at_once
def test_what_is_on_its_way_when_something_breaks_is_taken_back(monkeypatch):
    monkeypatch.setattr(apply, 'AHEAD', 1)
    made, kernel, batch = threading.Event(), Kernel(), Socket.batch

    def slow(self, requests):
        made.wait(10)
        return batch(self, requests)

    def bad(unused):
        made.set()
        raise RuntimeError('a defect')

    monkeypatch.setattr(Socket, 'batch', slow)
    with pytest.raises(RuntimeError):
        run(kernel, operation('create a'), operation('create b', requests=[bad]))
    assert kernel.sent == ['create a', 'delete a']


def test_what_acts_by_itself_keeps_its_place():
    kernel = Kernel()
    run(kernel, operation('create a'), operation('create b', section='acts'), operation('create c'))
    assert kernel.sent == ['create a', 'create b', 'create c']


def test_many_deletions_at_once_keep_their_place():
    kernel = Kernel()
    many = [operation(f'delete {name}', section='quick') for name in 'bcde']
    run(kernel, operation('delete a'), *many, operation('delete f', section='quick'), operation('create g'), operation('delete h', section='quick'))
    assert kernel.sent == ['delete a', 'at once: b c d e f', *(f'delete {name}' for name in 'bcdef'), 'create g', 'delete h']


def test_many_deletions_at_once_keep_their_place_in_the_undo():
    kernel = Kernel({'create z': KernelError(errno.EEXIST)})
    many = [operation(f'create {name}', section='quick') for name in 'bcde']
    refused(kernel, operation('create a'), *many, operation('create x'), operation('create z'))
    assert kernel.sent[7:] == ['delete x', 'at once: e d c b', *(f'delete {name}' for name in 'edcb'), 'delete a']


def test_nothing_is_flushed_afterwards():
    kernel = Kernel()
    run(kernel, operation('create a'))
    kernel.flush()
    assert kernel.sent == ['create a']


def test_undo_in_reverse_with_what_the_kernel_did_after_the_error():
    kernel = Kernel({'create b': KernelError(errno.EEXIST, 'taken')})
    error = refused(kernel, operation('create a'), operation('create b'), operation('create c'), operation('create d', 'blue'))
    assert kernel.sent == ['create a', 'create b', 'create c', 'delete c', 'delete a']
    assert error.message == "config[b]: making things 'b' failed: taken (EEXIST). Everything else of this task was taken back"
    assert error.details == {'failed_operation': describe(operation('create b'), RESOURCES), 'errno': errno.EEXIST, 'errno_name': 'EEXIST', 'extack': 'taken',
                             'rolled_back': True}


def test_the_first_error_is_told_and_the_namespace():
    kernel = Kernel({'create b': KernelError(errno.EPERM), 'create c': KernelError(errno.EEXIST)})
    error = refused(kernel, operation('create a', 'blue'), operation('create b', 'blue'), operation('create c', 'blue'))
    assert error.message.startswith("config[b]: making things 'b' in network namespace 'blue' failed: Operation not permitted (EPERM)")
    assert kernel.sent[-1] == 'delete a' and 'delete c' not in kernel.sent


def test_steps_of_one_undo_run_in_their_own_order():
    kernel = Kernel({'create z': KernelError(errno.EINVAL)})
    refused(kernel, operation('delete a', undo=['create a', 'set a1', 'set a2']), operation('create z'))
    assert kernel.sent[2:] == ['create a', 'set a1', 'set a2']


def test_a_refused_change_is_taken_back_too():
    """Of several messages of one operation the first may have worked."""
    kernel = Kernel({'two': KernelError(errno.EINVAL)})
    refused(kernel, operation('set a', requests=['one', 'two']))
    assert kernel.sent == ['one', 'two', 'set a-back']


def test_what_was_made_before_its_settings_were_refused_is_removed():
    kernel = Kernel({'settings': KernelError(errno.EINVAL)})
    error = refused(kernel, operation('create a', requests=['create a', 'settings']))
    assert kernel.sent == ['create a', 'settings', 'delete a'] and error.details['rolled_back']


def test_what_could_not_be_made_is_not_removed():
    """It is somebody else's: the settings that followed went to that."""
    kernel = Kernel({'create a': KernelError(errno.EEXIST)})
    refused(kernel, operation('create a', requests=['create a', 'settings']))
    assert 'delete a' not in kernel.sent


def test_messages_of_one_operation_in_two_namespaces():
    kernel = Kernel({'there': KernelError(errno.EINVAL)})
    refused(kernel, operation('create a', requests=['here', 'blue:there']))
    assert [netns for netns, unused in kernel.batches] == [None, 'blue', None] and kernel.sent == ['here', 'there', 'delete a']


def test_forgiven():
    kernel = Kernel({'delete a': KernelError(errno.ENOENT)})
    run(kernel, operation('delete a'))
    kernel = Kernel({'create a': KernelError(errno.ENOENT)})
    refused(kernel, operation('create a'))


def test_what_is_put_back_may_be_there_already():
    """An IPv4 address outlives its link going down."""
    kernel = Kernel({'create a': KernelError(errno.EEXIST)})
    run(kernel, operation('create a', put_back=True))


def test_an_acting_operation_that_fails():
    kernel = Kernel({'set b': KernelError(errno.EACCES, 'writing failed')})
    error = refused(kernel, operation('create a'), operation('set b', section='acts'), operation('create c'))
    assert kernel.sent == ['create a', 'set b-back', 'delete a'] and 'writing failed (EACCES)' in error.message


def test_an_index_that_is_missing_fails_its_operation():
    def missing(kernel):
        kernel.flush()
        raise KernelError(errno.ENODEV, "no interface 'x'")

    kernel = Kernel()
    error = refused(kernel, operation('create a'), operation('create b', requests=[missing]))
    assert kernel.sent == ['create a', 'delete a'] and error.details['failed_operation']['name'] == 'b'
    assert "no interface 'x' (ENODEV)" in error.message


def test_an_error_of_what_is_pending_comes_before_a_missing_index():
    def missing(unused):
        raise KernelError(errno.ENODEV)

    error = refused(Kernel({'create a': KernelError(errno.EINVAL)}), operation('create a'), operation('create b', requests=[missing]))
    assert error.details['failed_operation']['name'] == 'a'


@pytest.mark.parametrize('trouble', [RuntimeError('a defect'), KeyboardInterrupt(), InputError('no such namespace')])
def test_whatever_else_happens_leaves_no_trace(trouble):
    def bad(kernel):
        kernel.flush()
        raise trouble

    kernel = Kernel()
    with pytest.raises(type(trouble)):
        run(kernel, operation('create a'), operation('create b', requests=[bad]))
    assert kernel.sent == ['create a', 'delete a']


def test_a_batch_whose_outcome_is_unknown_is_taken_back():
    kernel = Kernel({'create b': OSError(errno.ENOBUFS, 'No buffer space')})
    kernel.once = kernel.refuse['create b']
    with pytest.raises(OSError):
        run(kernel, operation('create a'), operation('create b'), operation('create c'))
    assert kernel.sent == ['create a', 'create b', 'delete c', 'delete b', 'delete a']


def test_what_cannot_be_taken_back_is_said():
    kernel = Kernel({'create z': KernelError(errno.EINVAL), 'create a': KernelError(errno.EBUSY, 'in use')})
    error = refused(kernel, operation('delete a'), operation('delete b'), operation('create z'))
    assert kernel.sent[:5] == ['delete a', 'delete b', 'create z', 'create b', 'create a']
    assert error.message.endswith('Not everything could be taken back: create things a: in use') and error.details['rolled_back'] is False


def test_what_is_back_already_is_no_trouble():
    kernel = Kernel({'create z': KernelError(errno.EINVAL), 'create a': KernelError(errno.EEXIST)})
    assert refused(kernel, operation('delete a'), operation('create z')).details['rolled_back'] is True


def test_what_needs_something_that_comes_back_later_is_tried_again():
    """A port that was removed after its bridge comes back before it."""
    class Late(dict):
        def get(self, key, default=None):
            return KernelError(errno.ENODEV) if key == 'create port' and 'create bridge' not in kernel.sent else super().get(key, default)

    kernel = Kernel(Late({'create z': KernelError(errno.EINVAL)}))
    error = refused(kernel, operation('delete bridge'), operation('delete port'), operation('create z'))
    assert kernel.sent[-1] == 'create port' and error.details['rolled_back'] is True


@pytest.mark.parametrize('trouble', [OSError(errno.EEXIST, 'File exists'), KeyError('kept'), InputError('gone')])
def test_an_undo_that_breaks_does_not_stop_the_others(trouble):
    kernel = Kernel({'create z': KernelError(errno.EINVAL), 'delete b': trouble})
    error = refused(kernel, operation('create a'), operation('create b', section='acts'), operation('create z'))
    assert kernel.sent[-1] == 'delete a' and error.details['rolled_back'] is False and 'acts b' in error.message


def test_what_is_done_at_once_keeps_its_place_among_messages():
    kernel = Kernel()
    run(kernel, operation('create a'), operation('create b', section='surrounded'), operation('create c'))
    assert kernel.sent == ['create a', 'first create b', 'create b', 'last create b', 'create c']


@pytest.mark.parametrize('refused_word, back', [
    ('first create b', ['delete a']),
    ('create b', ['first delete b', 'delete b', 'last delete b', 'delete a']),
    ('last create b', ['first delete b', 'delete b', 'last delete b', 'delete a']),
])
def test_undo_of_what_is_done_at_once(refused_word, back):
    kernel = Kernel({refused_word: KernelError(errno.EINVAL)})
    error = refused(kernel, operation('create a'), operation('create b', section='surrounded'))
    assert error.details['rolled_back'] is True
    done = kernel.sent[kernel.sent.index(refused_word) + 1:] if refused_word in kernel.sent else kernel.sent[-len(back):]
    assert done == back


def test_describe():
    one = Operation('links', 'set', 'blue', 'vx0', 'vx0', {'mtu': 1400}, {'mtu': 1500}, where='links[0]', disruption='down', flushes=['routes'])
    assert describe(one, LINKS) == {'action': 'set', 'resource': 'links', 'netns': 'blue', 'name': 'vx0', 'disruption': 'down', 'item': 'links[0]',
                                    'flushes': ['routes'], 'values': {'mtu': 1400}, 'before': {'mtu': 1500}}
    assert 'values' not in describe(Operation('links', 'delete', None, 'a', 'a', {'x': 1}, {'x': 1}), LINKS)
    assert 'before' not in describe(Operation('links', 'create', None, 'a', 'a', {'x': 1}, {'x': 1}), LINKS)
