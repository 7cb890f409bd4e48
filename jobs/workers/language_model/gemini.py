"""How does Gemini speak? POST BASE_URL/models/MODEL:generateContent.

The shapes are those of https://ai.google.dev/api/generate-content, and for answers that fit a schema those of
https://ai.google.dev/gemini-api/docs/structured-output: ``responseSchema`` takes a part of OpenAPI's schemas,
without ``additionalProperties``. The key travels as a header, so that no address holds it. Limits of the
rate are answered with 429 and the time to wait (https://ai.google.dev/gemini-api/docs/rate-limits).
"""

from typing import Any
from urllib.parse import quote

from jobs.workers.api_answer import Answer
from jobs.workers.language_model.conversation import Form, Model, Reply, Turn, Usage, count
from jobs.workers.language_model.schema import Schema, structure

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"


def address(model: Model) -> str:
    """Where the model is asked."""
    name = quote(model.name.removeprefix("models/"), safe="")
    return f"{model.base_url}/models/{name}:generateContent"


def headers(model: Model) -> dict[str, str]:
    """Who asks."""
    return {"x-goog-api-key": model.api_key} if model.api_key else {}


def body(model: Model, instructions: str, turns: list[Turn], schema: Schema, form: Form) -> dict[str, Any]:
    """What is asked."""
    asked: dict[str, Any] = {
        "systemInstruction": {"parts": [{"text": instructions}]},
        "contents": [{"role": turn.by, "parts": [{"text": turn.text}]} for turn in turns],
    }
    if form != "text":
        asked["generationConfig"] = {"responseMimeType": "application/json"}
    if form == "schema":
        asked["generationConfig"]["responseSchema"] = structure(schema, closed=False)
    return asked


def reply(said: Any) -> Reply:
    """What was answered.

    :raises ValueError: it has not the shape of an answer
    """
    if not isinstance(said, dict):
        raise ValueError("no candidates in it")
    used = said.get("usageMetadata")
    used = used if isinstance(used, dict) else {}
    written = count(used.get("candidatesTokenCount")) + count(used.get("thoughtsTokenCount"))
    usage = Usage(count(used.get("promptTokenCount")), written)
    feedback = said.get("promptFeedback")
    if isinstance(feedback, dict) and feedback.get("blockReason"):
        return Reply("", usage, f"Gemini blocks what was asked: {feedback['blockReason']}")
    try:
        candidate = said["candidates"][0]
        reason = candidate.get("finishReason")
        parts = (candidate.get("content") or {}).get("parts") or []
        text = "".join(str(part.get("text", "")) for part in parts if not part.get("thought"))
    except (LookupError, TypeError, AttributeError):
        raise ValueError("no candidates in it") from None
    if reason == "MAX_TOKENS":
        return Reply(text, usage, "the answer is cut: it has reached the model's limit of tokens")
    if reason not in (None, "STOP", "FINISH_REASON_UNSPECIFIED"):
        return Reply(text, usage, f"Gemini withholds the answer: {reason}")
    return Reply(text, usage)


def is_hopeless(answer: Answer) -> bool:
    """Whether asking again is of no use: never known."""
    return False
