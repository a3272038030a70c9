"""Who is answered: this machine, or who knows the token; never a page of another site."""

from __future__ import annotations

import hmac
import html
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from flask import Flask, Response

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
SAME = (None, "same-origin")
"""What a browser says of a request that a page of ours makes (``Sec-Fetch-Site``); others say nothing."""
CALLBACK = "/_dash-update-component"
DASH = ("/_dash-layout", "/_dash-dependencies", CALLBACK)
OURS = ("/run/", "/report/", "/look/", "/assets/", "/_dash-component-suites/")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
KEPT = ("/_dash-component-suites/", "/report/")
"""What a browser may keep: Dash's scripts, and reports while they are the same."""
FRAMES = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def policy(hashes: Sequence[str]) -> str:
    """The content security policy of a live page.

    Dash and plotly set styles of elements, which cannot be known before; scripts are ours or known by their digests.
    """
    return (
        f"default-src 'none'; script-src 'self' {' '.join(hashes)}; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; {FRAMES}"
    )


class Guard:
    """Refuses what a server should not answer, and says with each answer how it may be used.

    Args:
        port: that the server is reached at.
        loopback: whether it is reached from this machine alone; then by this machine's own names only, so that no other
            name can be made to lead here.
        token: that has to be known; None where none is asked for.
        hashes: digests of Dash's scripts; may be filled in later.
    """

    def __init__(self, port: int, *, loopback: bool, token: str | None, hashes: Sequence[str]) -> None:
        self._hosts = {f"{name}:{port}" for name in LOOPBACK} | ({*LOOPBACK} if port == 80 else set())
        self._loopback, self._token, self._hashes = loopback, token, hashes
        # Cookies of all ports of a machine lie together.
        self._cookie, self._session = f"layerlore_{port}", secrets.token_urlsafe(32)

    def install(self, server: Flask) -> None:
        """Stand before a server; to be called before anything else listens to its requests."""
        server.before_request(self._check_who)
        server.before_request(self._check_what)
        server.after_request(self._describe)

    def _check_who(self) -> Response | None:
        from flask import request

        if self._loopback and request.host not in self._hosts:
            return refused(403, "This server answers to this machine's own names only, such as localhost.")
        if self._token is None:
            return None
        if same(request.args.get("token", ""), self._token):
            return admitted(request.path, self._cookie, self._session)
        if same(request.cookies.get(self._cookie, ""), self._session):
            return None
        return refused(
            403,
            "A token is needed. Open the address that the server printed when it was started; it ends in ?token= and "
            "the token.",
        )

    def _check_what(self) -> Response | None:
        from flask import request

        path = request.path
        if request.method not in ("GET", "HEAD") and (request.method, path) != ("POST", CALLBACK):
            return refused(405, "Pages are only read here.")
        if path in DASH and not _own(
            request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site"), request.host
        ):
            return refused(403, "Requests of other sites' pages are not answered.")
        # Where a slash is doubled, frameworks differ in what they make of it.
        if "//" in path or (path != "/" and path not in DASH and not path.startswith(OURS)):
            return refused(404, "There is no such page.")
        return None

    def _describe(self, response: Response) -> Response:
        from flask import request

        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers.setdefault("Content-Security-Policy", policy(self._hashes))
        if not request.path.startswith(KEPT):
            response.headers["Cache-Control"] = "no-store"
        return response


def _own(origin: str | None, site: str | None, host: str) -> bool:
    """Whether a request is of a page of ours, or of no page at all."""
    return site in SAME and (origin is None or urlsplit(origin).netloc == host)


TITLES = {403: "Not allowed", 404: "Not here", 405: "Not possible"}


def same(given: str, known: str) -> bool:
    """Whether two texts are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode("utf-8"))


def refused(status: int, words: str, title: str = "") -> Response:
    """A page that says why there is no other; the words are hostile text."""
    from flask import Response

    return Response(_page(title or TITLES[status], f"<p>{html.escape(words)}</p>"), status, mimetype="text/html")


def admitted(path: str, cookie: str, session: str) -> Response:
    """A page that keeps a cookie and goes on to the address without the token.

    It is no redirection: the request that follows one that began on another site would lack the cookie.
    """
    from flask import Response

    place = html.escape("/" + quote(path.lstrip("/")), quote=True)
    link = f'<p><a href="{place}">Go on to the runs.</a></p>'
    onward = f'<meta http-equiv="refresh" content="0;url={place}">'
    response = Response(_page("LayerLore", link, onward), mimetype="text/html")
    response.set_cookie(cookie, session, httponly=True, samesite="Strict", path="/")
    return response


def _page(title: str, body: str, head: str = "") -> str:
    title = html.escape(title)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        '<link rel="icon" href="data:,">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}<title>{title}</title></head>'
        '<body style="font: 16px/1.55 system-ui, sans-serif; margin: 3em auto; max-width: 60ch; padding: 0 16px">'
        f"<h1>{title}</h1>{body}</body></html>"
    )
