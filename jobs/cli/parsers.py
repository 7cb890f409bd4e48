"""Which words and options does the command ``stepstream`` know? One parser a word."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from jobs.cli.exit_status import CommandError
from jobs.nearest import unknown
from jobs.row import LEVELS

SERVE = "serve"
DEFAULT_URL = "http://127.0.0.1:8000"


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, with the nearest option."""

    def error(self, message: str) -> NoReturn:
        """Refuse."""
        raise CommandError(f"{message} ({self.prog} --help tells more)")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The options of a command line.

        :raises CommandError: there is something wrong with it
        """
        options, rest = self.parse_known_args(words)
        for word in rest:
            known = [name for action in self._actions for name in action.option_strings]
            if word.startswith("-"):
                self.error(unknown("option", word.partition("=")[0], known))
            self.error(f"one word too many: {word}")
        return options


@dataclass(frozen=True)
class Word:
    """A word.

    :param purpose: what it is for
    :param add_options: adds its options to a parser
    """

    purpose: str
    add_options: Callable[[Parser], None]


def parser(word: str) -> Parser:
    """The parser of a word."""
    purpose = f"{WORDS[word].purpose.capitalize()}."
    made = Parser(prog=f"stepstream {word}", description=purpose, allow_abbrev=False)
    WORDS[word].add_options(made)
    return made


def _chosen(kind: str, choices: Sequence[str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(unknown(kind, text, choices))
        return text

    return convert


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:18]) < 10**17):
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, got {text}")
    return int(text)


def _lines(text: str) -> int | None:
    return None if text == "all" else _number(text)


def _param(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text}")
    return name, value


def _service(made: Parser) -> None:
    made.add_argument(
        "--url", metavar="URL", help=f"where the service is (STEPSTREAM_URL, else {DEFAULT_URL})"
    )


def _json(made: Parser, what: str) -> None:
    made.add_argument("--json", action="store_true", help=f"{what}, one JSON object a line")


def _level(made: Parser) -> None:
    made.add_argument(
        "--level",
        metavar="LEVEL",
        type=_chosen("level", LEVELS),
        help="show lines of this level and above: debug, info, warning or error",
    )


def _folders(made: Parser, of: str) -> None:
    made.add_argument(
        "--workers", metavar="FOLDER", help=f"{of}folder of worker functions (STEPSTREAM_WORKERS)"
    )


def _serve(made: Parser) -> None:
    """Its options are settings. It needs no word, so its help is also that of the whole command."""
    words = "\n".join(f"  {name:<8}{word.purpose}" for name, word in WORDS.items())
    made.prog = "stepstream"
    made.usage = "stepstream [serve] [FLAGS]\n       stepstream COMMAND …"
    made.description = (
        "Run multi-step jobs and show every worker live. Flags win over STEPSTREAM_… variables."
    )
    made.epilog = f"commands (stepstream COMMAND --help tells more):\n{words}"
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("--host", help="address to listen on (127.0.0.1)")
    made.add_argument("--port", help="port to listen on (8000; 0: any free one)")
    made.add_argument("--db", help="database file (stepstream.db)")
    made.add_argument("--definitions", help="folder of definitions that add to the shipped ones")
    made.add_argument("--workers", help="folder of Python files with worker functions")
    made.add_argument("--hosts", help="further allowed Host names, with commas between them")
    made.add_argument("--synchronous", help="FULL (survives a power cut) or NORMAL")
    made.add_argument("--log-level", help="lowest level taken from logging (info)")


def _run(made: Parser) -> None:
    made.add_argument("name", metavar="NAME", help="id of a definition")
    made.add_argument(
        "--param",
        metavar="K=V",
        action="append",
        default=[],
        type=_param,
        help="value of a parameter; repeatable",
    )
    made.add_argument("--detach", action="store_true", help="print the id of the run, and do not follow it")
    _level(made)
    _json(made, "print rows")
    _service(made)
    made.add_argument("--local", action="store_true", help="run in this process, without a service")
    made.add_argument(
        "--db", metavar="FILE", help="with --local: keep the run in this database, not a temporary one"
    )
    made.add_argument(
        "--definitions", metavar="FOLDER", help="with --local: folder of definitions (STEPSTREAM_DEFINITIONS)"
    )
    _folders(made, "with --local: ")


def _tail(made: Parser) -> None:
    made.add_argument("id", metavar="ID", help="id of a run, or latest")
    made.add_argument(
        "--lines",
        metavar="N",
        type=_lines,
        default=10,
        help="begin with the last N lines, or with all of them (10)",
    )
    made.add_argument("--step", metavar="STEP", help="show this step only")
    _level(made)
    _json(made, "print rows")
    _service(made)


def _list(made: Parser) -> None:
    made.add_argument(
        "what",
        metavar="WHAT",
        nargs="?",
        default="runs",
        type=_chosen("list", ("runs", "definitions")),
        help="runs or definitions (runs)",
    )
    made.add_argument(
        "--status", metavar="STATUS", help="runs of this status, or of several with commas between them"
    )
    made.add_argument("--definition", metavar="NAME", help="runs of this definition")
    made.add_argument("--limit", metavar="N", type=_number, default=20, help="at most so many (20)")
    _json(made, "print items")
    _service(made)


def _cancel(made: Parser) -> None:
    made.add_argument("id", metavar="ID", help="id of a run, or latest")
    made.add_argument("--step", metavar="STEP", help="cancel this step only")
    made.add_argument("--job", metavar="JOB", help="cancel this worker job only, with what it has spawned")
    made.add_argument("--reason", metavar="TEXT", help="why, for the log")
    _json(made, "print the run")
    _service(made)


def _retry(made: Parser) -> None:
    made.add_argument("id", metavar="ID", help="id of a run, or latest")
    made.add_argument("--step", metavar="STEP", help="only this step and what depends on it")
    _json(made, "print the run")
    _service(made)


def _check(made: Parser) -> None:
    made.add_argument("files", metavar="FILE", nargs="+", help="definition file, or a folder of them")
    _folders(made, "")
    _json(made, "print what was found")


WORDS = {
    SERVE: Word("serve the panel, the stream and everything else; also without a word", _serve),
    "run": Word("start a run and follow it", _run),
    "tail": Word("follow a run", _tail),
    "list": Word("list runs, or definitions", _list),
    "cancel": Word("cancel a run, a step of it or a worker job", _cancel),
    "retry": Word("run again what did not complete of a run", _retry),
    "check": Word("check definition files", _check),
}
