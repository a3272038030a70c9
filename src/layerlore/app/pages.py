"""Which page an address has, and what is served beside the pages: reports, and the style that they share."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, dcc, html

from layerlore.app import depth_page, guard, parts, runs_page, study_page, training_page
from layerlore.app.folders import address, check_own, locate
from layerlore.app.listing import Listing, relative
from layerlore.app.opened import OpenRuns
from layerlore.app.reports import Reports
from layerlore.dynamics.history import KIND as HISTORY
from layerlore.errors import LayerLoreError, RunError
from layerlore.interactions.knowledge import KIND as KNOWLEDGE
from layerlore.report.frame import PAGE
from layerlore.report.study_file import KIND as STUDY
from layerlore.storage import read_manifest

if TYPE_CHECKING:
    from flask import Flask, Response

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


def add_pages(app: Dash, root: Path) -> None:
    """Lay out the pages, and answer what they ask.

    Args:
        app: without a layout.
        root: the served folder, resolved.
    """
    listing, runs = Listing(root), OpenRuns()
    app.layout = html.Main([dcc.Location(id="address", refresh=False), html.Div("One moment.", id="page")])

    @app.callback(Output("page", "children"), Input("address", "pathname"))
    def page(pathname: object) -> list[Any]:
        if pathname == "/":
            return runs_page.layout(listing)
        place = parts.place_of(pathname)
        try:
            return _of_run(root, place)
        except (LayerLoreError, OSError) as error:
            words = relative(str(error), root)
        except Exception as error:  # likewise a bug should be said on the page
            words = parts.failure(error)
        return [*parts.heading(["This run cannot be shown"], place), html.P(words)]

    runs_page.register(app, listing)
    training_page.register(app, root, runs)
    depth_page.register(app, root, runs)


def _of_run(root: Path, place: str) -> list[Any]:
    path = locate(root, place)
    check_own(path)
    manifest = read_manifest(path)
    if manifest["kind"] == HISTORY:
        return training_page.layout(place, manifest)
    if manifest["kind"] == KNOWLEDGE:
        return depth_page.layout(place, manifest)
    if manifest["kind"] == STUDY:
        return study_page.layout(place, path)
    raise RunError(
        f"it holds a {manifest['kind']!r} run, which this version of LayerLore does not know: update layerlore"
    )


def add_routes(server: Flask, root: Path) -> None:
    """Serve reports and the style, and refuse addresses that are of no run.

    Args:
        server: with its guard.
        root: the served folder, resolved.
    """
    from flask import Response, redirect, request

    reports = Reports(root)
    style = (resources.files("layerlore.report") / "templates" / "page.css").read_text("utf-8")

    @server.before_request
    def known() -> Response | None:
        if not request.path.startswith("/run/"):
            return None
        try:
            locate(root, request.path.removeprefix("/run/"))
        except RunError as error:
            return guard.refused(404, str(error), "There is no such run")
        return None

    @server.get("/look/page.css")
    def look() -> Response:
        return Response(style, mimetype="text/css")

    @server.get("/report/", defaults={"place": ""})
    @server.get("/report/<path:place>")
    def report(place: str) -> Any:
        # A study's page links to its runs' pages by their files, which are beside its own.
        run = place.removesuffix(PAGE).removesuffix("/")
        try:
            path = locate(root, run)
        except RunError as error:
            return guard.refused(404, str(error), "There is no such run")
        if not place.endswith(PAGE):
            return redirect(address("report", f"{run}/{PAGE}" if run else PAGE), 302)
        try:
            page, mark = reports.page(path)
        except LayerLoreError as error:
            return guard.refused(409, relative(str(error), root), "There is no report of this run")
        response = Response(page, mimetype="text/html")
        response.headers["Content-Security-Policy"] = f"{policy_of(page)}; {guard.FRAMES}"
        response.headers["Cache-Control"] = "private, no-cache"
        response.set_etag(mark)
        return response.make_conditional(request)


def policy_of(page: str) -> str:
    """The content security policy that a report asks for; one that forbids everything where it asks for none."""
    found = POLICY.search(page)
    return found[1].replace("&#39;", "'") if found else "default-src 'none'"
