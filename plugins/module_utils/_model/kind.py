# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind of link: a table of fields, and what is peculiar to it."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Table


class Kind:
    """One link kind.

    name     IFLA_INFO_KIND and iproute2's `type`
    doc      one or two sentences for the manual
    fields   options of the dict named as the kind
    data     pyroute2's name of the class of IFLA_INFO_DATA, where it is not the kind's name; its rows need not exist
    parent   'required' or 'optional' if the link sits on another one (`link`), None if it stands alone
    falls    the kernel removes it with the link below it
    paired   made as a pair whose other end is `peer`: the number of its attribute among IFLA_INFO_DATA
    primary  attribute of IFLA_INFO_DATA that is 0 on the end that was made as `peer`, where the ends are not alike
    port     options of a port of such a link: a Table, sent as IFLA_INFO_SLAVE_DATA
    port_option  name of the port's dict on the enslaved link
    port_down    a port must be down when it is enslaved
    rows     (number, name, type) of attributes of IFLA_INFO_DATA that no field names
    encode   function(values, attributes) to add what no single field says
    decode   function(attributes) -> own values that no single field says
    check    function(values) -> sentence or None, for options that contradict each other
    fixed    function(changed own values, found ones) -> options that a live link cannot take, beyond those that are never live
    expand   function(given own values) -> the same with the options that some of them stand for in their place
    anew     a message that changes a live link replaces all of its own options: all that are known are sent
    underlay  its outer packets stay in the namespace that it was made in: `link_netns`, which it can have without `link`
    whole    tuples of options that the kernel takes together only: where one of them changes, all that are wanted are sent
    made     False where such devices come with their hardware: they are configured, and neither made nor removed
    turns    function(changed own values) -> the same as a list of what one message takes, in order, where one cannot have them all
    fresh    {option: value} that a new link has anyway, and that a kernel without the feature refuses to be told
    together  {option: others} that iproute2 wants in the same line as the option, though they do not change
    restorable  function(own values) -> those with which a live link can be made again, where not all can
    creatable   function(own values) -> those that the message which makes a link has to have, where the kernel refuses some that would be so anyway
    disturbed   function(changed own values, found ones) -> {option: found value} of those that the kernel changes by itself when it takes the changed ones
    resets   function(given own values, found ones) -> set of those that have the kernel's default for the given ones on a link that is made anew
    parts    Part objects: options that are read and set by another way than link messages
    later    common options that the driver does not take from the message that makes the link
    ether    the link has MAC addresses of its own; otherwise `address` and `broadcast` are not its options
    brings   function(own values) -> names of other links that are made and removed with it
    layer    the option that decides what the link carries: with another value it has other flags, and another MAC or none
    fallback names of the devices that the driver makes by itself in every namespace, which nobody can remove
    """

    def __init__(self, name: str, doc: str, fields=(), *, data: str | None = None, parent: str | None = None,
                 falls: bool | None = None, paired: int = 0, primary: str | None = None, port=(), port_option: str | None = None, port_down: bool = False,
                 rows=(), encode=None, decode=None, whole=(), made: bool = True, check=None, restorable=None, fixed=None, together=None,
                 key: str | None = None, parts=(), later=(), ether: bool = True, layer: str | None = None, brings=None, fallback=(), expand=None,
                 anew: bool = False, underlay: bool = False, turns=None, creatable=None, disturbed=None,
                 resets=None, fresh=None):
        self.name, self.doc = name, doc
        self.table = Table(fields)
        self.data = data or name
        self.parent, self.paired, self.primary = parent, paired, primary
        self.falls = parent == 'required' if falls is None else falls
        self.port = Table(port) if port_option else None
        self.port_option, self.port_down = port_option, port_down
        self.rows, self.encode, self.decode = tuple(rows), encode, decode
        self.whole, self.made = tuple(whole), made
        self.check, self.restorable, self.creatable, self.disturbed = check, restorable, creatable, disturbed
        self.resets, self.fresh = resets, fresh or {}
        self.layer, self.brings = layer, brings or (lambda values: [])
        self.fixed, self.together, self.turns = fixed, together or {}, turns or (lambda changed: [changed])
        self.key = key or name
        self.expand, self.anew, self.underlay = expand, anew, underlay
        self.parts, self.later, self.ether, self.fallback = tuple(parts), tuple(later), ether, tuple(fallback)
