"""How is a model asked for an answer that fits a schema? In looser forms, and again, where need be."""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Protocol

from jobs.exception import Failure
from jobs.job import Job
from jobs.workers.api_answer import Answer
from jobs.workers.language_model import gemini, openai_chat
from jobs.workers.language_model.conversation import FORMS, Form, Model, Reply, Turn, Usage
from jobs.workers.language_model.json_text import json_in
from jobs.workers.language_model.schema import Schema, misfits
from jobs.workers.polite_http import NotAnswered, Request, check_url, checked_key, post


class Provider(Protocol):
    """A module that knows how one kind of server speaks."""

    BASE_URL: str

    def address(self, model: Model) -> str: ...
    def headers(self, model: Model) -> dict[str, str]: ...
    def body(
        self, model: Model, instructions: str, turns: list[Turn], schema: Schema, form: Form
    ) -> dict[str, Any]: ...
    def reply(self, said: Any) -> Reply: ...
    def is_hopeless(self, answer: Answer) -> bool: ...


PROVIDERS: Mapping[str, Provider] = {"openai": openai_chat, "gemini": gemini}

# Servers refuse a form that they do not know with 400 or 422, and mostly say so.
_UNKNOWN_FORM = re.compile(
    r"json|schema|format|structured|mime|extra|un(known|supported|recognized)|not support"
)

_forms: dict[tuple[str, str], Form] = {}
"""The form that a model on a server took first; the next question begins with it."""


class BadAnswer(Failure):
    """A model answered, but not what was asked for."""


def model_for(provider: str, base_url: str, model: str, api_key: str) -> Model:
    """The model that the keys of a step name.

    :raises Failure: a key is missing, or of no use
    """
    original = PROVIDERS[provider].BASE_URL
    if not model:
        raise Failure(f'provider "{provider}" needs model, the name of a model of its server')
    if not api_key and not base_url:
        raise Failure(
            f'provider "{provider}" needs api_key, the name of a variable in {{env.…}}, '
            "or base_url, the address of a server that asks for none"
        )
    if base_url:
        check_url("base_url", base_url)
    address = (base_url or original).rstrip("/")
    return Model(provider, address, model, checked_key("api_key", api_key))


async def ask(
    job: Job,
    model: Model,
    instructions: str,
    question: str,
    schema: Schema,
) -> tuple[Any, Usage]:
    """Ask a model; its answer fits the schema.

    An answer that does not fit is a line, and the model is told once what is wrong with it.

    :raises BadAnswer: what it said is of no use; it stands in a line
    :raises NotAnswered: the server did not answer
    """
    turns = [Turn("user", question)]
    used = Usage()
    for last in (False, True):
        reply = await _reply(job, model, instructions, turns, schema)
        used += reply.usage
        problem = reply.obstacle
        if not problem:
            try:
                value = json_in(reply.text)
                problem = "; ".join(islice(misfits(value, schema), 5))
            except ValueError as error:
                problem = f"not JSON: {error}"
            if not problem:
                return value, used
        if last or reply.obstacle:
            job.log.error("%s; %s answered (%s): %s", problem, model.name, used, reply.text)
            raise BadAnswer(f"{model.name}'s answer is of no use: {problem}")
        job.log.warning("%s; asking once more, %s answered: %s", problem, model.name, reply.text)
        turns += [Turn("model", reply.text or "(nothing)"), Turn("user", _correction(problem))]
    raise AssertionError


async def _reply(
    job: Job,
    model: Model,
    instructions: str,
    turns: list[Turn],
    schema: Schema,
) -> Reply:
    """One answer, in the strictest form that the server takes."""
    provider = PROVIDERS[model.provider]
    place = (model.base_url, model.name)
    forms = FORMS[FORMS.index(_forms.get(place, "schema")) :]
    for form in forms:
        request = Request(
            provider.address(model),
            provider.headers(model),
            json=provider.body(model, instructions, turns, schema, form),
            timeout=model.timeout,
            pause=model.pause,
            is_hopeless=provider.is_hopeless,
        )
        try:
            answer = await post(job, request)
        except NotAnswered as error:
            if form == forms[-1] or error.status not in (400, 422):
                raise
            if not _UNKNOWN_FORM.search(error.said.lower()) and error.said:
                raise
            job.log.debug("%s; asking again in a looser form than %s", error, form)
            continue
        if form != "schema" and place not in _forms:
            job.log.info("%s does not hold its answers to a schema: they are only checked here", model.name)
        _forms.setdefault(place, form)
        try:
            reply: Reply = provider.reply(answer.json())
        except ValueError as error:
            job.log.error("not an answer of a model (%s): %s", error, answer.body[:4000])
            raise BadAnswer(f"{model.base_url} does not answer as {model.provider} does: {error}") from None
        return reply
    raise AssertionError


def _correction(problem: str) -> str:
    return f"That is not what was asked for ({problem}). Answer again, with the corrected JSON object alone."
