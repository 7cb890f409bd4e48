"""What does one ``[step.NAME]`` say? Its own keys, and those of its worker type."""

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.nearest import nearest, quoted, unknown
from jobs.placeholder import Placeholder, fill, placeholders, sole, stored_keys
from jobs.problem import Findings, dotted
from jobs.signature import ANYTHING, Deferred, check, not_json, parameters
from jobs.toml_table import Table

KEYS = (
    "type",
    "description",
    "depends",
    "on_error",
    "timeout",
    "concurrency",
    "always_run",
    "retries",
    "retry_delay",
)
QUAERO_KEYS = ("operation_type", "condition")
ON_ERROR = ("continue", "fail", "fatal", "retry")
RETRIES = 3  # What ``on_error = "retry"`` means where ``retries`` is not given.
SECRET_LENGTH = 6  # Shorter values of the environment are no secrets: hiding "1" would hide every 1.

# Not what separates names in ``depends`` and in the filters, and parts of an address. The length has a limit,
# since a step's rows have its name, some of them twice, and a row is at most 32 KiB.
_NAME = re.compile(r"(?=.{1,200}\Z)[^\s,/]([^,/\x00-\x1f\x7f]*[^\s,/\x00-\x1f\x7f])?")


@dataclass(frozen=True)
class StepDefinition:
    """One step of a definition. Durations are in seconds."""

    name: str
    type: str
    description: str
    depends: tuple[str, ...]
    on_error: str
    timeout: float | None
    concurrency: int
    always_run: bool
    retries: int
    retry_delay: float
    config: dict[str, Any]
    """The keys of the worker type, placeholders not yet replaced."""


@dataclass(frozen=True)
class Configured:
    """The keyword arguments of a step's function, and what of the environment in them must never be shown."""

    config: dict[str, Any]
    secrets: Mapping[str, str]


@dataclass(frozen=True)
class Known:
    """What steps may refer to: worker types, files with worker types that failed to load, and values."""

    types: Mapping[str, Callable[..., Any]]
    broken_types: Mapping[str, str]
    params: Mapping[str, Any]
    environ: Mapping[str, str]


def read_step(name: str, values: Mapping[str, Any], known: Known, findings: Findings) -> StepDefinition:
    """The step that the table ``[step.NAME]`` describes. A key with an error has its default."""
    table = Table(values, findings, "step", name)
    if not _NAME.fullmatch(name):
        message = "a step's name has 1 to 200 characters, and no comma, slash or line break"
        findings.error(dotted("step", name), message)
    on_error = table.choice("on_error", ON_ERROR)
    function = known.types.get(_type(table, known))
    accepted = parameters(function).annotations if function else {}
    no_effect = [key for key in QUAERO_KEYS if key not in accepted]
    own = {key: value for key, value in values.items() if key not in (*KEYS, *no_effect)}
    step = StepDefinition(
        name=name,
        type=table.string("type"),
        description=table.string("description"),
        depends=table.names("depends"),
        on_error=on_error,
        timeout=table.limit("timeout"),
        concurrency=table.integer("concurrency", 4, least=1),
        always_run=table.boolean("always_run", False),
        retries=table.integer("retries", RETRIES if on_error == "retry" else 0, least=0),
        retry_delay=table.seconds("retry_delay", 1.0),
        config=_json_values(own, table),
    )
    _check_placeholders(step.config, table, known)
    if function:
        _check_types(function, own, step.config, table, known)
    table.without_effect(no_effect)
    return step


def configure(step: StepDefinition, params: Mapping[str, Any], environ: Mapping[str, str]) -> Configured:
    """The step's own arguments for one run: placeholders replaced by the run's params and the environment.

    Raises ValueError where a placeholder stands for nothing, which is an error of the definition too.
    """
    secrets: dict[str, str] = {}

    def look_up(placeholder: Placeholder) -> Any:
        values: Mapping[str, Any] = environ if placeholder.is_env else params
        if placeholder.name not in values:
            raise ValueError(_stands_for_nothing(placeholder, params))
        if placeholder.is_env and len(environ[placeholder.name]) >= SECRET_LENGTH:
            secrets[placeholder.name] = environ[placeholder.name]
        return copy.deepcopy(values[placeholder.name])

    return Configured(fill(step.config, look_up), secrets)


def _type(table: Table, known: Known) -> str:
    word = table.values.get("type")
    if word is None:
        near = nearest("type", table.values.keys() - set(KEYS))
        hint = f", did you mean it by {quoted(near)}?" if near else ""
        table.error("type", f"missing, expected the name of a worker type{hint}")
    elif isinstance(word, str) and word not in known.types:
        broken = "; ".join(f"{file}: {error}" for file, error in known.broken_types.items())
        hint = f" (worker files that did not load: {broken})" if broken else ""
        table.error("type", unknown("worker type", word, known.types) + hint)
    return word if isinstance(word, str) else ""


def _json_values(values: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """The worker type's own keys, without those whose value could not be kept as JSON."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        wrong = not_json(value, key)
        for each in wrong:
            table.misfit(each)
        if not wrong:
            kept[key] = value
    return kept


def _check_placeholders(config: Mapping[str, Any], table: Table, known: Known) -> None:
    for key, value in config.items():
        for placeholder in dict.fromkeys(placeholders(value)):
            if placeholder.name not in (known.environ if placeholder.is_env else known.params):
                table.error(key, _stands_for_nothing(placeholder, known.params))
        for text in stored_keys(value):
            table.warn(key, f"{text} stays as it is: only {{params.NAME}} and {{env.NAME}} are replaced")


def _check_types(
    function: Callable[..., Any], own: Mapping[str, Any], config: dict[str, Any], table: Table, known: Known
) -> None:
    """Check the worker type's keys against its parameters, with the params' defaults in their places."""

    def default(placeholder: Placeholder) -> Any:
        if placeholder.is_env:
            return Deferred(placeholder.text)
        return known.params.get(placeholder.name, ANYTHING)

    accepted = parameters(function).annotations
    filled = {key: fill(config[key], default) if key in config else ANYTHING for key in own}
    for each in check(function, filled, also_known=KEYS):
        source = sole(config.get(each.parameter)) if each.parameter in accepted else None
        from_param = f" from {source.text}" if source and not source.is_env else ""
        table.misfit(replace(each, message=each.message + from_param))


def _stands_for_nothing(placeholder: Placeholder, params: Mapping[str, Any]) -> str:
    if placeholder.is_env:
        return f"{placeholder.text}: the environment variable {placeholder.name} is not set"
    return f"{placeholder.text}: {unknown('parameter', placeholder.name, params)}"
