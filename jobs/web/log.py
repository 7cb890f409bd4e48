"""How is the log asked for? The routes that stream, read and search it."""

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from jobs.nearest import quoted
from jobs.row import EVENTS, LEVELS
from jobs.store import lines, rows, search
from jobs.store.rows import Head, RowFilter
from jobs.web.direct import DIRECT
from jobs.web.floor import floor, head_of, listed, resolve
from jobs.web.follower import Follower
from jobs.web.overview import panel
from jobs.web.problem import Json, wrong
from jobs.web.request import Query, preferred
from jobs.web.stream import Chunks, EventView, Position, busy, parse_position
from jobs.web.streaming import Stream
from jobs.web.text_log import Reading, Wanted, before_last

SSE = "text/event-stream"
LOG_FORMS = {"text/plain": "text", "application/x-ndjson": "ndjson", "application/json": "json"}


BEYOND = Position(2**63)
POSITIONING = ("after", "tail", "step", "job", "events", "level", "batch")


async def stream_events(request: Request) -> Response:
    """``GET /managers/ID/events``"""
    follower = await _follower(request, request.path_params["id"], Query(request, *POSITIONING))
    if follower.told:
        return Response(status_code=204)
    return stream_of(request, follower.events())


async def stream_panel(request: Request) -> Response:
    """``GET /events``"""
    here = floor(request)
    query = Query(request, "manager_id", *POSITIONING)
    manager_id = query.text("manager_id")
    if manager_id is None:
        _position(request, query, latest=True)
        _view(query)
        return stream_of(request, panel(here.hub, here.overview))
    follower = await _follower(request, manager_id, query)
    follower.overview = here.overview
    return stream_of(request, follower.events())


async def _follower(request: Request, manager_id: str, query: Query) -> Follower:
    """The way that a request asks for, through a manager's log."""
    latest = manager_id == "latest"
    position, tail = _position(request, query, latest=latest)
    view = _view(query)
    if latest and position.manager_id:
        known = await floor(request).engine.readers.run(lambda db: rows.head(db, position.manager_id or ""))
        head = known or await head_of(request, await resolve(request, "latest"))
        if known is None:
            position = BEYOND
    else:
        head = await head_of(request, await resolve(request, manager_id))
    if latest:
        view = view._replace(prefix=f"{head.manager_id}:")
    follower = follower_of(request, head, view, position.seq, tail)
    follower.told = head.ended and position.ended and position.seq == head.last_seq
    return follower


def _position(request: Request, query: Query, *, latest: bool) -> tuple[Position, int | None]:
    """Where a client was, or how many rows it begins with instead."""
    position, tail = Position(0), query.number("tail")
    if (after := query.raw("after")) is not None:
        parsed = parse_position(after, latest=latest)
        if parsed is None:
            raise wrong("after", f"expected SEQ or SEQ-end, got {quoted(after)}")
        position, tail = parsed, None
    if last_id := request.headers.get("last-event-id"):
        # One that cannot be ours is answered like one beyond the log: the client starts again.
        position, tail = parse_position(last_id, latest=latest) or BEYOND, None
    return position, tail


def _view(query: Query) -> EventView:
    return EventView(_filter(query, query.words("events", EVENTS)), batch=query.flag("batch"))


def follower_of(
    request: Request, head: Head, view: EventView, position: int, tail: int | None = None
) -> Follower:
    """A client's way through a manager's log; past the response where the server can."""
    here = floor(request)
    writing = request.scope.get("extensions", {}).get(DIRECT)
    return Follower(here.hub, here.engine.readers, head, view, position, tail, writing)


def _filter(query: Query, events: tuple[str, ...] = ()) -> RowFilter:
    level = query.choice("level", LEVELS)
    return RowFilter(
        frozenset(query.words("step")),
        frozenset(query.words("job")),
        frozenset(events),
        frozenset(LEVELS[LEVELS.index(level) :]) if level else frozenset(),
    )


def stream_of(request: Request, chunks: Chunks, headers: Mapping[str, str] | None = None) -> Response:
    """A stream of events, or a word that there are too many."""
    here = floor(request)
    if len(here.hub.streams) >= here.max_streams:
        chunks = busy()
    return Stream(chunks, here.hub, SSE, dict(headers or {}))


