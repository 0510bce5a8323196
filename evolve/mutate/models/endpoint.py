"""Where a model is asked, and with which key: what a person gave, checked before anything is sent."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit

from evolve.errors import UsageError

OPENAI_URL = "https://api.openai.com/v1"
"""Where a model is asked when nothing else is said."""

VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")
"""What an environment variable can be called; most keys have a hyphen or a dot and are none of these."""


def checked_url(url: str) -> str:
    """Return a base URL without the slash at its end. Raises UsageError when it is none, or holds a secret."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        shown = url if "@" not in url else "(not shown: it may hold a password)"
        raise UsageError(f"--base-url {shown}: not a URL; expected e.g. http://127.0.0.1:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("--base-url: give it without user, password and query; the key belongs in --api-key-env VAR.")
    return url.rstrip("/")


def key_in(variable: str) -> str:
    """Return the key in an environment variable, empty when unset.

    Raises UsageError when no header can carry it, or when `variable` is no name: it is probably the key itself, which
    must be neither shown nor written into the run folder along with the settings.
    """
    if variable and not VARIABLE.fullmatch(variable):
        raise UsageError(
            "--api-key-env (not shown: it may be the key itself): expected the NAME of an environment variable that "
            "holds the key, e.g. OPENAI_API_KEY."
        )
    key = os.environ.get(variable, "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"${variable} holds characters that no key has (spaces, line breaks or non-ASCII). Set it anew."
        )
    return key


def is_loopback(url: str) -> bool:
    """Tell whether a URL is plain HTTP to this machine."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
