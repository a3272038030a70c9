"""The server: a Dash app over a folder, bound to this machine unless it is told otherwise."""

from __future__ import annotations

import gc
import ipaddress
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from layerlore.errors import InputError, RunError, missing_extra

if TYPE_CHECKING:
    from dash import Dash
    from werkzeug.serving import BaseWSGIServer

HOST, PORT = "127.0.0.1", 8050
SHORTEST_TOKEN = 16
MOST_SENT = 1 << 16
"""Bytes of a request: a page sends what was chosen, and what it shows already."""
INDEX = """<!doctype html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/look/page.css">
{%css%}
</head>
<body>
<p id="silence" role="alert" hidden></p>
<noscript><p>This page is drawn by scripts; the report of a run is too.</p></noscript>
{%app_entry%}
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""


def build(folder: Path | str, *, host: str = HOST, port: int = PORT, token: str | None = None) -> Dash:
    """The app that `serve` serves.

    Args:
        folder: runs are looked for in it and in folders within it.
        host: that it will be bound to: on a loopback address it answers to this machine's own names alone.
        port: that it will be reached at.
        token: that a browser has to know, at least `SHORTEST_TOKEN` characters; None asks for none.

    Raises:
        RunError: the folder is missing, or a file.
        InputError: a token that is too short.
        MissingExtraError: dash, plotly or jinja2 is not installed.
    """
    root = _served(folder)
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise InputError(
            f"the token has {len(token)} characters: it needs at least {SHORTEST_TOKEN}, of plain ASCII; leave it out "
            "to have one made"
        )
    Dash = _dash()  # noqa: N806 (a class)
    from flask import Flask

    from layerlore.app import pages
    from layerlore.app.guard import Guard

    server = Flask("layerlore.app", static_folder=None)
    server.config["MAX_CONTENT_LENGTH"] = MOST_SENT
    hashes: list[str] = []
    Guard(port, loopback=is_loopback(host), token=token, hashes=hashes).install(server)
    pages.add_routes(server, root)
    app = Dash(
        "layerlore.app",
        server=cast("Any", server),
        assets_folder=str(resources.files("layerlore.app") / "assets"),
        index_string=INDEX,
        title="LayerLore",
        update_title="",
        suppress_callback_exceptions=True,
        serve_locally=True,
        compress=False,
        url_base_pathname="/",
        use_pages=False,
        include_assets_files=True,
        enable_mcp=False,
        add_log_handler=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.enable_dev_tools(
        debug=False,
        dev_tools_ui=False,
        dev_tools_props_check=False,
        dev_tools_serve_dev_bundles=False,
        dev_tools_hot_reload=False,
        dev_tools_silence_routes_logging=True,
        dev_tools_disable_version_check=True,
        dev_tools_prune_errors=False,
        dev_tools_validate_callbacks=False,
    )
    pages.add_pages(app, root)
    hashes += app.csp_hashes()
    return app


def serve(
    folder: Path | str,
    *,
    port: int = PORT,
    host: str = HOST,
    expose: bool = False,
    token: str | None = None,
    announce: Callable[[str], object] | None = None,
) -> None:
    """Serve the runs under a folder until Ctrl+C.

    Args:
        folder: runs are looked for in it and in folders within it; none of its files is written to.
        port: to listen at; 0 takes any free one.
        host: to listen at. Other than a loopback address only with ``expose``.
        expose: whether other machines may be answered, to who knows the token. What they ask and get is not encrypted.
        token: at least 16 characters that a browser has to know. None makes one with ``expose``, and asks for none
            without.
        announce: called once with the address to open; None writes it to stderr.

    Raises:
        RunError: the folder is missing, or a file.
        InputError: a host that needs ``expose``, a port that is taken, a token that is too short.
        MissingExtraError: dash is not installed.
    """
    with _listening(folder, port, host, expose, token) as (server, address):
        if announce is None:
            sys.stderr.write(f"layerlore: {address} (stop with Ctrl+C)\n")
        else:
            announce(address)
        # Figures are circles of references, which only a full collection frees. Those come the later the more objects
        # there are that stay, and nearly all of them are here by now.
        gc.collect()
        gc.freeze()
        server.serve_forever()


@contextmanager
def serving(
    folder: Path | str, *, port: int = 0, host: str = HOST, expose: bool = False, token: str | None = None
) -> Iterator[str]:
    """Serve the runs under a folder within a block, beside what the block does; gives the address to open.

    Args:
        folder: see `serve`, as are the others.
        port: to listen at; 0 takes any free one.
        host: to listen at.
        expose: whether other machines may be answered.
        token: that a browser has to know.

    Raises:
        RunError: see `serve`.
        InputError: see `serve`.
        MissingExtraError: dash is not installed.
    """
    with _listening(folder, port, host, expose, token) as (server, address):
        thread = threading.Thread(target=server.serve_forever, name="layerlore serve", daemon=True)
        thread.start()
        try:
            yield address
        finally:
            server.shutdown()
            thread.join()


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, reached from itself alone.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _listening(
    folder: Path | str, port: int, host: str, expose: bool, token: str | None
) -> Iterator[tuple[BaseWSGIServer, str]]:
    """A server that listens and does not answer yet, and the address to open."""
    _served(folder)
    if not is_loopback(host) and not expose:
        raise InputError(
            f"host={host!r} would let other machines read the runs: pass expose (--expose) to allow that to who knows "
            "a token, or leave the host out to serve this machine alone"
        )
    if expose and token is None:
        token = secrets.token_urlsafe(24)
    _dash()
    from werkzeug.serving import make_server

    with closing(_bound(host, port)) as bound:
        port = bound.getsockname()[1]
        app = build(folder, host=host, port=port, token=token)
        server = make_server(host, port, app.server, threaded=True, request_handler=_quiet(), fd=bound.fileno())
        try:
            yield server, address_of(host, port, token)
        finally:
            server.server_close()


def address_of(host: str, port: int, token: str | None) -> str:
    """What to open in a browser.

    >>> address_of("::1", 8050, None), address_of("0.0.0.0", 80, "a&b")
    ('http://[::1]:8050/', 'http://THIS-MACHINE:80/?token=a%26b')
    """
    # Listening at all addresses is not an address that can be opened.
    name = "THIS-MACHINE" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token is not None else "")


def _served(folder: Path | str) -> Path:
    path = Path(folder)
    if not path.exists():
        raise RunError(f"{path} does not exist: give a folder that holds runs, or folders of runs")
    if not path.is_dir():
        raise RunError(f"{path} is a file: give the folder that holds the runs")
    return path.resolve()


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise InputError(f"port={port} is out of range: ports go from 0 (any free one) to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise InputError(f"host={host!r} is no address of this machine ({error.strerror or error})") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(64)
    except OSError as error:
        bound.close()
        raise InputError(
            f"port {port} of {host} cannot be listened at ({error.strerror or error}): choose another with port= "
            "(--port); 0 takes any free one"
        ) from error
    return bound


def _quiet() -> type[Any]:
    from werkzeug.serving import WSGIRequestHandler

    class Quiet(WSGIRequestHandler):
        """Says nothing of each request, nor what it is made with."""

        sys_version = ""

        @property
        def server_version(self) -> str:
            """Of the header ``Server``."""
            return "layerlore"

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing."""

    return Quiet


def _dash() -> type[Dash]:
    try:
        from dash import Dash  # optional
    except ImportError:
        raise missing_extra("dash", "app", "the live page") from None
    return Dash
