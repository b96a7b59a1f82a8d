"""One GET request of a fetch: in turn, with TLS verified, through the environment's proxy, redirected on the same host only.

No address with a name and password in it, and no address that a server redirects to, reaches a message.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from schemas.code_version import RELEASE
from spark_jobs.transforms.fetching.fetch_clock import FetchClock
from spark_jobs.transforms.fetching.fetch_limits import FetchLimits
from spark_jobs.transforms.fetching.host_turns import HostTurns
from spark_jobs.transforms.fetching.http_answers import REDIRECTS, PassingError, RefusedError, raise_for_status

_LONGEST_CHAIN = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}


class HttpClient:
    """Connections to the hosts of a fetch, shared by its threads."""

    def __init__(self, limits: FetchLimits, clock: FetchClock) -> None:
        self._clock = clock
        self._turns = HostTurns(limits.per_second, limits.longest_wait_seconds, clock)
        self._options: dict[str, Any] = {
            "maxsize": limits.at_once,
            "timeout": urllib3.Timeout(connect=limits.timeout_seconds, read=limits.timeout_seconds),
            "retries": False,
            "cert_reqs": "CERT_REQUIRED",
            # Tiles are compressed already, and ranges count the bytes of the file itself.
            "headers": {"User-Agent": f"darkhaloscope/{RELEASE} (dhs fetch)", "Accept-Encoding": "identity"},
        }
        self._pools: dict[str, urllib3.PoolManager] = {}

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer of success (200, 206, or 416 to a range), its body unread.

        Raises AbsentError, PassingError (and pauses the host where it asked for that) or RefusedError; what goes wrong
        while the body is read inside the ``with`` is told in the same way.
        """
        with _telling():
            response = self._follow(url, headers)
            try:
                if response.status != 416 or "Range" not in headers:
                    self._judge(url, response)
                yield response
            finally:
                response.close()  # a body that was not read to its end must not be taken for the next answer

    def _follow(self, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        asked = urlsplit(url)
        for _ in range(_LONGEST_CHAIN):
            self._turns.take(asked.netloc)
            pool = self._pool(asked)
            sent = {**self._options["headers"], **headers}
            response = pool.request("GET", url, headers=sent, preload_content=False, redirect=False, retries=False)
            if response.status not in REDIRECTS or "Location" not in response.headers:
                return response
            response.close()
            url = urljoin(url, response.headers["Location"])
            target = urlsplit(url)
            if not _same_host(asked, target):
                raise RefusedError(
                    f"HTTP {response.status} leads to {target.scheme}://{target.hostname}; wanted an answer of "
                    f"{asked.hostname} itself (the survey's YAML says whom to ask)"
                )
            asked = target
        raise RefusedError(f"more than {_LONGEST_CHAIN} redirects")

    def _judge(self, url: str, response: urllib3.BaseHTTPResponse) -> None:
        try:
            raise_for_status(response.status, response.headers, self._clock.utc())
        except PassingError as error:
            if error.wait_seconds is not None:
                self._turns.pause(urlsplit(url).netloc, error.wait_seconds)
            raise

    def _pool(self, parts: SplitResult) -> urllib3.PoolManager:
        """The connections of a host: its own, or those of the proxy that the environment names for it."""
        proxy = "" if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme, "")
        if proxy not in self._pools:
            made = _proxied(proxy, self._options) if proxy else urllib3.PoolManager(**self._options)
            self._pools.setdefault(proxy, made)
        return self._pools[proxy]


def _proxied(proxy: str, options: Mapping[str, Any]) -> urllib3.ProxyManager:
    address = urllib3.util.parse_url(proxy)
    headers = urllib3.make_headers(proxy_basic_auth=address.auth) if address.auth else None
    return urllib3.ProxyManager(address._replace(auth=None).url, proxy_headers=headers, **options)


def _same_host(asked: SplitResult, target: SplitResult) -> bool:
    return (asked.scheme, _host(asked)) == (target.scheme, _host(target)) and "@" not in target.netloc


def _host(parts: SplitResult) -> tuple[str | None, int | None]:
    return parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


@contextmanager
def _telling() -> Iterator[None]:
    """What urllib3 raises, in words that name no address."""
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        causes = list(_causes(error))
        if any(isinstance(part, ssl.SSLCertVerificationError) for part in causes):
            raise RefusedError("the server's TLS certificate cannot be verified") from error
        # A connection that is refused counts as a timeout there.
        silent = isinstance(error, urllib3.exceptions.TimeoutError)
        if silent and not isinstance(error, urllib3.exceptions.NewConnectionError):
            raise PassingError("no answer in time") from error
        raise PassingError(f"the line failed ({type(causes[-1]).__name__})") from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        yield from (part for part in error.args if isinstance(part, BaseException))
        error = error.__cause__ or error.__context__
