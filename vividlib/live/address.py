"""Addresses of receivers: ``livelink://192.168.0.5:11111``."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from vividlib.errors import OutputError
from vividlib.live.ifacialmocap import IFacialMocap
from vividlib.live.link import Link
from vividlib.live.livelink import LiveLink
from vividlib.live.vmc import VMC
from vividlib.live.vts import VTubeStudio

LINKS = {"livelink": LiveLink, "vmc": VMC, "vts": VTubeStudio, "ifacialmocap": IFacialMocap}
"""Protocols by the first part of an address."""
_OPTIONS = {"livelink": {"subject"}, "vmc": {"clips"}, "vts": set(), "ifacialmocap": set()}


def connect(address: str) -> Link:
    """Open a connection by its address, ``PROTOCOL://HOST[:PORT][?OPTION=VALUE]``.

    Protocols are ``livelink`` (option ``subject``), ``vmc`` (``clips``), ``vts`` and ``ifacialmocap``; without a
    port it is the protocol's usual one.

    Raises
    ------
    OutputError
        If the address is wrong, or the receiver cannot be reached or refuses.
    BackendError
        If a package that the protocol needs is missing.
    """
    protocol, settings = parse(address)
    return LINKS[protocol](**settings)


def parse(address: str) -> tuple[str, dict[str, str | int]]:
    """The protocol of an address, and what its class is opened with.

    Raises
    ------
    OutputError
        If the address is wrong.
    """
    try:
        url = urlsplit(address)
        port, options = url.port, dict(parse_qsl(url.query, keep_blank_values=True))
    except ValueError as error:
        raise OutputError(f"{address} is no address ({error}); write PROTOCOL://HOST:PORT.") from error
    if port == 0:
        raise OutputError(f"{address}: nobody listens on port 0; leave the port out for the usual one.")
    if url.scheme not in LINKS or not url.hostname or url.path not in ("", "/"):
        raise OutputError(f"{address} is no address; write PROTOCOL://HOST:PORT, PROTOCOL being {', '.join(LINKS)}.")
    if options.keys() - _OPTIONS[url.scheme]:
        known = ", ".join(_OPTIONS[url.scheme]) or "none"
        raise OutputError(f"{address} has an option that {url.scheme} does not know; it knows {known}.")
    return url.scheme, {"host": url.hostname, **({"port": port} if port is not None else {}), **options}
