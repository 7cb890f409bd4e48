"""Does a terminal show what a page says? Commands of console blocks, run in order, and a forgiving matcher.

In what a page shows, ``…`` stands for anything on its line, and a line of it alone for any lines. Times,
durations and positions of the log may differ; the page's one example id stands for whichever run is meant.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.pages import Block
from tests.service_process import ROOT, Service

PORT = "localhost:8000"
EXAMPLE_ID = "k3f7w9q2xa"
SECONDS = 15
# A second service beside the first, which cannot start.
START = ".venv/bin/python app.py "
# Commands that change the reader's machine, or wait for a person.
NOT_RUN = ("git clone ", "cd ", "make test", "mkdir ", "sudo ", "journalctl ", "pip install ", "npm install ")
# A panel's stream goes on until one presses Ctrl-C.
ENDLESS = re.compile(r"curl -N localhost:\d+/events$")
VARYING = [
    (re.compile(r"(?<=\S) {2,}(?=\S)"), "  "),  # a table's columns are as wide as what is in them
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{3}\b"), "CLOCK"),
    (re.compile(r'("duration": ?)[0-9.e-]+'), r"\1SECONDS"),
    (re.compile(r"\b(after|in) (?:\d+\.\ds|\d+m\d\ds)"), r"\1 SECONDS"),
    (re.compile(r'("last_seq": ?)\d+'), r"\1SEQ"),
    (re.compile(r"\b\d+-end\b"), "SEQ-end"),
    (re.compile(r"\bcut at \d+: go on with \?after=\d+"), "cut at SEQ: go on with ?after=SEQ"),
]


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a block, each with the output that the page shows."""
    found: list[tuple[str, str]] = []
    continued = False
    for line in block.text.splitlines(keepends=True):
        if continued:
            found[-1] = (found[-1][0] + line.rstrip("\n"), "")
        elif line.startswith("$ "):
            found.append((line[2:].rstrip("\n"), ""))
        else:
            assert found, f"{block}: output before the first command"
            found[-1] = (found[-1][0], found[-1][1] + line)
            continue
        command = found[-1][0]
        in_quotes = command.count("'") % 2 == 1
        continued = in_quotes or command.endswith("\\")
        if continued:
            found[-1] = (f"{command}\n" if in_quotes else command[:-1], "")
    return found


def normal(shown: str, ids: list[str]) -> str:
    """An output without what differs from run to run."""
    for identity in ids:
        shown = shown.replace(identity, EXAMPLE_ID)
    for pattern, name in VARYING:
        shown = pattern.sub(name, shown)
    return shown.replace("\r\n", "\n").strip("\n")


def matches(expected: str, actual: str) -> bool:
    """Whether an output is what a page shows; both normal."""
    lines = expected.split("\n")
    pattern = "".join(
        r"(?:[^\n]*\n)*?" if line.strip() == "…" else "[^\n]*?".join(map(re.escape, line.split("…"))) + "\n"
        for line in lines
    )
    return re.fullmatch(pattern, actual + "\n") is not None


class Console:
    """A terminal in the folder of a service, which ``make run`` starts and ``kill`` ends.

    :param service: one that runs, or that a page starts
    :param starts: whether ``make run`` is done, and not only taken for done
    """

    def __init__(self, service: Service, *, starts: bool = False) -> None:
        self._service = service
        self._starts = starts
        self.executed = 0

    def run(self, block: Block) -> None:
        """Run a block's commands and compare what they print."""
        for command, expected in commands(block):
            where = f"{block}: {command}"
            if command.startswith(NOT_RUN):
                assert not expected, f"{where}: it is not run, so nothing can be said of its output"
            elif command.endswith("make run"):
                self._start()
                assert expected in ("", f"Stepstream listening on http://127.0.0.1:{PORT[-4:]}\n"), where
            elif command.startswith("kill "):
                self._shell(command, where)
                self._service.process.wait(SECONDS)
                self._service.client.close()
                assert self._service.process.stdout is not None
                self._service.process.stdout.close()
            else:
                assert re.match(
                    r"(curl|python3|node|\.venv/bin/(python|sqlite-utils|stepstream)) ", command
                ), f"{where}: cannot be run"
                self._compare(expected, self._shell(command, where), where)
            self.executed += not command.startswith(NOT_RUN)

    def _start(self) -> None:
        if not self._starts:
            return
        if hasattr(self._service, "process") and self._service.process.poll() is None:
            assert self._service.stop() == 0  # as Ctrl-C does
        self._service.start()

    def _shell(self, command: str, where: str) -> str:
        is_start = command.startswith(START)
        command = command.replace(".venv/bin/stepstream ", START)  # also where it is not installed
        command = command.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
        command = re.sub(r"(^|\| )python3 ", rf"\1{sys.executable} ", command)
        command = command.replace(" app.py ", f" {ROOT / 'app.py'} ").replace(PORT, self._host())
        if EXAMPLE_ID in command:
            command = command.replace(EXAMPLE_ID, self._ids()[0])
        if ENDLESS.search(command):
            command = f"timeout --preserve-status --signal=INT 2 {command} || true"  # as Ctrl-C does
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self._service.folder,
            env={key: value for key, value in os.environ.items() if not key.startswith("STEPSTREAM_")}
            | {"STEPSTREAM_URL": self._service.url},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == int(is_start), f"{where}\n{done.stdout}{done.stderr}"
        return done.stderr if is_start else done.stdout

    def _compare(self, expected: str, actual: str, where: str) -> None:
        ids = self._ids()
        shown = normal(actual.replace(self._host(), PORT), ids)
        assert matches(normal(expected, []), shown), (
            f"{where} printed\n{shown}\n-- the page shows\n{expected}"
        )

    def _host(self) -> str:
        return self._service.url.removeprefix("http://").replace("127.0.0.1", "localhost")

    def _ids(self) -> list[str]:
        if self._service.process.poll() is not None:
            return []  # nobody can be asked, and what is stopped prints none
        return [manager["id"] for manager in self._service.get("/managers", limit=1000)["items"]]


def localise(code: str, service: Service) -> str:
    """A file that a page shows, for the port that is in use."""
    return code.replace(PORT, service.url.removeprefix("http://"))
