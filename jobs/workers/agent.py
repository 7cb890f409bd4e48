"""Worker type ``agent``: what can be said about each document that was found?"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Literal

from anyio import to_thread

from jobs.exception import Failure
from jobs.job import Handle, Job, JobFailed
from jobs.mark import worker
from jobs.workers.agent_job import ask_model, extract_keywords, summarize
from jobs.workers.agent_types import AgentType, Wishes
from jobs.workers.language_model.ask import model_for
from jobs.workers.language_model.conversation import Model, Usage

FEWEST_KEYWORDS, MOST_KEYWORDS = 5, 15
LOCAL: tuple[AgentType, ...] = ("keyword_extractor", "content_summarizer")
"""What needs no language model."""


@worker("agent")
async def agent(
    step: Job,
    agent_type: AgentType,
    provider: Literal["local", "openai", "gemini"] = "local",
    max_keywords: int = 10,
    max_sentences: int = 3,
    categories: list[str] | None = None,
    filter_source_type: str | None = None,
    filter_tags: list[str] | None = None,
    filter_limit: int | None = None,
    filter_scope: Literal["run", "all"] = "run",
    model: str = "",
    api_key: str = "",
    base_url: str = "",
    requests_per_minute: float | None = None,
    request_timeout: float = 120.0,
    max_characters: int = 20_000,
) -> None:
    """Give every chosen document to one worker job, which keeps its result as ``metadata.<agent_type>``.

    :param agent_type: what is looked for in each document
    :param provider: ``local``: computed in this process, without a network; ``openai``: any server that
        speaks as OpenAI's chat completions do; ``gemini``: Google's
    :param max_keywords: for each document; kept within 5 and 15
    :param max_sentences: of a summary, 1 or more
    :param categories: those that a ``category_classifier`` may take; absent: any
    :param filter_source_type: only documents of this source type (``places``)
    :param filter_tags: only documents that have all of these tags
    :param filter_limit: only the first so many
    :param filter_scope: ``run``: documents that this run saved; ``all``: every document that is kept
    :param model: the name of a model of the provider's server
    :param api_key: for the server; stands in the environment, ``{env.NAME}``
    :param base_url: the address of the server, if it is not the provider's own
    :param requests_per_minute: at most, over all worker jobs of all runs that ask this server
    :param request_timeout: seconds that one request may take
    :param max_characters: of a document's text; the rest is not sent
    :raises Failure: a value is missing or out of its range
    """
    wishes = Wishes(clamped(max_keywords), max_sentences, tuple(categories or ()))
    asked = asked_model(agent_type, provider, model, api_key, base_url)
    if asked is None:
        for key, value in (("model", model), ("api_key", api_key), ("base_url", base_url)):
            if value:  # no error: a definition may serve several providers, by a parameter
                step.log.warning('%s has no effect: provider is "local"', key)
    _check_numbers(filter_limit, max_sentences, requests_per_minute, request_timeout, max_characters)
    if wishes.max_keywords != max_keywords and agent_type == "keyword_extractor":
        step.log.warning(
            "max_keywords is %d, expected %d to %d: using %d",
            max_keywords,
            FEWEST_KEYWORDS,
            MOST_KEYWORDS,
            wishes.max_keywords,
        )
    choose = partial(
        step.documents,
        source_type=filter_source_type or None,
        tags=filter_tags,
        limit=filter_limit,
        scope=filter_scope,
    )
    documents = await to_thread.run_sync(choose, abandon_on_cancel=True)
    if not documents:
        whose = "that this run saved" if filter_scope == "run" else "kept"
        step.log.warning("no documents to work on: none of those %s passes the filters", whose)
        return
    step.log.info(_plan(agent_type, wishes, asked, len(documents)))
    if asked is not None:
        pause = 60 / requests_per_minute if requests_per_minute else 0.0
        paced = asdict(replace(asked, timeout=request_timeout, pause=pause))

    def start(document: dict[str, Any]) -> Handle:
        if asked is not None:
            return step.spawn(ask_model, document["id"], agent_type, paced, asdict(wishes), max_characters)
        if agent_type == "keyword_extractor":
            return step.spawn(extract_keywords, document["id"], wishes.max_keywords)
        return step.spawn(summarize, document["id"], wishes.max_sentences)

    # In a thread: there may be very many.
    handles = await to_thread.run_sync(lambda: [*map(start, documents)], abandon_on_cancel=True)
    if asked is not None:
        await _log_usage(step, handles)


def clamped(max_keywords: int) -> int:
    """The number of keywords that is used for the number that was asked for."""
    return min(max(max_keywords, FEWEST_KEYWORDS), MOST_KEYWORDS)


def asked_model(
    agent_type: AgentType, provider: str, model: str, api_key: str, base_url: str
) -> Model | None:
    """The model that is asked, None if none is needed. Raises Failure if the keys do not go together."""
    if provider != "local":
        return model_for(provider, base_url, model, api_key)
    if agent_type not in LOCAL:
        raise Failure(
            f'agent_type "{agent_type}" needs a language model: set provider = "openai" or "gemini" '
            f'("local" has {" and ".join(LOCAL)})'
        )
    return None


def _check_numbers(
    filter_limit: int | None,
    max_sentences: int,
    requests_per_minute: float | None,
    request_timeout: float,
    max_characters: int,
) -> None:
    if filter_limit is not None and filter_limit < 1:
        raise Failure(f"filter_limit is {filter_limit}, expected 1 or more")
    if max_sentences < 1:
        raise Failure(f"max_sentences is {max_sentences}, expected 1 or more")
    if max_characters < 1:
        raise Failure(f"max_characters is {max_characters}, expected 1 or more")
    for name, value in (("requests_per_minute", requests_per_minute), ("request_timeout", request_timeout)):
        if value is not None and not value > 0:
            raise Failure(f"{name} is {value:g}, expected more than 0")


def _plan(agent_type: AgentType, wishes: Wishes, asked: Model | None, number: int) -> str:
    what = "1 document" if number == 1 else f"each of {number} documents"
    doing = {
        "keyword_extractor": f"extracting up to {wishes.max_keywords} keywords from",
        "content_summarizer": "summarizing",
        "sentiment_analyzer": "finding the sentiment of",
        "category_classifier": "finding categories for",
        "entity_recognizer": "finding what is named in",
    }[agent_type]
    return f"{doing} {what}{f' with {asked.name} at {asked.base_url}' if asked else ''}"


async def _log_usage(step: Job, handles: Sequence[Handle]) -> None:
    used, answered = Usage(), 0
    for handle in handles:
        try:
            tokens = (await handle).get("tokens")
        except JobFailed:
            continue
        if tokens:
            used, answered = used + Usage(tokens["in"], tokens["out"]), answered + 1
    step.log.info("%d of %d documents answered: %s", answered, len(handles), used)
