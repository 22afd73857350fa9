# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""can: a CAN controller (drivers/net/can, IFLA_CAN_* of linux/can/netlink.h)."""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import DOWN, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout


class Timing(Int):
    """A number of which 0 means that none is set."""

    def __init__(self, unit: str):
        super().__init__(1, unit=unit)

    def unwire(self, raw):
        return raw or None


class Rate(Timing):
    """The controller divides its clock; a rate that it comes close to is that rate. Farther off than 5 % the kernel refuses it."""

    def same(self, wanted, found):
        return found is not None and abs(wanted - found) * 20 <= wanted


class SamplePoint(Type):
    """A part of one, with three digits; on the wire thousandths. The kernel takes what comes nearest among those that the controller can."""

    spec = {'type': 'str'}
    allowed = '0.001-0.999'

    def parse(self, value):
        try:
            number = round(float(value) * 1000)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(self.allowed) from None
        if isinstance(value, bool) or not 1 <= number <= 999:
            raise ValueError(self.allowed)
        return f'0.{number:03}'

    def wire(self, value):
        return int(value[2:])

    def unwire(self, raw):
        return f'0.{raw:03}' if raw else None

    def same(self, wanted, found):
        return found is not None and abs(self.wire(wanted) - self.wire(found)) <= 50


_MEMBERS = ('bitrate', 'sample_point', 'tq', 'prop_seg', 'phase_seg1', 'phase_seg2', 'sjw', 'brp')
_STRUCT = struct.Struct('=8I')
#: struct can_bittiming; what is not given is 0 and worked out by the kernel
_BITTIMING = (lambda value: _STRUCT.pack(*(value.get(name, 0) for name in _MEMBERS)),
              lambda data, start, end: dict(zip(_MEMBERS, _STRUCT.unpack(bytes(data[start:end])[:32].ljust(32, b'\0')))))
_TDC = Layout([(7, 'tdcv', 'uint32'), (8, 'tdco', 'uint32'), (9, 'tdcf', 'uint32')])
_PWM = Layout([(7, 'pwms', 'uint32'), (8, 'pwml', 'uint32'), (9, 'pwmo', 'uint32')])
#: struct can_ctrlmode
_CTRLMODE = (5, (('mask', 'I'), ('flags', 'I')))
#: bits of the two modes of delay compensation, of CAN FD and CAN XL
_TDC_MODES = {'tdc_mode': (0x200, 0x400), 'xtdc_mode': (0x2000, 0x4000)}

_OF = {'': 'of CAN', 'd': 'of the data phase of CAN FD', 'x': 'of the data phase of CAN XL'}
_TIMINGS = {'': ('IFLA_CAN_BITTIMING', 1), 'd': ('IFLA_CAN_DATA_BITTIMING', 9), 'x': ('IFLA_CAN_XL_DATA_BITTIMING', 18)}
_TDCS = {'': ('IFLA_CAN_TDC', 16), 'x': ('IFLA_CAN_XL_TDC', 21)}


def _field(name: str, *arguments, **more) -> Field:
    return Field(name, *arguments, live=DOWN, keyword=name.replace('_', '-'), **more)


def _bittiming(phase: str) -> list:
    attr, number = _TIMINGS[phase]

    def one(name, type_, doc):
        return _field(phase + name, type_, attr, doc, nla=(number, _BITTIMING), member=name)

    quanta = 'time quanta'
    return [
        one('bitrate', Rate('bit/s'), f'Bit rate {_OF[phase]}.'),
        one('sample_point', SamplePoint(), f'Where in a bit {_OF[phase]} it is sampled, as a part of one.'),
        one('tq', Timing('nanoseconds'), f'Length of a time quantum {_OF[phase]}; with the segments below in place of O(can.{phase}bitrate).'),
        one('prop_seg', Timing(quanta), f'Propagation segment {_OF[phase]}.'),
        one('phase_seg1', Timing(quanta), f'Phase buffer segment 1 {_OF[phase]}.'),
        one('phase_seg2', Timing(quanta), f'Phase buffer segment 2 {_OF[phase]}.'),
        one('sjw', Timing(quanta), f'Synchronisation jump width {_OF[phase]}.'),
    ]


def _tdc(phase: str) -> list:
    attr, number = _TDCS[phase]
    return [_field(phase + name, Int(unit='minimum time quanta'), attr, f'{doc} {_OF[phase or "d"]}.', nla=(number, _TDC), member=name) for name, doc in (
        ('tdcv', 'Measured delay that the transmitter compensates'), ('tdco', 'Offset of the delay compensation'),
        ('tdcf', 'Filter window of the delay compensation'))]


def _mode(name: str, bit: int, doc: str) -> Field:
    return _field(name, Bool('on', 'off'), 'IFLA_CAN_CTRLMODE', doc, nla=_CTRLMODE, bit=bit)


def _tdc_mode(name: str, which: str) -> Field:
    return _field(name, Enum({'off': 0, 'auto': 1, 'manual': 2}), None,
                  f'Compensation of the transmitter delay {which}: none, measured by the controller, or as O(can.{name[:-8]}tdcv) says.')


def _encode(values: dict, attrs: dict):
    for phase, (attr, unused) in _TIMINGS.items():
        if attr in attrs and phase + 'tq' in values:  # the segments say all; the kernel wants the one or the other
            for name in ('bitrate', 'sample_point'):
                attrs[attr].pop(name, None)
    for option, bits in _TDC_MODES.items():
        if option in values:
            mode = attrs.setdefault('IFLA_CAN_CTRLMODE', {'flags': 0, 'mask': 0})
            chosen = {'off': 0, 'auto': bits[0], 'manual': bits[1]}[values[option]]
            mode['mask'] |= chosen or sum(bits)
            mode['flags'] |= chosen


