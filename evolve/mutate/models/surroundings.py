"""What environment variables make of a connection: proxies and certificates, and which variable is to blame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from evolve.errors import UsageError

if TYPE_CHECKING:
    import openai

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def http_client(http: Any, timeout: openai.Timeout, *, local: bool) -> openai.DefaultAsyncHttpxClient:
    """Return a client for a server elsewhere as the environment says, with its proxies and certificates.

    http: the module that the SDK is built on.
    local: the server is on this machine: a proxy for the world must not be asked, certificates need not be loaded.
    Raises UsageError, one line, that names the variable that is to be corrected.
    """
    import openai

    if local:
        return openai.DefaultAsyncHttpxClient(timeout=timeout, trust_env=False, verify=False, follow_redirects=False)
    for variable, url in _proxies():
        try:
            http.Proxy(url)
        except (ValueError, http.InvalidURL) as error:
            raise UsageError(f"${variable} ({_shown(url)}) is no proxy: {error}. Correct or unset it.") from None
    try:
        return openai.DefaultAsyncHttpxClient(timeout=timeout, follow_redirects=False)
    except ImportError:
        variable, url = next((name, url) for name, url in _proxies() if url.lower().startswith("socks"))
        raise UsageError(
            f"${variable} ({_shown(url)}) is a SOCKS proxy, for which a package is missing: "
            f"pip install '{http.__name__}[socks]', name an http:// proxy, or unset it."
        ) from None
    except OSError as error:  # ssl.SSLError is one
        variable = next((name for name in CERTIFICATES if os.environ.get(name)), "")
        if not variable:
            raise
        why = error.strerror or str(error)
        raise UsageError(
            f"${variable} ({os.environ[variable]}) cannot be read as certificates: {why}. Correct or unset it."
        ) from None


def blame(url: str, why: str) -> str:
    """Return what a person should look at when a server cannot be reached: " through $HTTPS_PROXY", or nothing.

    why: what the connection broke with.
    """
    parts = urlsplit(url)
    proxies = {name.lower(): (name, proxy) for name, proxy in _proxies()}
    used = proxies.get(f"{parts.scheme}_proxy") or proxies.get("all_proxy")
    hints = []
    if used and not proxy_bypass(parts.netloc):
        hints.append(f"asked through ${used[0]} ({_shown(used[1])})")
    if "certificate" in why.lower():
        hints += [f"${name} is {os.environ[name]}" for name in CERTIFICATES if os.environ.get(name)]
    return f"; {', '.join(hints)}" if hints else ""


def _proxies() -> Iterator[tuple[str, str]]:
    """Yield (variable, URL) of the proxies that the environment names."""
    for name, url in os.environ.items():
        if url and name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            yield name, url if "://" in url else f"http://{url}"


def _shown(url: str) -> str:
    """Return a proxy's URL without its password."""
    before, at, host = url.rpartition("@")
    return f"{before.partition('://')[0]}://...@{host}" if at else url
