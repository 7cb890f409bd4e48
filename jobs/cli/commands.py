"""What does each word of the command ``stepstream`` do?"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.cli.check import checked, report, sentence
from jobs.cli.client import Client, part
from jobs.cli.exit_status import FAILED, NOT_DONE, OK, SIGNALLED, CommandError, Left
from jobs.cli.follow import follow
from jobs.cli.local import LocalRun, OpenEngine, local_engine
from jobs.cli.parsers import DEFAULT_URL, SERVE, WORDS, parser
from jobs.cli.progress import Progress
from jobs.cli.remote import RemoteRun
from jobs.cli.table import DEFINITIONS, RUNS
from jobs.cli.terminal import Terminal
from jobs.cli.view import JsonLines, Lines, View, tell
from jobs.nearest import unknown
from jobs.row import encode
from jobs.settings import Settings, SettingsError
from jobs.status import LIVE

Serve = Callable[[Settings], int]
"""Serves until a signal comes; the exit status."""
LOCAL_OPTIONS = ("db", "definitions", "workers")


def run(words: Sequence[str], environ: Mapping[str, str], serve: Serve, open_engine: OpenEngine) -> int:
    """Do what a command line says; the exit status.

    :param serve: what ``serve`` does with its settings
    :param open_engine: opens the engine of ``run --local``
    """
    try:
        word, *rest = words if words and not words[0].startswith("-") else (SERVE, *words)
        if word not in WORDS:
            raise CommandError(unknown("command", word, WORDS))
        # What cannot be written in the terminal's own encoding is shown by its number.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        options = parser(word).parse(rest)
        with ExitStack() as stack:
            terminal = Terminal(sys.stdout, environ)
            return DOES[word](Call(options, environ, terminal, serve, open_engine, stack))
    except CommandError as error:
        tell(str(error))
        return NOT_DONE
    except Left as left:
        return SIGNALLED + left.number
    except KeyboardInterrupt:
        return SIGNALLED + signal.SIGINT
    except BrokenPipeError:  # whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SIGNALLED + signal.SIGPIPE


@dataclass(frozen=True)
class Call:
    """One command line: its options, and what else a word needs; what it opens is closed by ``stack``."""

    options: argparse.Namespace
    environ: Mapping[str, str]
    terminal: Terminal
    serve: Serve
    open_engine: OpenEngine
    stack: ExitStack

    def client(self) -> Client:
        """What asks the service that is meant."""
        url = self.options.url or self.environ.get("STEPSTREAM_URL") or DEFAULT_URL
        return self.stack.enter_context(closing(Client(url, self.environ.get("STEPSTREAM_TOKEN"))))

    def view(self, manager: dict[str, Any], only: Sequence[str] = ()) -> View:
        """What shows a run."""
        return (
            JsonLines(self.terminal) if self.options.json else Lines(self.terminal, Progress(manager, only))
        )

    def print(self, item: Mapping[str, Any]) -> None:
        """Print an item as JSON."""
        self.terminal.write(f"{encode(item)}\n")


def _serve(call: Call) -> int:
    try:
        settings = Settings.read(call.environ, vars(call.options))
    except SettingsError as error:
        tell(str(error))
        return FAILED
    return call.serve(settings)


def _run(call: Call) -> int:
    options = call.options
    params: dict[str, str] = {}
    for name, value in options.param:
        if name in params:
            raise CommandError(f"--param {name} is given twice")
        params[name] = value
    if options.local:
        return _run_locally(call, params)
    for name in LOCAL_OPTIONS:
        if getattr(options, name):
            raise CommandError(f"--{name} is for run --local; a service has its own")
    client = call.client()
    manager = client.start(options.name, params)
    if options.detach:
        call.print(manager) if options.json else call.terminal.write(f"{manager['id']}\n")
        return OK
    if not options.json:
        tell(f"{manager['id']} has started, see {client.url}/#/managers/{manager['id']}")
    source = RemoteRun(client, manager["id"], level=options.level)
    return follow(source, call.view(manager), cancels=True)


def _run_locally(call: Call, params: Mapping[str, str]) -> int:
    options = call.options
    if options.detach or options.url:
        raise CommandError(f"--{'detach' if options.detach else 'url'} needs a service; --local has none")
    flags = {name: getattr(options, name) for name in LOCAL_OPTIONS if getattr(options, name)}
    with local_engine(call.open_engine, call.environ, flags) as engine:
        source = LocalRun(engine, options.name, params, options.level)
        return follow(source, call.view(source.manager()), cancels=True)


def _tail(call: Call) -> int:
    options, client = call.options, call.client()
    manager = client.get(f"/managers/{part(options.id)}")
    steps = [step["name"] for step in manager["steps"]]
    if options.step is not None and options.step not in steps:
        raise CommandError(unknown("step", options.step, steps))
    filters = {"step": options.step, "level": options.level}
    after = 0
    if options.lines is not None:
        path = f"/managers/{part(manager['id'])}/log"
        first = client.get(path, format="json", tail=options.lines, limit=1, **filters)["items"]
        after = first[0]["seq"] - 1 if first else manager["last_seq"]
    only = [options.step] if options.step else []
    source = RemoteRun(client, manager["id"], after, **filters)
    return follow(source, call.view(manager, only), cancels=False)


def _list(call: Call) -> int:
    options, client = call.options, call.client()
    if options.what == "definitions":
        if options.status or options.definition:
            raise CommandError("--status and --definition choose runs")
        items = client.items("/definitions", options.limit)
        table = DEFINITIONS
    else:
        items = client.items("/managers", options.limit, status=options.status, definition=options.definition)
        table = RUNS
    if options.json:
        for item in items:
            call.print(item)
    else:
        table.write(call.terminal, items)
    return OK


def _cancel(call: Call) -> int:
    options = call.options
    body = {"step": options.step, "job": options.job, "reason": options.reason}
    manager = call.client().post(f"/managers/{part(options.id)}/cancel", body)
    if options.json:
        call.print(manager)
    else:
        what = options.job or options.step or manager["id"]
        ended = not (options.job or options.step) and manager["status"] not in LIVE
        call.terminal.write(f"{what}: {manager['status'] if ended else 'cancelling'}\n")
    return OK


def _retry(call: Call) -> int:
    options = call.options
    manager = call.client().post(f"/managers/{part(options.id)}/retry", {"step": options.step})
    if options.json:
        call.print(manager)
    else:
        call.terminal.write(f"{manager['id']}: attempt {manager['attempt']}\n")
    return OK


def _check(call: Call) -> int:
    options = call.options
    workers = options.workers or call.environ.get("STEPSTREAM_WORKERS")
    definitions = checked(options.files, Path(workers) if workers else None, call.environ)
    for definition in definitions:
        errors, warnings = (
            [report(definition, problem) for problem in problems]
            for problems in (definition.errors, definition.warnings)
        )
        if options.json:
            call.print(
                {"file": str(definition.path), "id": definition.id, "errors": errors, "warnings": warnings}
            )
            continue
        lines = [sentence(definition, "error", each) for each in errors]
        lines += [sentence(definition, "warning", each) for each in warnings]
        call.terminal.write("".join(f"{line}\n" for line in lines or [f"{definition.path}: ok"]))
    found = [problem.message for definition in definitions for problem in definition.errors]
    if not workers and any(message.startswith("unknown worker type") for message in found):
        tell("no worker functions of your own were read: --workers or STEPSTREAM_WORKERS names their folder")
    return FAILED if any(definition.errors for definition in definitions) else OK


DOES: dict[str, Callable[[Call], int]] = {
    SERVE: _serve,
    "run": _run,
    "tail": _tail,
    "list": _list,
    "cancel": _cancel,
    "retry": _retry,
    "check": _check,
}
