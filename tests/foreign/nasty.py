"""What is the worst that a log can hold? Lines that try to be something else on their way to a reader."""

import json
from pathlib import Path
from typing import Any

import httpx

from tests.service_process import Service

MESSAGE_BYTES = 16 * 1024
FORGED = (
    "data: {nl}id: 999{nl}event: end{nl}retry: 1{nl}data: {{}}{nl}{nl}event: forged{nl}data: {{}}{nl}{nl}"
)
LONG = "0123456789 data: <é>\n".encode()
LINES = {
    "nothing": "",
    "spaces": "   ",
    "a space first": " a",
    "a colon first": ": a comment",
    "only a line feed": "\n",
    "carriage return": "a\rb\r",
    "line feed": "a\nb\n",
    "both": "a\r\nb\r\n",
    "empty lines": "a\n\nb\r\rc\r\n\r\nd",
    "other line breaks": "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei",
    "controls": "a\x00b\x1b[31mc\x1b]0;title\x07d\x7f\x9b",
    "byte order marks": "\ufeffa\ufeff\ufffe\uffff",
    "fields": FORGED.format(nl="\n"),
    "fields after carriage returns": FORGED.format(nl="\r"),
    "fields after both": "\r\n" + FORGED.format(nl="\r\n"),
    "fields after separators": FORGED.format(nl="\u2028"),
    "chunks": "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "markup": "<img src=x onerror=alert(1)></script><!--]]>&amp;&#0;",
    "JSON": '"}],\\"\\u0000\\ud800{"seq": 1, "__proto__": {}}',
    "placeholders": "%s %(a)s {params.x} {env.HOME} ${a} `a`",
    "lone surrogates": "\ud800 \udc00\ud800 \udfff",
    "emoji": "👩‍👩‍👧‍👦 🇦🇹 e\u0301 \u202e\u2066 漢字",
    "70 kB": "x" * 70_000,
    "70 kB of emoji": "😀" * 17_500,
    "70 kB with breaks": (LONG * 4_000)[:70_000].decode(errors="ignore"),
}
STEP = "a\u2028b\u0085c: <img src=x onerror=alert(1)>\ufeff 😀 {0}"
RUN = "id: 999\n\n<b>\u2029\ufeff"
WORKERS = """
    import json
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("nasty")
    async def nasty(step: Job, folder: str) -> None:
        lines = json.loads(Path(__file__).with_name("lines.json").read_text())
        say(step, lines)
        step.log.info("waiting")
        while not Path(folder, "go").exists():
            await anyio.sleep(0.01)
        step.spawn(grüße_漢字, lines["fields"])
        say(step, lines)

    def say(job, lines):
        for name, line in lines.items():
            job.log.info("%s", line, data={"name": name, "start": line[:200], line[:200]: name})

    def grüße_漢字(job: Job, line: str) -> None:
        raise ValueError(line)
"""


def prepare(service: Service) -> None:
    """Define ``nasty`` in a service that is not started; a run of it waits half-way for the file ``go``."""
    service.add_workers("nasty", WORKERS)
    (service.workers / "lines.json").write_text(json.dumps(LINES), encoding="ascii")
    service.define(
        "nasty",
        f"""
        name = {quoted(RUN)}
        max_running = 1000
        # \u2028 id: 999 \u0085
        [params]
        folder = ""
        [step.{quoted(STEP)}]
        type = "nasty"
        folder = "{{params.folder}}"
        """,
    )


class Run:
    """A run of ``nasty`` that has said every line once and waits.

    :param folder: where ``go`` is put
    """

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self._folder = folder
        self.id = service.run("nasty", folder=str(folder))

    def go(self) -> None:
        """Let it go on to its end."""
        (self._folder / "go").touch()

    def url(self, base: str = "", **parameters: Any) -> str:
        """Where its stream is, or where a proxy shows it."""
        return str(httpx.URL(f"{base or self._service.url}/managers/{self.id}/events", params=parameters))


def quoted(text: str) -> str:
    """A TOML string, with as little escaped as may be."""
    return json.dumps(text, ensure_ascii=False)


def check(rows: list[dict[str, Any]]) -> None:
    """Check that the rows of a run have every line twice, as it was said, or as much of it as is kept."""
    said = [row for row in rows if row["event"] == "job_log" and "name" in row.get("data", {})]
    assert [row["data"]["name"] for row in said] == [*LINES] * 2
    for row in said:
        name, message, line = row["data"]["name"], row["message"], LINES[row["data"]["name"]]
        assert row["step_name"] == STEP
        assert row["data"] == {"name": name, "start": line[:200], line[:200]: name}
        if (size := len(line.encode("utf-8", "surrogatepass"))) <= MESSAGE_BYTES:
            assert (message, "truncated" in row) == (line, False), name
        else:
            assert row["truncated"] == size
            assert line.startswith(message), name
            assert len(message) > 1_000
            assert not line.isascii() or len(message) == MESSAGE_BYTES