async def read_log(request: Request) -> Response:
    """``GET /managers/ID/log``"""
    names = (
        "after",
        "before",
        "tail",
        "line",
        "limit",
        "step",
        "job",
        "level",
        "q",
        "follow",
        "format",
        "color",
    )
    query = Query(request, *names)
    form = query.choice("format", ("text", "ndjson", "json")) or preferred(request, LOG_FORMS, "text")
    follow, color = query.flag("follow"), query.flag("color")
    if follow and form == "json":
        raise wrong("follow", "a JSON list ends; follow with format=text or format=ndjson")
    if follow and "before" in query:
        raise wrong("before", "a log that is followed has no end yet")
    number, chosen = query.number("line", 1), _filter(query)
    if number is not None:
        chosen = _of_one_step(chosen)
    states = form == "text" and not (chosen.levels or chosen.jobs)
    after, tail, before = query.number("after"), query.number("tail"), query.number("before")
    limit = query.number("limit", 1, 1000)
    head = await head_of(request, await resolve(request, request.path_params["id"]))
    here = floor(request)
    wanted = Wanted(chosen, query.text("q") or "", states)
    position = after or 0
    if number is not None:
        (step,) = chosen.steps
        before_it = partial(lines.before_line, step=step, number=number, last_seq=head.last_seq)
        found = await here.engine.readers.run(lambda db: before_it(db, head.manager_id))
        position = max(position, found)
    if tail is not None and after is None:
        upto = head.last_seq if before is None else min(max(before - 1, 0), head.last_seq)
        position = await here.engine.readers.run(
            partial(before_last, manager_id=head.manager_id, wanted=wanted, count=tail, upto=upto)
        )
    reading = Reading(here.hub, here.engine.readers, head, wanted, position, before, limit, follow)
    if form == "json":
        reading.limit = query.limit()
        items = await reading.as_list()
        cursor = reading.position if reading.cut else None
        return listed(request, items, "after", cursor, f"/managers/{head.manager_id}/log", format="json")
    if form == "ndjson":
        return Stream(reading.as_ndjson(), here.hub, "application/x-ndjson")
    return Stream(reading.as_text(color=color), here.hub, "text/plain; charset=utf-8")


def _of_one_step(chosen: RowFilter) -> RowFilter:
    """Line numbers are those of one step, or, where none is named, of the manager itself."""
    if len(chosen.steps) > 1:
        raise wrong("step", "line numbers are those of one step")
    return chosen if chosen.steps else chosen._replace(steps=frozenset({lines.OWN}))


async def list_pages(request: Request) -> Response:
    """``GET /managers/ID/log/pages``"""
    chosen = _of_one_step(_filter(Query(request, "step", "job", "level")))
    head = await head_of(request, await resolve(request, request.path_params["id"]))
    readers = floor(request).engine.readers
    return Json(await readers.run(lambda db: lines.pages(db, head.manager_id, chosen)))


async def tell_rate(request: Request) -> Response:
    """``GET /managers/ID/log/rate``"""
    Query(request)
    head = await head_of(request, await resolve(request, request.path_params["id"]))
    return Json(await floor(request).engine.readers.run(lambda db: lines.rate(db, head.manager_id)))


async def search_lines(request: Request) -> Response:
    """``GET /search``"""
    query = Query(request, "q", "manager_id", "step", "level", "limit", "after")
    words = search.Words(query.text("q") or "")
    if not words.words:
        raise wrong("q", "expected words to look for")
    level = query.choice("level", LEVELS)
    levels = LEVELS[LEVELS.index(level) :] if level else ()
    steps, limit, after = query.words("step"), query.limit(), query.number("after") or 0
    manager_id = query.text("manager_id")
    if manager_id is not None:
        manager_id = (await head_of(request, await resolve(request, manager_id))).manager_id
    found = await floor(request).engine.readers.run(
        lambda db: search.search(db, words, manager_id, steps, levels, after, limit + 1)
    )
    items = [hit for _, hit in found[:limit]]
    cursor = found[limit - 1][0] if len(found) > limit else None
    return listed(request, items, "after", cursor, manager_id=manager_id)
