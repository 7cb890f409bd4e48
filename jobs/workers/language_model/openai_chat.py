"""How does an OpenAI-compatible server speak? POST BASE_URL/chat/completions.

The shapes are those of https://platform.openai.com/docs/api-reference/chat/create and, for answers that fit
a schema, of https://platform.openai.com/docs/guides/structured-outputs: ``response_format`` is
``json_schema``, which in strict mode has every property required and ``additionalProperties`` false, or
``json_object``, which wants the word JSON among the messages. A refusal stands beside the content. What only
some models take is not sent, such as ``temperature``.
"""

from typing import Any

from jobs.workers.api_answer import Answer
from jobs.workers.language_model.conversation import Form, Model, Reply, Turn, Usage, count
from jobs.workers.language_model.schema import Schema, structure

BASE_URL = "https://api.openai.com/v1"
_ROLES = {"user": "user", "model": "assistant"}


def address(model: Model) -> str:
    """Where the model is asked."""
    return f"{model.base_url}/chat/completions"


def headers(model: Model) -> dict[str, str]:
    """Who asks."""
    return {"Authorization": f"Bearer {model.api_key}"} if model.api_key else {}


def body(model: Model, instructions: str, turns: list[Turn], schema: Schema, form: Form) -> dict[str, Any]:
    """What is asked."""
    messages = [{"role": "system", "content": instructions}]
    messages += [{"role": _ROLES[turn.by], "content": turn.text} for turn in turns]
    asked: dict[str, Any] = {"model": model.name, "messages": messages}
    if form == "schema":
        named = {"name": "answer", "strict": True, "schema": structure(schema)}
        asked["response_format"] = {"type": "json_schema", "json_schema": named}
    elif form == "json":
        asked["response_format"] = {"type": "json_object"}
    return asked


def reply(said: Any) -> Reply:
    """What was answered.

    :raises ValueError: it has not the shape of an answer
    """
    try:
        choice = said["choices"][0]
        message = choice["message"]
        text, refusal, reason = (
            _text(message.get("content")),
            message.get("refusal"),
            choice.get("finish_reason"),
        )
    except (LookupError, TypeError, AttributeError):
        raise ValueError("no choices[0].message in it") from None
    used = said.get("usage")
    used = used if isinstance(used, dict) else {}
    usage = Usage(count(used.get("prompt_tokens")), count(used.get("completion_tokens")))
    if refusal:
        return Reply(text, usage, f"the model refuses: {refusal}")
    if reason == "length":
        return Reply(text, usage, "the answer is cut: it has reached the model's limit of tokens")
    if reason == "content_filter":
        return Reply(text, usage, "the server's content filter withholds the answer")
    return Reply(text, usage)


def is_hopeless(answer: Answer) -> bool:
    """Whether asking again is of no use: the account's quota is used up, which is a 429 too.

    See https://platform.openai.com/docs/guides/error-codes.
    """
    return answer.status == 429 and "insufficient_quota" in answer.body


def _text(content: Any) -> str:
    """The content: a text, or a list of parts of which some are texts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
