"""Which pod has which address.

The pod workers take and release through it. Addresses go round the whole range before one comes back: a proxy
that still knows a dead pod must not find another one behind the same address.
"""

import ipaddress
from typing import Final

LAST_OCTETS_LEFT_OUT: Final = frozenset({0, 255})
"""Nothing forbids them here, but they look like a network's and a broadcast's."""
RESERVED_FIRST: Final = 256
"""The range's first addresses belong to the nodes."""
RESERVED_LAST: Final = 256
"""The range's last addresses belong to the sandbox's own parts."""


class AddressesExhaustedError(RuntimeError):
    """Every address of the range is held by a pod."""


class Addresses:
    def __init__(self, pod_range: str) -> None:
        network = ipaddress.ip_network(pod_range)
        if network.num_addresses <= RESERVED_FIRST + RESERVED_LAST:
            raise ValueError(f"the pod range {pod_range} has not even {RESERVED_FIRST + RESERVED_LAST} addresses")
        self._network = network
        self._first = int(network.network_address)
        self._end = network.num_addresses - RESERVED_LAST
        self._cursor = RESERVED_FIRST
        self._holders: dict[str, str] = {}

    def take(self, uid: str) -> str:
        """An address nobody holds, the one longest out of use first."""
        for _ in range(RESERVED_FIRST, self._end):
            offset = self._cursor
            self._cursor = self._cursor + 1 if self._cursor + 1 < self._end else RESERVED_FIRST
            address = str(ipaddress.ip_address(self._first + offset))
            if address not in self._holders and offset % 256 not in LAST_OCTETS_LEFT_OUT:
                self._holders[address] = uid
                return address
        raise AddressesExhaustedError(f"all of {self._network} is in use")

    def adopt(self, uid: str, address: str) -> bool:
        """Whether `uid` may go on under the address it had before we started."""
        try:
            offset = int(ipaddress.ip_address(address)) - self._first
        except ValueError:
            return False
        if not RESERVED_FIRST <= offset < self._end or self._holders.setdefault(address, uid) != uid:
            return False
        self._cursor = max(self._cursor, offset + 1) if offset + 1 < self._end else self._cursor
        return True

    def release(self, uid: str, address: str) -> None:
        if self._holders.get(address) == uid:
            del self._holders[address]

    def node_address(self, index: int) -> str:
        """The address of the node with this index, from the reserved part."""
        return str(ipaddress.ip_address(self._first + RESERVED_FIRST // 2 + index))

    def __len__(self) -> int:
        return len(self._holders)
