"""What does a definition file say? A TOML file becomes a definition, with every error and its place."""

import re
import tomllib
import zoneinfo
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jobs import dependency
from jobs.definition import Definition
from jobs.nearest import nearest, quoted
from jobs.placeholder import placeholders
from jobs.problem import Findings, Problem, dotted
from jobs.schedule import Schedule
from jobs.signature import ANYTHING, given, not_json
from jobs.step_definition import Known, StepDefinition, read_step
from jobs.toml_table import Table

KEYS = (
    "id",
    "name",
    "description",
    "timeout",
    "enabled",
    "schedule",
    "timezone",
    "max_running",
    "on_restart",
    "tags",
    "params",
    "error_tolerance",
    "step",
)
QUAERO_KEYS = ("type", "job_type", "auto_start", "authentication")

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,?#-]+")
_SYNTAX = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
_STEP_FORM = 'a step is a table of its own, as in [step.fetch] with type = "places_search"'


def parse(
    toml: str,
    path: Path,
    types: Mapping[str, Callable[..., Any]],
    environ: Mapping[str, str],
    broken_types: Mapping[str, str] = MappingProxyType({}),
) -> Definition:
    """The definition in a file's text. Never raises: all that is wrong with it stands in ``errors``.

    ``types`` are the worker functions by worker type; ``broken_types`` the files with worker functions
    that could not be loaded, with the reason; ``environ`` is what ``{env.NAME}`` reads.
    """
    try:
        document = tomllib.loads(toml)
    except ValueError as error:
        return unreadable(path, *_syntax_error(str(error), toml), toml)
    except RecursionError:
        return unreadable(path, "", "invalid TOML: nested too deeply", toml)
    findings = Findings(path.name)
    table = Table(document, findings)
    table.only(KEYS, besides=(*QUAERO_KEYS, "config", "steps"))
    table.without_effect(QUAERO_KEYS)
    own_id = _id(table, path)
    params = _params(table, findings)
    known = Known(types, broken_types, params, environ)
    return Definition(
        id=own_id or path.stem,
        name=table.string("name") or own_id or path.stem,
        description=table.string("description"),
        path=path,
        toml=toml,
        enabled=table.boolean("enabled", True),
        timeout=table.limit("timeout"),
        max_running=table.integer("max_running", 1, least=1),
        schedule=_schedule(table),
        timezone=_timezone(table),
        on_restart=_on_restart(table),
        tags=table.strings("tags"),
        params={name: value for name, value in params.items() if value is not ANYTHING},
        max_child_failures=_max_child_failures(table, findings),
        steps=_steps(table, known, findings),
        errors=tuple(findings.errors),
        warnings=tuple(findings.warnings),
        id_is_known=own_id is not None,
    )


def unreadable(path: Path, position: str, message: str, toml: str = "") -> Definition:
    """The definition of a file that says nothing: known by its stem, with one error.

    ``position`` is empty, or ``:LINE:COLUMN`` in the file.
    """
    error = Problem(path.name + position, message)
    return Definition(path.stem, path.stem, path, toml, errors=(error,), id_is_known=False)


def _syntax_error(message: str, toml: str) -> tuple[str, str]:
    """The position and message of an error of the TOML reader."""
    match = _SYNTAX.fullmatch(message)
    if not match:  # Python's own limit on the digits of a number, which names no place.
        return "", "invalid TOML: a number has too many digits"
    line, column = match[2] or toml.count("\n") + 1, match[3] or len(toml) - toml.rfind("\n")
    return f":{line}:{column}", f"invalid TOML: {match[1][:1].lower()}{match[1][1:]}"


def _id(table: Table, path: Path) -> str | None:
    """The id in the file, else the file's stem; None where that is no id."""
    rule = "expected at most 64 of a-z, 0-9, _ and -, the first a letter or digit"
    if "id" not in table.values:
        if _ID.fullmatch(path.stem):
            return path.stem
        table.error("id", f"missing, and the file's stem {quoted(path.stem)} is no id: {rule}")
        return None
    word = table.string("id", "-")
    if _ID.fullmatch(word):
        return word
    if isinstance(table.values["id"], str):
        table.error("id", f"{rule}, got {given(word)}")
    return None


def _params(table: Table, findings: Findings) -> dict[str, Any]:
    """The defaults of the parameters; ANYTHING where a default has an error."""
    if "params" in table.values and "config" in table.values:
        table.error("config", "[config] is another word for [params]: put the keys of both into [params]")
    key = "params" if "params" in table.values else "config"
    params = dict(table.table(key))
    defaults = Table(params, findings, key)
    for name, value in params.items():
        wrong = not_json(value, name)
        for each in wrong:
            defaults.misfit(each)
        if wrong:
            params[name] = ANYTHING
        elif any(placeholders(value)):
            defaults.warn(name, "a placeholder in a parameter is not replaced")
    return params


def _steps(table: Table, known: Known, findings: Findings) -> tuple[StepDefinition, ...]:
    value = table.values.get("step", {})
    if "steps" in table.values or not isinstance(value, dict):
        for key in ("step", "steps"):
            if isinstance(table.values.get(key), list):
                table.error(key, f"[[{key}]] is not the form: {_STEP_FORM}")
            elif key == "steps" and isinstance(table.values.get(key), dict):
                table.error(key, f"[steps.NAME] is not the form: {_STEP_FORM}")
            elif key in table.values and (key == "steps" or not isinstance(value, dict)):
                table.error(key, f"{_STEP_FORM}, got {given(table.values[key])}")
    elif not value:
        table.error("step", f"no steps: {_STEP_FORM}")
    if not isinstance(value, dict):
        return ()
    steps = []
    for name, keys in value.items():
        if isinstance(keys, dict):
            steps.append(read_step(name, keys, known, findings))
        else:
            findings.error(dotted("step", name), f"{_STEP_FORM}, got {given(keys)}")
    dependency.check({step.name: step.depends for step in steps}, findings)
    return tuple(steps)


def _schedule(table: Table) -> str:
    schedule = table.string("schedule").strip()
    if not schedule:
        return ""
    fields = schedule.split()
    if len(fields) != 5 or not all(_CRON_FIELD.fullmatch(field) for field in fields):
        table.error("schedule", f'expected five cron fields, as in "*/15 * * * *", got {given(schedule)}')
        return ""
    try:
        Schedule(schedule)
    except ValueError as error:
        table.error("schedule", str(error))
        return ""
    return schedule


def _timezone(table: Table) -> str:
    name = table.string("timezone", "UTC")
    if name == "UTC":  # Needs no time zone database.
        return name
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = nearest(name, zoneinfo.available_timezones())
        hint = f", did you mean {quoted(near)}?" if near else ', expected an IANA name, as in "Europe/Vienna"'
        table.error("timezone", f"unknown time zone {quoted(name)}{hint}")
        return "UTC"
    return name


def _on_restart(table: Table) -> str:
    return table.choice("on_restart", ("interrupt", "resume"))


def _max_child_failures(table: Table, findings: Findings) -> int | None:
    tolerance = Table(table.table("error_tolerance"), findings, "error_tolerance")
    tolerance.only(("max_child_failures",), besides=("failure_action",))
    tolerance.without_effect(("failure_action",))
    if "max_child_failures" not in tolerance.values:
        return None
    return tolerance.integer("max_child_failures", 0, least=0)
