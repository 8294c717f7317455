"""Which servers may be asked: the rules against being sent to places that only we can reach. Pure; called by `door`.

Two lists, both the installer's: which URLs a user may name at all, and in which private networks their hosts may lie.
A name that is on the first list and leads into a network that is not on the second is refused as well, so whoever
rules a host's name in the DNS still can't lead us home.
"""

import ipaddress
from typing import Final, NamedTuple

import msgspec
from yarl import URL

SCHEMES: Final = ("https", "http")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_HIDDEN: Final = ("..", "\\", "%2e", "%2f", "%5c", "%00")
"""What another server may read as a way out of the path that it stands in."""


class Server(NamedTuple):
    scheme: str
    host: str
    port: int


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`configured` are the addresses that the installer gave to a provider: they may lie anywhere."""

    urls: tuple[URL, ...] = ()
    networks: tuple[_Network, ...] = ()
    configured: tuple[URL, ...] = ()

    def is_configured(self, url: URL) -> bool:
        return any(server(url) == server(one) for one in self.configured)

    def fault(self, url: URL) -> str | None:
        """Why this URL may not be asked; None where it may be."""
        if url.scheme not in SCHEMES or not url.host:
            return "the address is no https:// or http:// URL"
        if url.user is not None or url.password is not None:
            return "a credential doesn't belong into an address"
        if any(hidden in url.raw_path.lower() for hidden in _HIDDEN):
            return "the address' path holds dots, slashes or backslashes in disguise"
        if any(_is_under(url, allowed) for allowed in (*self.configured, *self.urls)):
            return None
        return "the address is not among those that may be asked (TIDEGATE_OUTBOUND_URLS)"

    def may_connect(self, address: str) -> bool:
        """Whether a user's host may have this IP address."""
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        every = (found, *_inside(found))
        return all(
            (one.is_global and not one.is_multicast) or any(one in network for network in self.networks)
            for one in every
        )


def server(url: URL) -> Server:
    """Which server that is, however its port is written."""
    return Server(url.scheme, url.host or "", url.port or 0)


def policy(urls: str, networks: str, configured: tuple[str, ...] = ()) -> Policy:
    """From the settings' lists, separated by commas.

    Raises:
        ValueError: an entry is no URL, or no network.
    """
    return Policy(
        urls=tuple(_base(text) for text in _entries(urls)),
        networks=tuple(ipaddress.ip_network(text) for text in _entries(networks)),
        configured=tuple(_base(text) for text in configured),
    )


def _entries(text: str) -> list[str]:
    return [entry for part in text.split(",") if (entry := part.strip())]


def _base(text: str) -> URL:
    url = URL(text)
    if url.scheme not in SCHEMES or not url.host or url.query_string or url.fragment:
        raise ValueError("an allowed address must be an https:// or http:// URL without a query")
    return url


def _is_under(url: URL, allowed: URL) -> bool:
    """Of the same scheme, host and port, and in the same place or below it."""
    base = allowed.raw_path.rstrip("/")
    return server(url) == server(allowed) and (url.raw_path == base or url.raw_path.startswith(f"{base}/"))


def _inside(address: _Address) -> tuple[_Address, ...]:
    """The addresses of the older kind that one of the newer kind stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found: list[_Address] = [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    if address.teredo is not None:
        found.extend(address.teredo)
    if address in _TRANSLATED:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(found)
