"""What an application answers to: every route, also those of included routers, with what each depends on."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts


class Found(NamedTuple):
    """A route: its path, its methods, and every function that runs before or for it."""

    path: str
    methods: frozenset[str]
    calls: frozenset[Callable[..., Any]]


def routes_of(app: FastAPI) -> Iterator[Found]:
    """Give every route of an application."""
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        calls = _calls(dependant) if dependant is not None else set()
        yield Found(str(context.path), frozenset(context.methods or ()), frozenset(calls))


def _calls(dependant: Any) -> set[Callable[..., Any]]:
    found = {dependant.call}
    for one in dependant.dependencies:
        found |= _calls(one)
    return found
