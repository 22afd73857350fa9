# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies a plan as one transaction: batches of netlink messages in order, undone in reverse when one is refused."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError, TransactionError, VnetError


class Refused(Exception):
    """The first operation that failed, with what had been applied by then."""

    def __init__(self, operation, error):
        super().__init__(str(error))
        self.operation, self.error = operation, error


class Applier:
    """Runs operations. What can travel together does; the order of the plan is kept across namespaces."""

    def __init__(self, resources: dict, kernel):
        self.resources, self.kernel = resources, kernel
        self.pending: list[tuple] = []  # (operation, netns, request)
        self.applied: list = []
        self.failed: list = []

    def run(self, operations: list):
        """Apply all, or undo all and raise TransactionError."""
        self.kernel.flush = self._flush
        try:
            for operation in operations:
                self._one(operation)
            self._flush()
        except Refused as refused:
            undone = self._undo()
            raise self._explain(refused, undone) from None
        except BaseException:  # a defect of ours or an interrupt: leave no trace either
            self._undo()
            raise
        finally:
            self.kernel.flush = lambda: None

    def _one(self, operation):
        resource = self.resources[operation.section]
        try:
            if resource.batched:
                requests = resource.encode(operation, self.kernel)
                self.pending += [(operation, netns, request) for netns, request in requests]
            else:
                self._flush()
                resource.perform(operation, self.kernel)
                self.applied.append(operation)
        except KernelError as exc:
            self._flush()
            self.failed.append(operation)
            raise Refused(operation, exc) from None

    def _flush(self):
        """Send what is pending, one batch for each run of messages to the same namespace."""
        pending, self.pending = self.pending, []
        first = 0
        refused = None
        while first < len(pending):
            netns, last = pending[first][1], first
            while last < len(pending) and pending[last][1] == netns:
                last += 1
            part = pending[first:last]
            errors, unused = self.kernel.namespaces.socket(netns).batch([request for unused2, unused3, request in part])
            bad = {}
            for place in sorted(errors):
                operation = part[place][0]
                if not self.resources[operation.section].forgiven(operation, errors[place]):
                    bad.setdefault(id(operation), (operation, errors[place]))
            seen = set()
            for operation, unused2, unused3 in part:
                if id(operation) not in seen:
                    seen.add(id(operation))
                    (self.failed if id(operation) in bad else self.applied).append(operation)
            if bad and refused is None:
                refused = next(iter(bad.values()))
                break
            first = last
        if refused is not None:
            raise Refused(*refused)

    def _undo(self) -> list:
        """Take back in reverse; returns sentences about what could not be taken back."""
        self.pending = []
        self.kernel.flush = lambda: None
        troubles = []
        # a refused change may have been carried out in part: its undo is tried, and its failures mean nothing
        steps = [(operation, True) for operation in reversed(self.failed) if operation.action == 'set']
        steps += [(operation, False) for operation in reversed(self.applied)]
        for operation, lenient in steps:
            for back in operation.undo:
                trouble = self._take_back(back)
                if trouble and not lenient:
                    troubles.append(trouble)
        return troubles

    def _take_back(self, operation) -> str | None:
        resource = self.resources[operation.section]
        try:
            if not resource.batched:
                resource.perform(operation, self.kernel)
                return None
            for netns, request in resource.encode(operation, self.kernel):
                errors, unused = self.kernel.namespaces.socket(netns).batch([request])
                for error in errors.values():
                    if error.errno != 17 and not resource.forgiven(operation, error):  # EEXIST: it is back already
                        return f'{operation.action} {operation.section} {operation.name}: {error.message}'
        except VnetError as exc:
            if isinstance(exc, KernelError) and (operation.action == 'delete' or resource.forgiven(operation, exc)):
                return None
            return f'{operation.action} {operation.section} {operation.name}: {exc.message}'
        return None

    def _explain(self, refused, troubles) -> VnetError:
        operation, error = refused.operation, refused.error
        reason = self.resources[operation.section].explain(operation, error)
        verb = {'create': 'making', 'set': 'changing', 'delete': 'removing', 'move': 'moving'}.get(operation.action, operation.action)
        noun = self.resources[operation.section].noun
        text = f"{operation.where or operation.name}: {verb} {noun} '{operation.name}'"
        if operation.netns:
            text += f" in network namespace '{operation.netns}'"
        text += f' failed: {reason}'
        if troubles:
            text += '. Not everything could be taken back: ' + '; '.join(troubles)
        else:
            text += '. Everything else of this task was taken back'
        return TransactionError(text, failed_operation=describe(operation), errno=error.errno, errno_name=error.name,
                                extack=error.extack, rolled_back=not troubles)


def describe(operation) -> dict:
    """An operation as the user sees it."""
    shown = {'action': operation.action, 'resource': operation.section, 'netns': operation.netns, 'name': operation.name,
             'disruption': operation.disruption}
    if operation.where:
        shown['item'] = operation.where
    if operation.flushes:
        shown['flushes'] = operation.flushes
    if operation.values and operation.action != 'delete':
        shown['values'] = operation.values
    if operation.before and operation.action != 'create':
        shown['before'] = operation.before
    return shown
