"""The same answers as HTML: plain pages that open on a slow school line, print well and need no script."""

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from collector.context import PageByWhom
from collector.pages import menu
from collector.pages.rendering import error_page, html

__all__ = ("PAGE_ROWS", "documentation", "error_page", "html", "router")

PAGE_ROWS = 50


def router() -> APIRouter:
    """Return the pages' routes; they are not part of the API and not in its document."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def start(person: PageByWhom) -> Response:
        return RedirectResponse(menu.home(person), status_code=307)

    return routes


def documentation(document: dict[str, object]) -> Response:
    """Return the API's document as a page of our own: the usual viewers load scripts from third parties."""
    return html("docs.html", document=document)
