"""Makes an empty network namespace usable: loopback up, and the whole pod range local to it.

Called by the supervisor before anything listens. Two messages to the kernel instead of the `ip` command, which a
small machine may lack.
"""

import fcntl
import ipaddress
import os
import socket
import struct

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
RTM_NEWROUTE, NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 24, 0x1, 0x4, 0x200, 0x400
RT_TABLE_LOCAL, RTPROT_BOOT, RT_SCOPE_HOST, RTN_LOCAL = 255, 3, 254, 2
RTA_DST, RTA_OIF = 1, 4
NLMSG_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")


def prepare_namespace(pod_range: str) -> None:
    """`ip link set lo up; ip route add local RANGE dev lo`."""
    bring_up("lo")
    add_route(local_route_message(pod_range, socket.if_nametoindex("lo")))


def bring_up(interface: str) -> None:
    request = struct.Struct("16sh14x")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        answer = fcntl.ioctl(handle, SIOCGIFFLAGS, request.pack(interface.encode(), 0))
        flags = request.unpack(answer)[1]
        fcntl.ioctl(handle, SIOCSIFFLAGS, request.pack(interface.encode(), flags | IFF_UP))


def local_route_message(pod_range: str, interface_index: int) -> bytes:
    """RTM_NEWROUTE: every address of the range is one of ours, on that interface."""
    network = ipaddress.IPv4Network(pod_range)
    route = _ROUTE.pack(
        socket.AF_INET, network.prefixlen, 0, 0, RT_TABLE_LOCAL, RTPROT_BOOT, RT_SCOPE_HOST, RTN_LOCAL, 0
    )
    body = route + _attribute(RTA_DST, network.network_address.packed)
    body += _attribute(RTA_OIF, struct.pack("=I", interface_index))
    flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL
    return _HEADER.pack(_HEADER.size + len(body), RTM_NEWROUTE, flags, 1, 0) + body


def add_route(message: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.bind((0, 0))
        kernel.send(message)
        answer = kernel.recv(4096)
    kind = _HEADER.unpack_from(answer)[1]
    error = -struct.unpack_from("=i", answer, _HEADER.size)[0] if kind == NLMSG_ERROR else 0
    if error:
        raise OSError(error, f"the kernel refuses the pod range's route: {os.strerror(error)}")


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value
