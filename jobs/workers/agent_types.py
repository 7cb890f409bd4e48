"""What does each agent find in a document? Its prompt, the schema of its answer, and what is kept of it."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Literal

from jobs.workers.language_model.schema import Schema

AgentType = Literal[
    "keyword_extractor",
    "content_summarizer",
    "sentiment_analyzer",
    "category_classifier",
    "entity_recognizer",
]

SENTIMENTS = ("positive", "negative", "neutral", "mixed")
ENTITY_TYPES = ("person", "organization", "place", "product", "work", "event", "date", "other")

_PROMPTS = Path(__file__).with_name("prompts")
_CONFIDENCE = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT = {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Wishes:
    """What a step asks of its agent."""

    max_keywords: int = 10
    max_sentences: int = 3
    categories: tuple[str, ...] = ()


def instructions(agent_type: AgentType, wishes: Wishes) -> str:
    """What a model is told, the same for every document of a step."""
    asked = _prompt(agent_type).substitute(
        max_keywords=wishes.max_keywords,
        max_sentences=wishes.max_sentences,
        categories="".join(f"\n* {category}" for category in wishes.categories) or " any that fit",
    )
    return _prompt("agent").substitute(
        task=asked.strip(), schema=json.dumps(schema(agent_type, wishes), ensure_ascii=False)
    )


def question(title: str, text: str) -> str:
    """A document as it is handed to a model: between two lines that nobody who wrote it could know."""
    fence = f"===== document {secrets.token_hex(8)} ====="
    return _prompt("document").substitute(fence=fence, title=" ".join(title.split()), text=text)


def schema(agent_type: AgentType, wishes: Wishes) -> Schema:
    """The schema of an answer, which is also the shape of ``metadata.<agent_type>``."""
    return _KINDS[agent_type].schema(wishes)


def kept(agent_type: AgentType, answer: Mapping[str, Any], wishes: Wishes) -> dict[str, Any]:
    """What is kept of an answer that fits its schema: in order, without repeats, and not too much."""
    kind = _KINDS[agent_type]
    found = answer[kind.key]
    if not isinstance(found, list):
        return dict(answer)
    if kind.by_confidence:
        found = sorted(found, key=lambda each: -each["confidence"])
    distinct = {each[kind.name].strip().casefold(): each for each in reversed(found)}
    kept = [each for each in found if distinct[each[kind.name].strip().casefold()] is each]
    limit = wishes.max_keywords if agent_type == "keyword_extractor" else None
    return {kind.key: [{**each, kind.name: each[kind.name].strip()} for each in kept[:limit]]}


def in_brief(agent_type: AgentType, found: Mapping[str, Any]) -> dict[str, Any]:
    """A result without confidences and reasons: ``{"keywords": ["soup", …]}``."""
    kind = _KINDS[agent_type]
    value = found[kind.key]
    return {kind.key: [each[kind.name] for each in value] if isinstance(value, list) else value}


@dataclass(frozen=True)
class _Kind:
    """An agent's answer.

    :param key: of what it found
    :param name: in a list: what names an item
    :param by_confidence: whether the surest item stands first
    """

    schema: Callable[[Wishes], Schema]
    key: str
    name: str = ""
    by_confidence: bool = False


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(key: str, item: Schema) -> Schema:
    return _object(**{key: {"type": "array", "items": item}})


def _category(wishes: Wishes) -> Schema:
    one = {"type": "string", "enum": list(wishes.categories)} if wishes.categories else _TEXT
    return _list("categories", _object(category=one, confidence=_CONFIDENCE))


_KINDS: Mapping[AgentType, _Kind] = {
    "keyword_extractor": _Kind(
        lambda wishes: _list("keywords", _object(keyword=_TEXT, confidence=_CONFIDENCE)),
        "keywords",
        "keyword",
        by_confidence=True,
    ),
    "content_summarizer": _Kind(lambda wishes: _object(summary=_TEXT), "summary"),
    "sentiment_analyzer": _Kind(
        lambda wishes: _object(
            sentiment={"type": "string", "enum": list(SENTIMENTS)}, confidence=_CONFIDENCE, reason=_TEXT
        ),
        "sentiment",
    ),
    "category_classifier": _Kind(_category, "categories", "category", by_confidence=True),
    "entity_recognizer": _Kind(
        lambda wishes: _list(
            "entities", _object(entity=_TEXT, type={"type": "string", "enum": list(ENTITY_TYPES)})
        ),
        "entities",
        "entity",
    ),
}


def _prompt(name: str) -> Template:
    return Template((_PROMPTS / f"{name}.md").read_text(encoding="utf-8"))
