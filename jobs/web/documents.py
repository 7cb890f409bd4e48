"""How are documents listed and exported? The routes below ``/documents``."""

import csv
import io
import json
from functools import partial
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from jobs.store import documents
from jobs.web.floor import floor, head_of, listed, resolve
from jobs.web.problem import Json, Refusal
from jobs.web.request import Query

CSV_COLUMNS = (
    "id",
    "source_type",
    "source_id",
    "title",
    "url",
    "tags",
    "metadata",
    "created_at",
    "updated_at",
)


async def list_documents(request: Request) -> Response:
    """``GET /documents``"""
    query = Query(request, "manager_id", "source_type", "tag", "q", "format", "limit", "after")
    form, limit, after = query.choice("format", ("json", "csv")), query.limit(), query.number("after") or 0
    manager_id = query.text("manager_id")
    if manager_id is not None:
        manager_id = (await head_of(request, await resolve(request, manager_id))).manager_id
    whole = form == "csv" and "limit" not in query
    found = await floor(request).engine.readers.run(
        partial(
            documents.documents,
            manager_id=manager_id,
            source_type=query.text("source_type"),
            tags=query.words("tag"),
            query=query.text("q") or "",
            after=after,
            limit=None if whole else limit + 1,
        )
    )
    items = [document for _, document in found]
    if form == "csv":
        body = await to_thread.run_sync(_csv, items if whole else items[:limit])  # they may be very many
        return Response(body, media_type="text/csv; charset=utf-8")
    cursor = found[limit - 1][0] if len(found) > limit else None
    return listed(request, items[:limit], "after", cursor, manager_id=manager_id)


def _csv(items: list[dict[str, Any]]) -> bytes:
    """Documents as comma-separated values (RFC 4180); tags and metadata as JSON."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for item in items:
        writer.writerow([_cell(item[column]) for column in CSV_COLUMNS])
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    # A spreadsheet runs what begins like a formula; a leading quote makes it a text (CWE-1236).
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


async def get_document(request: Request) -> Response:
    """``GET /documents/ID``"""
    Query(request)
    identity = request.path_params["id"]
    found = await floor(request).engine.readers.run(lambda db: documents.document(db, identity))
    if found is None:
        raise Refusal(404, f'there is no document "{identity}"')
    return Json(found)
