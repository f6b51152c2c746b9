"""Our own style and scripts. Scripts only make pages more comfortable: everything works without them."""

from fastapi import APIRouter, Response

from collector.errors import NotFound
from collector.pages.rendering import FOLDER
from collector.words import say

_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_KEPT = "public, max-age=31536000, immutable"  # another content has another address


def router() -> APIRouter:
    """Return the route of the files; it gives nothing but what stands in the folder."""
    routes = APIRouter(include_in_schema=False)
    files = {path.name: path for path in (FOLDER / "static").iterdir() if path.suffix in _KINDS}

    @routes.get("/static/{name}")
    def asset(name: str) -> Response:
        path = files.get(name)
        if path is None:
            raise NotFound(say("there is no such file; load the page again"))
        return Response(path.read_bytes(), media_type=_KINDS[path.suffix], headers={"cache-control": _KEPT})

    return routes
