"""Worker type ``agent``: what can be said about each document that was found?"""

from typing import Any, Literal

from jobs.job import Job
from jobs.mark import worker
from jobs.workers.keywords import keywords

FEWEST_KEYWORDS, MOST_KEYWORDS = 5, 15


@worker("agent")
def agent(
    step: Job,
    agent_type: Literal["keyword_extractor"],
    provider: Literal["local"] = "local",
    max_keywords: int = 10,
    filter_source_type: str | None = None,
    filter_tags: list[str] | None = None,
    filter_limit: int | None = None,
    filter_scope: Literal["run", "all"] = "run",
) -> None:
    """Give every chosen document to one worker job, which keeps its result as ``metadata.<agent_type>``.

    :param agent_type: ``keyword_extractor``: the words and phrases that a document is about
    :param provider: ``local``: computed in this process, without a network
    :param max_keywords: for each document; kept within 5 and 15
    :param filter_source_type: only documents of this source type (``places``)
    :param filter_tags: only documents that have all of these tags
    :param filter_limit: only the first so many
    :param filter_scope: ``run``: documents that this run saved; ``all``: every document that is kept
    :raises ValueError: filter_limit is below 1
    """
    if filter_limit is not None and filter_limit < 1:
        raise ValueError(f"filter_limit is {filter_limit}, expected 1 or more")
    limit = clamped(max_keywords)
    if limit != max_keywords:
        step.log.warning(
            "max_keywords is %d, expected %d to %d: using %d",
            max_keywords,
            FEWEST_KEYWORDS,
            MOST_KEYWORDS,
            limit,
        )
    documents = step.documents(
        source_type=filter_source_type or None, tags=filter_tags, limit=filter_limit, scope=filter_scope
    )
    if not documents:
        whose = "that this run saved" if filter_scope == "run" else "kept"
        step.log.warning("no documents to work on: none of those %s passes the filters", whose)
        return
    what = "1 document" if len(documents) == 1 else f"each of {len(documents)} documents"
    step.log.info("extracting up to %d keywords from %s", limit, what)
    for document in documents:
        step.spawn(extract_keywords, document["id"], limit)


def extract_keywords(job: Job, document_id: str, max_keywords: int) -> dict[str, Any]:
    """Find the keywords of one document and keep them with it.

    :returns: the document's id, and the keywords, the strongest first
    :raises KeyError: the document has been deleted meanwhile
    """
    document = job.document(document_id)
    title = document.get("title") or document["source_id"]
    found = document_keywords(document, max_keywords)
    job.save(
        {
            "source_type": document["source_type"],
            "source_id": document["source_id"],
            "metadata": {"keyword_extractor": {"keywords": found}},
        }
    )
    names = [each["keyword"] for each in found]
    if names:
        job.log.info("%s: %s", title, ", ".join(names), data={"document": document_id, "keywords": found})
    else:
        job.log.warning(
            "%s: no keywords, %s", title, "its text has none" if document.get("text") else "it has no text"
        )
    return {"document": document_id, "keywords": names}


def document_keywords(document: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """The keywords of a document's text, beyond what its title, tags and address say already."""
    metadata = document.get("metadata") or {}
    address = metadata.get("address")
    found = keywords(
        document.get("text") or "",
        limit,
        known=[document.get("title") or "", address if isinstance(address, str) else ""],
        tags=document.get("tags") or (),
    )
    return [{"keyword": each.keyword, "confidence": each.confidence} for each in found]


def clamped(max_keywords: int) -> int:
    """The number of keywords that is used for the number that was asked for."""
    return min(max(max_keywords, FEWEST_KEYWORDS), MOST_KEYWORDS)
