#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_capture
short_description: Capture what crosses an interface, decoded, and prove what must or must not be seen
version_added: 0.1.0
description:
  - Captures the packets of one or several interfaces, in any network namespaces, and returns them decoded, with a summary of who spoke to whom, in which
    VLAN, VXLAN or Geneve network or MACsec channel.
  - With O(during) it sends probes meanwhile, in the same process, so that "while blue1 pings 192.0.2.3, only VXLAN crosses the uplink" is one task.
  - VLAN tags that the kernel or the network card took off are put back, so packets look as on the wire.
  - Understands Ethernet, VLAN, ARP, IPv4, IPv6, ICMP, TCP, UDP, VXLAN, Geneve, GRE, IP in IP, MACsec, LACP, STP, EAPOL, CAN and netlink (nlmon).
  - Nothing but Python is needed on the host.
options:
  name:
    type: str
    description: &name
      - Label of the capture in results and messages. By default made of O(netns) and O(dev).
  netns:
    type: str
    description: &netns
      - Network namespace of the interface, a name as in C(ip -n), V(pid:N), or the absolute path of a namespace file.
      - Absent means the namespace that the module runs in.
  dev:
    type: str
    description: &dev
      - Interface to capture on. Required, here or in each item of O(config).
  promisc:
    type: bool
    default: false
    description: &promisc
      - Take in frames for other MAC addresses too, as long as the capture lasts.
  filter:
    type: dict
    description: &filter
      - Keep only packets that match. All of the fields given must hold. The fields are those of RV(results[].packets), and V(protocol) for any recognised
        layer (such as V(ipv4), V(icmp), V(arp), V(vxlan), V(macsec), V(lacp), V(stp)), V(ip), V(mac) and V(port) for either direction,
        and V(inner), a dict of the same for what a tunnel carries.
      - IP addresses may be networks, such as V(192.0.2.0/24). A list of values means any of them. Null means that the packet lacks the field, so that
        C(vlan:) with no value is an untagged frame.
  expect:
    type: list
    elements: dict
    description: &expect
      - What must or must not be among the packets that pass O(filter).
      - With packets dropped by the kernel no expectation with C(max) can be met, since the capture is not complete.
    suboptions: &expectation
      name:
        type: str
        description: Label in messages. By default the match.
      match:
        type: dict
        required: true
        description: Fields of the packets meant, as in O(filter).
      distinct:
        type: str
        description:
          - Count the different values of this field among the packets meant, instead of the packets. With C(src_mac) and a C(min) and C(max) of 1 this proves
            that one MAC address stands for all.
      min:
        type: int
        description: How many are needed. By default 1, or 0 where C(max) is given.
      max:
        type: int
        description: How many are allowed; V(0) for packets that must not be seen. By default any number.
  max_packets:
    type: int
    default: 50
    description: &max_packets
      - How many decoded packets to return. Summary, expectations and pcap file take in all.
  vxlan_ports:
    type: list
    elements: int
    default: [4789, 8472]
    description: &vxlan_ports
      - UDP ports that carry VXLAN.
  geneve_ports:
    type: list
    elements: int
    default: [6081]
    description: &geneve_ports
      - UDP ports that carry Geneve.
  pcap:
    type: path
    description: &pcap
      - File on the host to write the captured packets to, for Wireshark or tcpdump, with nanosecond times. It is readable by its owner only.
  config:
    type: list
    elements: dict
    description:
      - List of captures that run at the same time. Each takes what it leaves out from the options of the same name beside the list.
    suboptions:
      name:
        type: str
        description: *name
      netns:
        type: str
        description: *netns
      dev:
        type: str
        description: *dev
      promisc:
        type: bool
        description: *promisc
      filter:
        type: dict
        description: *filter
      expect:
        type: list
        elements: dict
        description: *expect
        suboptions: *expectation
      max_packets:
        type: int
        description: *max_packets
      vxlan_ports:
        type: list
        elements: int
        description: *vxlan_ports
      geneve_ports:
        type: list
        elements: int
        description: *geneve_ports
      pcap:
        type: path
        description: *pcap
  duration:
    type: float
    description:
      - Seconds to capture. By default V(5), or with O(during) as long as the probes take. With both, until both are over.
  count:
    type: int
    description:
      - End as soon as so many packets passed the filters, of all captures together.
  during:
    type: list
    elements: dict
    description:
      - Probes to run while capturing, with the options of M(linuxnet.vnet.vnet_probe). The capture begins before the first packet is sent and ends shortly
        after the last probe.
    suboptions:
      name:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:name).
      netns:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:netns). Not taken from the capture.
      tap:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:tap).
      user:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:user).
      mac:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:mac).
      to:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:to).
      to_netns:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:to_netns).
      protocol:
        type: str
        choices: [icmp, tcp, udp, can]
        description: See O(linuxnet.vnet.vnet_probe#module:protocol). By default V(icmp).
      frame:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:frame).
      port:
        type: int
        description: See O(linuxnet.vnet.vnet_probe#module:port).
      src:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:src).
      dev:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:dev).
      size:
        type: int
        description: See O(linuxnet.vnet.vnet_probe#module:size). By default V(56).
      df:
        type: bool
        description: See O(linuxnet.vnet.vnet_probe#module:df). By default V(false).
      ttl:
        type: int
        description: See O(linuxnet.vnet.vnet_probe#module:ttl).
      count:
        type: int
        description: See O(linuxnet.vnet.vnet_probe#module:count).
      interval:
        type: float
        description: See O(linuxnet.vnet.vnet_probe#module:interval). By default V(0.2).
      timeout:
        type: float
        description: See O(linuxnet.vnet.vnet_probe#module:timeout).
      expect:
        type: str
        choices: [reachable, unreachable]
        description: See O(linuxnet.vnet.vnet_probe#module:expect). By default V(reachable).
      max_loss:
        type: int
        description: See O(linuxnet.vnet.vnet_probe#module:max_loss).
      max_gap:
        type: float
        description: See O(linuxnet.vnet.vnet_probe#module:max_gap).
      rate:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:rate).
      duration:
        type: float
        description: See O(linuxnet.vnet.vnet_probe#module:duration).
      min_rate:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:min_rate).
      max_rate:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:max_rate).
      seen_as:
        type: str
        description: See O(linuxnet.vnet.vnet_probe#module:seen_as).
      listen:
        type: bool
        description: See O(linuxnet.vnet.vnet_probe#module:listen). By default V(false).
  fail_on_mismatch:
    type: bool
    default: true
    description:
      - Fail when an expectation of a capture or of a probe is not met. With V(false) the task succeeds and RV(ok) tells.
requirements:
  - root, or CAP_NET_RAW and CAP_SYS_ADMIN
attributes:
  check_mode:
    support: full
    description: Nothing is captured or sent in check mode and no file is written; RV(results[].ok) is null.
  diff_mode:
    support: none
    description: Nothing is changed. The pcap file is a record like RV(results[].packets), so writing it does not count as a change.
seealso:
  - module: linuxnet.vnet.vnet_probe
author:
  - The linuxnet.vnet contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Prove that the tenants' packets cross the underlay in VXLAN only
  linuxnet.vnet.vnet_capture:
    dev: uplink0
    during:
      - {netns: blue1, to: 192.0.2.3}
    expect:
      - name: the echo inside VXLAN 10100
        match: {vxlan_vni: 10100, ip_dst: 10.0.0.3, inner: {icmp_type: echo_request, ip_dst: 192.0.2.3}}
      - name: nothing of the tenant outside a tunnel
        match: {ip: 192.0.2.0/24}
        max: 0

- name: Prove what is seen on the underlay and on the overlay at the same time
  linuxnet.vnet.vnet_capture:
    netns: ns1
    during:
      - {netns: ns1, to: 198.51.100.2, count: 3}
    config:
      - dev: veth1
        expect:
          - match: {vxlan_vni: 100, inner: {protocol: icmp}}
      - dev: vx0
        expect:
          - match: {icmp_type: echo_request, ip_dst: 198.51.100.2}
            min: 3
          - match: {protocol: vxlan}
            max: 0

- name: Prove that frames of VLAN 100 are tagged on the trunk
  linuxnet.vnet.vnet_capture:
    dev: eth1
    during:
      - {netns: ns1, to: 192.0.2.2}
    expect:
      - {match: {vlan: 100, protocol: icmp}, min: 2}
      - {match: {vlan: null, protocol: icmp}, max: 0}

- name: Prove that only MACsec crosses the wire
  linuxnet.vnet.vnet_capture:
    dev: eth1
    during:
      - {to: 10.1.0.2}
    expect:
      - {match: {protocol: macsec, macsec_encrypted: true}}
      - {match: {ip: 10.1.0.0/24}, max: 0}

- name: Who is the LACP partner
  linuxnet.vnet.vnet_capture:
    dev: eth1
    duration: 35
    count: 1
    filter: {protocol: lacp}

- name: Record netlink traffic for a while
  linuxnet.vnet.vnet_capture:
    dev: nlmon0
    duration: 10
    pcap: /var/tmp/netlink.pcap
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
  sample: ["uplink0 on node1: dev uplink0 in the current namespace: no packets with vxlan_vni 10100, at least 1 expected"]
ended:
  description: What ended the capture, V(probes), V(duration), V(count), or V(memory) when 64 MiB of packets were taken in.
  type: str
  returned: always
probes:
  description: Results of O(during), as RV(linuxnet.vnet.vnet_probe#module:results).
  type: list
  elements: dict
  returned: always
results:
  description: One item for each capture, in the order of O(config).
  type: list
  elements: dict
  returned: always
  contains:
    name: {type: str, description: Label of the capture., returned: always}
    netns: {type: str, description: Namespace as given; null for the current one., returned: always}
    dev: {type: str, description: Interface., returned: always}
    link: {type: str, description: 'What its packets begin with, V(ethernet), V(ip) (no link header), V(can) or V(netlink).', returned: always}
    captured: {type: int, description: Packets taken in before O(filter)., returned: always}
    dropped: {type: int, description: Packets that the kernel dropped because they came faster than they could be read., returned: always}
    pcap: {type: str, description: The file written., returned: always}
    ok: {type: bool, description: Whether the expectations of this capture are met; null in check mode., returned: always}
    expectations:
      description: Each of O(expect) with C(packets), the number found, C(ok) and C(reason).
      type: list
      elements: dict
      returned: always
    packets:
      description:
        - The first O(max_packets) packets. Each has C(time) (seconds since the capture began), C(direction) (V(in) or V(out)), C(length), C(layers), and what
          applies of the following; numbers are numbers, MAC addresses and names are in lower case.
        - C(src_mac), C(dst_mac), C(ethertype) (such as V(0x0800)), C(vlan) and C(vlan_priority) (lists, outer tag first), C(truncated).
        - C(ip_src), C(ip_dst), C(ttl), C(tos), C(df), C(fragment), C(sport), C(dport), C(tcp_flags), C(icmp_type) (such as V(echo_request)), C(icmp_code),
          C(icmp_id), C(icmp_seq), C(nd_target).
        - C(arp_operation) (V(who-has) or V(is-at)), C(arp_sender_ip), C(arp_sender_mac), C(arp_target_ip), C(arp_target_mac).
        - C(vxlan_vni), C(geneve_vni), C(gre_key), and C(inner), the same facts about the packet inside.
        - C(macsec_sci), C(macsec_an), C(macsec_pn), C(macsec_encrypted).
        - C(lacp_actor_system), C(lacp_actor_key), C(lacp_actor_port), C(lacp_actor_state) and the same of C(lacp_partner).
        - C(stp_type), C(stp_root), C(stp_bridge), C(stp_cost), C(stp_port), C(eapol_type).
        - C(can_id), C(can_extended), C(can_remote), C(can_error), C(can_fd), C(can_data).
        - C(netlink_family), C(netlink_type), C(netlink_ifname).
      type: list
      elements: dict
      returned: always
    summary:
      description:
        - Counts of all packets that pass O(filter), as C(packets), C(bytes), C(protocols), C(ethertypes), C(untagged).
        - Tables whose rows have the fields above and C(packets), namely C(vlans), C(macs) (senders), C(flows), and where there are any C(vxlan), C(geneve),
          C(arp), C(icmp), C(lacp), C(stp), C(can), C(macsec) (with the range of packet numbers), C(netlink).
        - C(inner) is the same of what tunnels carried.
      type: dict
      returned: always
summary:
  description: Summary of the capture.
  type: dict
  returned: without O(config)
packets:
  description: Packets of the capture, as RV(results[].packets).
  type: list
  elements: dict
  returned: without O(config)
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe import capture, prober, spec
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import Namespaces, ProbeError


def main():
    module = AnsibleModule(argument_spec=capture.argument_spec(), supports_check_mode=True)
    params = module.params
    try:
        items = capture.items_of(params)
        probes = spec.items_of(params['during'] or [])
        if module.check_mode:
            results = [capture.empty_result(item) for item in items]
            probed, ended = [dict(prober.empty_result(item), reason='check mode: nothing was sent') for item in probes], 'check mode'
        else:
            with Namespaces() as namespaces:
                results, probed, ended = capture.Session(items, probes, namespaces, params['duration'], params['count']).run()
    except ProbeError as exc:
        module.fail_json(msg=str(exc))
    host = os.uname().nodename
    failed = prober.failed_expectations(probed, host) + capture.failed_expectations(results, host)
    result = {'changed': False, 'results': results, 'probes': probed, 'ended': ended, 'ok': not failed, 'failed_expectations': failed}
    if params['config'] is None:
        result.update(summary=results[0]['summary'], packets=results[0]['packets'])
    if failed and params['fail_on_mismatch']:
        module.fail_json(msg='; '.join(failed), **result)
    module.exit_json(**result)


if __name__ == '__main__':
    main()
