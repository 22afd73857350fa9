# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies a plan as one transaction: batches of netlink messages in order, undone in reverse when one is refused."""

from __future__ import annotations

import contextlib
import errno
import threading
from itertools import groupby

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError, TransactionError, VnetError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE

#: from so many deletions in a row on, a resource may have a quicker way
MANY = 4
#: from so many messages on, they are sent while the next ones are made
AHEAD = 100


class Refused(Exception):
    """The first operation that failed, with what had been applied by then."""

    def __init__(self, operation, error):
        super().__init__(str(error))
        self.operation, self.error = operation, error


class Flight(threading.Thread):
    """Sends in a thread of its own: the kernel does its work within send(), where Python lets others run."""

    def __init__(self, send, parts: list):
        """send(*part) is called for each of the parts, until one raises something: that is `trouble` then."""
        super().__init__(daemon=True)
        self.send, self.parts, self.trouble = send, parts, None

    def run(self):
        try:
            for part in self.parts:
                self.send(*part)
        except BaseException as exc:  # pylint: disable=broad-except  # raised by who waits for it
            self.trouble = exc


class Applier:
    """Runs operations. What can travel together does; the order of the plan is kept across namespaces."""

    def __init__(self, resources: dict, kernel, what: str = 'this task', pause=lambda: None):
        """pause() is called where what has been done is known: what it raises has that taken back."""
        self.resources, self.kernel, self.what, self.pause = resources, kernel, what, pause
        self.pending: list[tuple] = []  # (operation, netns, request)
        self.removing = False  # whether something that is pending goes
        self.flight: Flight | None = None  # what is on its way to the kernel; nothing else is sent meanwhile
        #: {id: [operation, certain]} of what reached the kernel, in order; not certain: it was carried out in part, or nobody knows
        self.touched: dict = {}

    def run(self, operations: list, meanwhile=lambda: None):
        """Apply all, or undo all and raise TransactionError. Returns what `meanwhile` does, which is called while the kernel may still be at work."""
        self.kernel.flush, self.kernel.namespaces.idle, self.kernel.pause = self._flush, self._land, self.pause
        try:
            for operation in operations:
                self.pause()
                self._one(operation)
                if len(self.pending) >= AHEAD and not self.removing and not (self.flight and self.flight.is_alive()):
                    self._ahead()
            told = meanwhile()
            self._flush()
            return told
        except Refused as refused:
            undone = self._undo()
            raise self._explain(refused, undone) from None
        except BaseException as exc:  # a defect of ours or an interrupt: leave no trace either
            exc.troubles = self._undo()
            if isinstance(exc, VnetError):
                exc.message += left_behind(exc.troubles)
                exc.details['rolled_back'] = not exc.troubles
            raise
        finally:
            self.kernel.flush = self.kernel.namespaces.idle = self.kernel.pause = lambda: None

    def _one(self, operation):
        resource = self.resources[operation.section]
        try:
            if operation.disruption == RECREATE and operation.action == 'create' and self.removing:
                self._flush()  # where the old one could not be removed, messages for the new one of its name would reach it
            if resource.batched:
                first, last = resource.immediate(operation, self.kernel)
                if first is not None:
                    self._act(operation, first)
                requests = resource.encode(operation, self.kernel)
                self.pending += [(operation, netns, request) for netns, request in requests]
                self.removing = self.removing or operation.action == 'delete'
                if last is not None:
                    self._act(operation, last)
            else:
                self._act(operation, lambda: resource.perform(operation, self.kernel))
        except KernelError as exc:
            self._flush()
            raise Refused(operation, exc) from None

    def _act(self, operation, act):
        """Something that is done at once. It is noted before, since what ends it midway (an interrupt, a defect) may leave a part of it."""
        self._flush()
        known = id(operation) in self.touched
        self._touch(operation, False)
        try:
            act()
        except VnetError:
            if not known and operation.action != 'set' and not operation.facts.get('rows'):  # refused: what is there is somebody else's
                del self.touched[id(operation)]
            raise
        self._touch(operation, True)

    def _touch(self, operation, certain: bool):
        entry = self.touched.setdefault(id(operation), [operation, certain])
        entry[1] = entry[1] or certain

    def _flush(self):
        """Send what is pending, one batch for each run of messages to the same namespace."""
        self._land()
        pending, self.pending, self.removing = self.pending, [], False
        while pending:
            wave, pending = self._wave(pending)
            for part in self._parts(wave):
                self._send(*part)

    def _ahead(self):
        """Send what can be sent by now, and do not wait for it."""
        self._land()
        wave, self.pending = self._wave(self.pending)
        self.flight = Flight(self._send, list(self._parts(wave)))
        try:
            self.flight.start()
        except RuntimeError:  # no more threads to be had
            flight, self.flight = self.flight, None
            for part in flight.parts:
                self._send(*part)

    def _land(self):
        """Wait for what is on its way; raises what its sending has raised."""
        if self.flight is not None:
            self.flight.join()
            trouble, self.flight = self.flight.trouble, None
            if trouble is not None:
                raise trouble

    def _parts(self, wave):
        """(socket, namespace, entries) of each batch of a wave."""
        for netns, run in groupby(wave, lambda entry: entry[1]):
            socket = self.kernel.namespaces.socket(netns)
            for part in _parts(list(run)):
                yield socket, netns, part

    def _wave(self, pending) -> tuple[list, list]:
        """What can be sent, and what has to wait until that has worked.

        Where someone else has made an object of that name meanwhile, messages that name it would reach theirs: they follow when ours is made. Others
        that make something need not wait for them.
        """
        wave, waiting, made, expected = [], [], set(), set()
        for entry in pending:
            operation = entry[0]
            makes = operation.action == 'create' and self.resources[operation.section].by_name
            if id(operation) in made or operation.requires & expected or (waiting and not makes):
                waiting.append(entry)
            else:
                wave.append(entry)
            if makes:
                made.add(id(operation))
            if makes or waiting:
                expected |= operation.provides
        return wave, waiting

    def _send(self, socket, netns, part):
        """One batch; raises Refused with the first operation that was refused."""
        try:
            self._remove_many(netns, [operation for operation, unused, unused2 in part])
            errors, unused = socket.batch([request for unused2, unused3, request in part])
        except BaseException as exc:  # nobody knows how much of it was carried out
            for operation, unused2, unused3 in part:
                self._touch(operation, False)
            if isinstance(exc, KernelError):
                raise Refused(part[0][0], exc) from None
            raise
        bad: dict = {}
        for place in sorted(errors):
            operation, error = part[place][0], errors[place]
            there = error.errno == errno.EEXIST and operation.facts.get('put_back')  # an IPv4 address, say, outlives its link going down
            if not there and not self.resources[operation.section].forgiven(operation, error):
                bad.setdefault(id(operation), (operation, error))
        started: set = set()
        for place, (operation, unused2, unused3) in enumerate(part):
            if id(operation) in started:
                continue
            started.add(id(operation))
            if id(operation) not in bad:
                self._touch(operation, True)
            elif operation.action == 'set' or place not in errors:  # its first message worked: what it made is there
                self._touch(operation, False)
        if bad:
            raise Refused(*next(iter(bad.values())))

    def _remove_many(self, netns, operations):
        """Lets a resource do at once what many deletions are for; each of them is sent all the same, and finds it done."""
        if _many_deletions(operations):
            self.resources[operations[0].section].remove_many(netns, operations, self.kernel)

    def _undo(self) -> list:
        """Take back in reverse; returns sentences about what could not be taken back."""
        with contextlib.suppress(BaseException):  # what was on its way is taken back as well, whatever became of it
            self._land()
        self.pending = []
        self.kernel.flush = self.kernel.pause = lambda: None
        failed = []
        backs = [(back, certain) for operation, certain in reversed(self.touched.values()) for back in operation.undo]
        for (unused, netns, unused2), run in groupby(backs, lambda one: (one[0].section, one[0].netns, one[0].action)):
            run = list(run)
            try:
                self._remove_many(netns, [back for back, unused3 in run])
            except (KernelError, OSError):
                pass  # one by one, then
            for back, certain in run:
                trouble = self._take_back(back)
                if trouble:
                    failed.append((back, trouble, certain))
        # what needs something that came back after it works now; of what was carried out in part, not all can be taken back
        return [trouble for back, trouble, certain in failed if self._take_back(back) and certain] + [
            back.facts['lost'] for back, certain in backs if certain and 'lost' in back.facts]

    def _take_back(self, operation) -> str | None:
        resource = self.resources[operation.section]
        try:
            if not resource.batched:
                resource.perform(operation, self.kernel)
                return None
            first, last = resource.immediate(operation, self.kernel)
            if first is not None:
                first()
            trouble = None
            for netns, request in resource.encode(operation, self.kernel):  # all of them: what was carried out in part is taken back in part
                errors, unused = self.kernel.namespaces.socket(netns).batch([request])
                for error in errors.values():
                    if error.errno != errno.EEXIST and not resource.forgiven(operation, error):  # it is back already
                        trouble = trouble or f'{operation.action} {operation.section} {operation.name}: {error.message}'
            if last is not None:
                last()
        except Exception as exc:  # pylint: disable=broad-except  # whatever goes wrong here, the others are taken back all the same
            if isinstance(exc, KernelError) and (operation.action == 'delete' or resource.forgiven(operation, exc)):
                return None
            return f'{operation.action} {operation.section} {operation.name}: {exc}'
        return trouble

    def _explain(self, refused, troubles) -> VnetError:
        operation, error = refused.operation, refused.error
        reason = self.resources[operation.section].explain(operation, error)
        verb = {'create': 'making', 'set': 'changing', 'delete': 'removing', 'move': 'moving'}.get(operation.action, operation.action)
        noun = self.resources[operation.section].noun
        text = f"{operation.where or operation.name}: {verb} {noun} '{operation.name}'"
        if operation.netns:
            text += f" in network namespace '{operation.netns}'"
        text += f' failed: {reason}'
        text += left_behind(troubles) or f'. Everything else of {self.what} was taken back'
        return TransactionError(text, failed_operation=describe(operation, self.resources), errno=error.errno, errno_name=error.name,
                                extack=error.extack, rolled_back=not troubles)


