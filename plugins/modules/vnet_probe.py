#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_probe
short_description: Prove with packets what is reachable from a network namespace
version_added: 0.1.0
description:
  - Sends ICMP echo requests, UDP packets or TCP connections from a network namespace and tells whether answers come back, how fast, and if not, why.
  - With O(rate) it measures how much of a UDP flow arrives, and with O(protocol=can) it sends CAN frames and tells whether they are received.
  - All probes of a task run at the same time in one process, so that hundreds of them take about as long as the slowest one.
  - A probe of what must be reachable repeats until the first answer or until its time is over, so that address resolution and spanning tree may take
    their time. A probe of what must not be reachable sends several packets and always waits its whole time.
  - With O(listen) it also is the other side of a TCP or UDP probe, and with O(tap) the program at the other side of a tun, tap, macvtap or ipvtap device.
  - Nothing but Python is needed on the host; no ping program is called.
options:
  name:
    type: str
    description: &name
      - Label of the probe in results and messages. By default made of O(netns) and O(to).
  netns:
    type: str
    description: &netns
      - Network namespace to send from, a name as in C(ip -n), V(pid:N), or the absolute path of a namespace file.
      - Absent means the namespace that the module runs in.
  tap:
    type: str
    description: &tap
      - Name of a tun, tap, macvtap or ipvtap device. The probe then is the program at its other side, which opens C(/dev/net/tun) or C(/dev/tapN) as any
        program would, and in it a host of its own with the IPv4 address O(src). What that host sends is written to the descriptor, what comes for it is
        read from there. It answers ARP and ICMP echo requests.
      - With O(to) it sends echo requests as well. Without it, it answers as long as the other probes of the task run, or for O(timeout) seconds where that
        is longer, and RV(results[].received) counts the requests.
      - The device is attached to with the options that it has, and afterwards is as it was. Hosts on one device share one descriptor.
  user:
    type: str
    description: &user
      - User by whose rights the device of O(tap) is opened, a name or a number, to prove that it is his to use. By default the user of the module.
  mac:
    type: str
    description: &mac
      - MAC address of the host in O(tap). By default that of a macvtap or ipvtap device, and for a tap device one that is made of its name and O(src);
        the address of the tap device itself belongs to the kernel's side. Not used for tun.
  to:
    type: str
    description: &to
      - IPv4 or IPv6 address to reach. A link-local IPv6 address needs O(dev), or its zone as in V(fe80::1%eth0).
      - With O(protocol=can) the CAN interface that must receive the frame.
      - Required unless O(listen) or O(tap) is set.
  to_netns:
    type: str
    description: &to_netns
      - Network namespace of the interface O(to), with O(protocol=can). Absent means the namespace that the module runs in.
  protocol:
    type: str
    choices: [icmp, tcp, udp, can]
    default: icmp
    description: &protocol
      - V(icmp) sends echo requests.
      - V(tcp) counts a connection that is accepted as an answer.
      - V(udp) counts any packet that comes back from O(port) as an answer.
      - V(can) sends O(frame) on O(dev) and counts its arrival on O(to) as an answer; both may be the same interface. Needs no address and no responder.
  frame:
    type: str
    description: &frame
      - CAN frame to send, as C(cansend) takes it. By default V(123#DEADBEEF).
  port:
    type: int
    description: &port
      - Destination port, needed for V(tcp) and V(udp). With O(listen) the port to listen on.
  src:
    type: str
    description: &src
      - Source address. It must be an address of the namespace. With O(listen) the address to listen on. With O(tap) the address of the host, needed there.
  dev:
    type: str
    description: &dev
      - Interface to send through whatever the routes say, or a VRF.
  size:
    type: int
    default: 56
    description: &size
      - Payload of each packet in bytes, as C(ping -s). An ICMP packet over IPv4 is 28 bytes longer, over IPv6 48 bytes. UDP payloads have at least 80 bytes.
        Not used for V(tcp).
  df:
    type: bool
    default: false
    description: &df
      - Forbid fragmentation. Together with O(size) this proves the path MTU; size V(1472) fills an MTU of 1500 over IPv4.
  ttl:
    type: int
    description: &ttl
      - Time to live or hop limit, 1 to 255. By default the kernel's.
  count:
    type: int
    description: &count
      - Send exactly this many packets and count the losses, instead of ending at the first answer.
      - With O(listen), end after as many answers.
  interval:
    type: float
    default: 0.2
    description: &interval
      - Seconds between packets. A probe with O(expect=unreachable) and no O(count) sends at least four packets in its time.
  timeout:
    type: float
    description: &timeout
      - Seconds for the whole probe. By default V(5) for what is expected to be reachable and V(1) for what is not; with O(count), as long as sending takes
        and 2 seconds (1 if unreachable) for the last answer; with O(listen) V(60).
  expect:
    type: str
    choices: [reachable, unreachable]
    default: reachable
    description: &expect
      - What should be the case.
      - V(unreachable) means that nothing comes back from O(to). A TCP connection refused or a UDP port closed by O(to) itself shows that packets arrive,
        so it does not count as unreachable. Neither does a probe that could not be made (no such namespace, interface or source address), since it
        proves nothing. An address with no route to it, and an error of a router or firewall, are unreachable.
  max_loss:
    type: int
    description: &max_loss
      - How many of O(count) packets may stay unanswered. By default one answer is enough.
  max_gap:
    type: float
    description: &max_gap
      - Longest time without an answer that is allowed while O(count) packets are sent, in milliseconds. It is never less than O(interval).
      - Use it to prove that traffic goes on while a cable is pulled.
  rate:
    type: str
    description: &rate
      - Send a flow of packets of O(size) bytes at this rate and tell in RV(results[].rate) how much of it arrives, for O(protocol=udp) with a responder of
        this module at the other end. A rate is written as with C(tc), such as V(500kbit) or V(20mbit), and counts whole Ethernet frames as C(tc) does.
      - A flow has at most 65535 packets, so give a O(size) such as V(1400).
  duration:
    type: float
    description: &duration
      - Seconds for which to send at O(rate). By default V(2). A queue lets its burst pass before it limits, so a longer flow is nearer to the limit.
  min_rate:
    type: str
    description: &min_rate
      - How much of O(rate) must arrive.
  max_rate:
    type: str
    description: &max_rate
      - How much may arrive at most, to prove a limit. O(rate) must be more.
  seen_as:
    type: str
    description: &seen_as
      - Source address that the other end must see, to prove address translation. Needs a responder at the other end, see O(listen).
      - With O(protocol=can) the frame that must be received where a gateway changes O(frame) on the way.
  listen:
    type: bool
    default: false
    description: &listen
      - Instead of sending, start a process in the background that accepts TCP connections or UDP requests of this module on O(port) and answers with the
        address that it sees. The task does not wait. The process ends by itself after O(timeout) seconds or O(count) answers.
      - In a list the responders are started before the probes, so both ends on one host fit into one task.
  config:
    type: list
    elements: dict
    description:
      - List of probes. Each takes what it leaves out from the options of the same name beside the list.
    suboptions:
      name:
        type: str
        description: *name
      netns:
        type: str
        description: *netns
      tap:
        type: str
        description: *tap
      user:
        type: str
        description: *user
      mac:
        type: str
        description: *mac
      to:
        type: str
        description: *to
      to_netns:
        type: str
        description: *to_netns
      protocol:
        type: str
        choices: [icmp, tcp, udp, can]
        description: *protocol
      frame:
        type: str
        description: *frame
      port:
        type: int
        description: *port
      src:
        type: str
        description: *src
      dev:
        type: str
        description: *dev
      size:
        type: int
        description: *size
      df:
        type: bool
        description: *df
      ttl:
        type: int
        description: *ttl
      count:
        type: int
        description: *count
      interval:
        type: float
        description: *interval
      timeout:
        type: float
        description: *timeout
      expect:
        type: str
        choices: [reachable, unreachable]
        description: *expect
      max_loss:
        type: int
        description: *max_loss
      max_gap:
        type: float
        description: *max_gap
      rate:
        type: str
        description: *rate
      duration:
        type: float
        description: *duration
      min_rate:
        type: str
        description: *min_rate
      max_rate:
        type: str
        description: *max_rate
      seen_as:
        type: str
        description: *seen_as
      listen:
        type: bool
        description: *listen
  fail_on_mismatch:
    type: bool
    default: true
    description:
      - Fail when an expectation is not met. With V(false) the task succeeds and RV(ok) tells, for example to collect the results of all hosts first.
requirements:
  - root, or CAP_NET_RAW and CAP_SYS_ADMIN
attributes:
  check_mode:
    support: full
    description: Nothing is sent in check mode; RV(results[].reachable) and RV(results[].ok) are null.
  diff_mode:
    support: none
    description: Nothing is changed.
seealso:
  - module: linuxnet.vnet.vnet_capture
author:
  - The linuxnet.vnet contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Prove that blue1 reaches its neighbour
  linuxnet.vnet.vnet_probe:
    netns: blue1
    to: 192.0.2.3

- name: Prove the segments of this host, all at the same time
  linuxnet.vnet.vnet_probe:
    netns: blue1
    config:
      - {name: same segment, to: 192.0.2.3}
      - {name: full packets pass, to: 192.0.2.3, size: 1422, df: true}
      - {name: other segment, to: 198.51.100.3, expect: unreachable}
      - {name: from red1 too, netns: red1, to: 192.0.2.3, expect: unreachable}

- name: Prove that TCP passes between two namespaces of this host
  linuxnet.vnet.vnet_probe:
    protocol: tcp
    port: 54321
    config:
      - {netns: ns2, listen: true, timeout: 10}
      - {netns: ns1, to: 198.51.100.2}

- name: Prove that a packet routed into tun0 is read by a program there, and that what the program writes comes back
  linuxnet.vnet.vnet_probe:
    config:
      - {tap: tun0, src: 192.0.2.2}
      - {to: 192.0.2.2}

- name: Prove that the user vm has frames on the wire through macvtap0
  linuxnet.vnet.vnet_probe:
    tap: macvtap0
    user: vm
    src: 192.0.2.9
    to: 192.0.2.1

- name: Have a server ready for a minute on another host
  linuxnet.vnet.vnet_probe:
    protocol: udp
    port: 54321
    listen: true
  delegate_to: server

- name: Prove that the server sees the address of the gateway
  linuxnet.vnet.vnet_probe:
    netns: ns1
    to: 203.0.113.1
    protocol: udp
    port: 54321
    seen_as: 203.0.113.254

- name: Prove that a CAN frame sent in one namespace is received in another
  linuxnet.vnet.vnet_probe:
    netns: net1
    dev: vxcan1
    protocol: can
    frame: "123#DEADBEEF"
    to: vxcan2
    to_netns: net2

- name: Prove that a limit of 10 Mbit/s holds
  linuxnet.vnet.vnet_probe:
    protocol: udp
    port: 54321
    config:
      - {netns: ns2, listen: true, timeout: 10}
      - {netns: ns1, to: 198.51.100.2, size: 1400, rate: 30mbit, min_rate: 8mbit, max_rate: 11mbit}

- name: Prove that traffic goes on while a cable is pulled
  linuxnet.vnet.vnet_probe:
    to: 10.0.0.2
    count: 100
    interval: 0.1
    max_gap: 2000
  async: 60
  poll: 0

- name: Collect what can be reached without failing
  linuxnet.vnet.vnet_probe:
    to: 10.0.0.3
    fail_on_mismatch: false
  register: probed
"""

RETURN = r"""
ok:
  description: Whether all expectations are met. V(true) in check mode, where none is tested.
  type: bool
  returned: always
failed_expectations:
  description: One sentence for each expectation that is not met.
  type: list
  elements: str
  returned: always
  sample: ["blue1 -> 192.0.2.3 on node1: 192.0.2.3 not reachable from netns blue1: no reply in 5 s (25 packets sent; ARP unanswered: 192.0.2.3 on eth0)"]
results:
  description: One item for each probe, in the order of O(config).
  type: list
  elements: dict
  returned: always
  contains:
    name: {type: str, description: Label of the probe., returned: always}
    netns: {type: str, description: Namespace as given; null for the current one., returned: always}
    tap: {type: str, description: Device at whose other side the probe is., returned: always}
    to: {type: str, description: Address as given., returned: always}
    protocol: {type: str, description: Protocol., returned: always}
    port: {type: int, description: Port., returned: always}
    listen: {type: bool, description: Whether this is a responder., returned: always}
    expect: {type: str, description: What was expected., returned: always}
    reachable: {type: bool, description: Whether an answer came back; null where none was asked for., returned: always}
    ok: {type: bool, description: Whether the expectation is met; null in check mode., returned: always}
    reason:
      type: str
      description: Why there was no answer or why the expectation is not met, with what the tables of the host say about it.
      returned: always
    rtt_ms: {type: dict, description: 'Round trip times in milliseconds as V(min), V(avg), V(max); null without an answer.', returned: always}
    sent: {type: int, description: Packets sent or connections tried., returned: always}
    received: {type: int, description: 'Answers. Of a host of O(tap) that only answers, the requests.', returned: always}
    lost: {type: int, description: 'Of O(count) packets those not answered, including those that could not be sent.', returned: always}
    max_gap_ms: {type: float, description: Longest time without an answer in milliseconds; null without O(count)., returned: always}
    rate: {type: int, description: 'Bits a second that arrived, with O(rate).', returned: always}
    mtu: {type: int, description: MTU that an error told., returned: always}
    seen_as: {type: str, description: 'The address that the responder at the other end sees, or the CAN frame received.', returned: always}
    pid: {type: int, description: Process id of a responder., returned: always}
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe import prober, spec
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import Namespaces, ProbeError


def main():
    module = AnsibleModule(
        argument_spec=dict(
            spec.item_spec(),
            config={'type': 'list', 'elements': 'dict', 'options': spec.item_spec(defaults=False)},
            fail_on_mismatch={'type': 'bool', 'default': True},
        ),
        supports_check_mode=True,
    )
    try:
        items = spec.items_of(module.params['config'], module.params)
        if module.check_mode:
            results = [dict(prober.empty_result(item), reason='check mode: nothing was sent') for item in items]
        else:
            with Namespaces() as namespaces:
                results = prober.run(items, namespaces)
    except ProbeError as exc:
        module.fail_json(msg=str(exc))
    failed = prober.failed_expectations(results, os.uname().nodename)
    result = {'changed': False, 'results': results, 'ok': not failed, 'failed_expectations': failed}
    if failed and module.params['fail_on_mismatch']:
        module.fail_json(msg='; '.join(failed), **result)
    module.exit_json(**result)


if __name__ == '__main__':
    main()
