"""Who may ask the server, and what a page of it may do."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with "no-referrer" a form of our own would come without its origin
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer. No inline script or style runs, and nothing from elsewhere is loaded."""
COOKIE = "evolve-token"

Handler = Callable[[Request], Awaitable[Response]]


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guarded(token: str, handler: Handler) -> Handler:
    """Return a handler that answers only whoever may ask.

    token: what a visitor must bring, as ?token= the first time; "": nobody else than this machine reaches the server.
    Without a token, the name that was asked for must be this machine's: else a page elsewhere could ask by a name of
    its own that leads here.
    """

    async def guard(request: Request) -> Response:
        refused = _refusal(request, token)
        response = refused if refused is not None else await handler(request)
        response.headers.update(HEADERS)
        return response

    return guard


def _refusal(request: Request, token: str) -> Response | None:
    if not token:
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        return None if is_loopback(name) else PlainTextResponse("This server answers on this machine only.\n", 403)
    given = parse_qs(request.url.query).get("token", [""])[0]
    if given and _same(given, token):
        there = RedirectResponse(request.url.path or "/", 303)
        there.set_cookie(COOKIE, token, httponly=True, samesite="strict")
        return there
    cookie = SimpleCookie(request.headers.get("cookie", ""))
    if COOKIE in cookie and _same(cookie[COOKIE].value, token):
        return None
    return PlainTextResponse("A token is needed: open the address that `evolve serve` printed.\n", 401)


def is_own_form(request: Request) -> bool:
    """Return whether a form was sent from a page of this server: its Origin names the host that is asked."""
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host", "")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