def _decode(attrs: dict) -> dict:
    flags = attrs.get('IFLA_CAN_CTRLMODE', {}).get('flags', 0)
    return {option: 'auto' if flags & auto else 'manual' if flags & manual else 'off' for option, (auto, manual) in _TDC_MODES.items()}


def _check(values: dict):
    for phase in _TIMINGS:
        bitrate, tq = phase + 'bitrate' in values, phase + 'tq' in values
        if bitrate and tq:
            return f'{phase}bitrate and {phase}tq exclude each other: a bit is told by its rate or by its parts'
        if phase + 'sample_point' in values and not bitrate:
            return f'{phase}sample_point needs {phase}bitrate'
        for name in ('prop_seg', 'phase_seg1', 'phase_seg2'):
            if phase + name in values and not tq:
                return f'{phase}{name} needs {phase}tq'
        if phase + 'sjw' in values and not (bitrate or tq):
            return f'{phase}sjw needs {phase}bitrate or {phase}tq'
    for phase, switch in (('d', 'fd'), ('x', 'xl')):
        timed = [name for name in (phase + 'bitrate', phase + 'tq') if name in values]
        if timed and not values.get(switch):
            return f'{timed[0]} needs {switch}: true'
        if values.get(switch) and not (timed and ('bitrate' in values or 'tq' in values)):
            return f'{switch} needs both bit timings: bitrate and {phase}bitrate'
    for name in ('tdcv', 'tdco', 'tdcf', 'tdc_mode'):
        for phase, switch in (('', 'fd'), ('x', 'xl')):
            if values.get(phase + name, 'off') != 'off' and not values.get(switch):
                return f'{phase}{name} needs {switch}: true'
    return None


def _restorable(values: dict) -> dict:
    """Timing by its rate where there is one: the parts follow from it, and hold for one controller only."""
    parts = {phase + name for phase in _TIMINGS if phase + 'bitrate' in values for name in ('tq', 'prop_seg', 'phase_seg1', 'phase_seg2', 'sjw')}
    kept = {option: value for option, value in values.items() if option not in parts and value is not False and value != 'off'}
    return {option: value for option, value in kept.items() if option not in ('tdcv', 'tdco', 'tdcf') or kept.get('tdc_mode') == 'manual'}


_FIELDS = [
    *_bittiming(''), *_bittiming('d'), *_tdc(''), *_bittiming('x'), *_tdc('x'),
    *(_field(name, Int(unit='minimum time quanta'), 'IFLA_CAN_XL_PWM', doc, nla=(22, _PWM), member=name) for name, doc in (
        ('pwms', 'Short part of a pulse of CAN XL.'), ('pwml', 'Long part of a pulse of CAN XL.'), ('pwmo', 'Offset of the pulses of CAN XL.'))),
    _mode('loopback', 0x1, 'The controller receives what it sends.'),
    _mode('listen_only', 0x2, 'Receive without ever sending a dominant bit.'),
    _mode('triple_sampling', 0x4, 'Sample each bit three times.'),
    _mode('one_shot', 0x8, 'Do not repeat frames that nobody acknowledged.'),
    _mode('berr_reporting', 0x10, 'Report bus errors.'),
    _mode('fd', 0x20, 'CAN FD; both bit timings are needed.'),
    _mode('presume_ack', 0x40, 'Take missing acknowledgements for given.'),
    _mode('fd_non_iso', 0x80, 'CAN FD as it was before ISO 11898-1:2015.'),
    _mode('cc_len8_dlc', 0x100, 'Frames of 8 bytes keep the length code that they were sent with.'),
    _tdc_mode('tdc_mode', 'of CAN FD'),
    _mode('restricted', 0x800, 'Restricted operation: acknowledge, and send nothing by itself.'),
    _mode('xl', 0x1000, 'CAN XL; both bit timings are needed.'),
    _tdc_mode('xtdc_mode', 'of CAN XL'),
    _mode('tms', 0x8000, 'Switch the transceiver to the mode of the CAN XL data phase.'),
    _field('restart_ms', Int(unit='milliseconds'), 'IFLA_CAN_RESTART_MS', 'Pause after which a controller that is off the bus starts again; 0 is never.',
           nla=(6, 'uint32')),
    Field('termination', Int(0, 65535, 'Ohm'), 'IFLA_CAN_TERMINATION', 'Resistor that ends the bus; 0 for none.', nla=(11, 'uint16')),
]
#: the kernel takes the timings of CAN, CAN FD and CAN XL, and the modes that they are of, from one message
_TOGETHER = tuple(field.name for field in _FIELDS if field.member or field.name in ('fd', 'xl', *_TDC_MODES))

KIND = Kind('can', 'An existing CAN controller, such as C(can0): its bit timing and modes. O(kind=vcan) and O(kind=vxcan) have none.', _FIELDS, made=False,
            # what the controller can do is not looked at, and pyroute2 has it wrong
            rows=[(2, 'IFLA_CAN_BITTIMING_CONST', 'cdata'), (10, 'IFLA_CAN_DATA_BITTIMING_CONST', 'cdata')],
            ether=False, encode=_encode, decode=_decode, check=_check, restorable=_restorable, whole=[_TOGETHER])
