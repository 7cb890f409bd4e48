"""How are the panel's files served? Whole, with a refusal like everybody's where there is none."""

from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Receive, Scope, Send


class WholeFile(FileResponse):
    """A file, always whole: these are small, and a ``Range`` may be ignored (RFC 9110, section 14.2)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)


class Static(StaticFiles):
    """The panel's files. A path without a file is 404 for every method, then a method may be 405."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The answer."""
        found = await super().get_response(path, {**scope, "method": "GET"})
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        return found

    def file_response(
        self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200
    ) -> Response:
        """A file, or that it has not changed."""
        file = WholeFile(full_path, status_code, stat_result=stat_result)
        is_known = self.is_not_modified(file.headers, Headers(scope=scope))
        return NotModifiedResponse(file.headers) if is_known else file
