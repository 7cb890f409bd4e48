"""What does a worker job of an agent do with its document? It finds something, and keeps it."""

from typing import Any

from anyio import to_thread

from jobs.job import Job
from jobs.workers.agent_types import AgentType, Wishes, in_brief, instructions, kept, question, schema
from jobs.workers.keywords import keywords
from jobs.workers.language_model.ask import ask
from jobs.workers.language_model.conversation import Model, Usage
from jobs.workers.summary import summary


def extract_keywords(job: Job, document_id: str, max_keywords: int) -> dict[str, Any]:
    """Find the keywords of one document and keep them with it.

    :returns: the document's id, and the keywords, the strongest first
    :raises KeyError: the document has been deleted meanwhile
    """
    document = job.document(document_id)
    found = {"keywords": document_keywords(document, max_keywords)}
    return _keep(job, document, "keyword_extractor", found)


def summarize(job: Job, document_id: str, max_sentences: int) -> dict[str, Any]:
    """Choose the sentences of one document that say most of it, and keep them with it.

    :returns: the document's id, and the sentences in one text
    :raises KeyError: the document has been deleted meanwhile
    """
    document = job.document(document_id)
    found = {"summary": summary(document.get("text") or "", max_sentences, document.get("title") or "")}
    return _keep(job, document, "content_summarizer", found)


async def ask_model(
    job: Job,
    document_id: str,
    agent_type: AgentType,
    model: dict[str, Any],
    wishes: dict[str, Any],
    max_characters: int,
) -> dict[str, Any]:
    """Ask a language model about one document and keep its answer with it.

    :returns: the document's id, what was found, and the tokens that it took
    :raises BadAnswer: the answer is of no use; it stands in a line
    :raises NotAnswered: the server did not answer
    :raises KeyError: the document has been deleted meanwhile
    """
    wanted = Wishes(**{**wishes, "categories": tuple(wishes["categories"])})
    document = await to_thread.run_sync(job.document, document_id)
    text = (document.get("text") or "").strip()
    if not text:
        job.log.warning("%s: it has no text, so nothing is asked", _title(document))
        return {"document": document_id}
    if len(text) > max_characters:
        job.log.warning(
            "%s: only %d of its %d characters are sent", _title(document), max_characters, len(text)
        )
    answer, usage = await ask(
        job,
        Model(**model),
        instructions(agent_type, wanted),
        question(document.get("title") or "", text[:max_characters]),
        schema(agent_type, wanted),
    )
    result = _keep(job, document, agent_type, kept(agent_type, answer, wanted), usage)
    return result | {"tokens": {"in": usage.read, "out": usage.written}}


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


def _keep(
    job: Job,
    document: dict[str, Any],
    agent_type: AgentType,
    found: dict[str, Any],
    usage: Usage | None = None,
) -> dict[str, Any]:
    """Keep what was found with its document, and say so; the worker job's result."""
    job.save(
        {
            "source_type": document["source_type"],
            "source_id": document["source_id"],
            "metadata": {agent_type: found},
        }
    )
    brief = in_brief(agent_type, found)
    (key, said), title = next(iter(brief.items())), _title(document)
    if said:
        said = ", ".join(said) if isinstance(said, list) else said
        taken = f" ({usage})" if usage else ""
        job.log.info("%s: %s%s", title, said, taken, data={"document": document["id"], **found})
    else:
        why = "its text has none" if document.get("text") else "it has no text"
        job.log.warning("%s: no %s, %s", title, key, why)
    return {"document": document["id"], **brief}


def _title(document: dict[str, Any]) -> str:
    return document.get("title") or str(document["source_id"])