def left_behind(troubles: list) -> str:
    """What a sentence about a failure says of what could not be taken back."""
    return f". Not everything could be taken back: {'; '.join(troubles)}" if troubles else ''


def _many_deletions(operations) -> bool:
    return len(operations) >= MANY and {(one.section, one.action) for one in operations} == {(operations[0].section, 'delete')}


def _parts(entries) -> list[list]:
    """One batch each: many deletions of a resource in a row are one of their own, so that it may do them at once, but not before what precedes them."""
    parts: list[list] = [[]]
    for unused, run in groupby(entries, lambda entry: (entry[0].section, entry[0].action == 'delete')):
        run = list(run)
        if _many_deletions([operation for operation, unused2, unused3 in run]):
            parts += [run, []]
        else:
            parts[-1] += run
    return [part for part in parts if part]


def describe(operation, resources: dict) -> dict:
    """An operation as the user sees it."""
    shown_by = resources[operation.section].shown
    shown = {'action': operation.action, 'resource': operation.section, 'netns': operation.netns, 'name': operation.name,
             'disruption': operation.disruption}
    if operation.where:
        shown['item'] = operation.where
    if operation.flushes:
        shown['flushes'] = operation.flushes
    if operation.values and operation.action != 'delete':
        shown['values'] = shown_by(operation.values)
    if operation.before and operation.action != 'create':
        shown['before'] = shown_by(operation.before)
    return shown
