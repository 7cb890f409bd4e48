"""When are two words the same? Without case and diacritics, as people look for them."""

import re
import unicodedata

# A run of letters and digits, of any script.
PART = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """A text without case and diacritics, as words are compared."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def index_text(message: str) -> str:
    """A message as the full-text index takes it: parts of words that SQLite only has to split at blanks.

    SQLite's own rules for letters are those of an old Unicode, and its ASCII rules are ours.
    """
    return message if message.isascii() else " ".join(PART.findall(fold(message)))


def unfolded(text: str, position: int) -> int:
    """Where a position in a folded text is in the text itself."""
    if text.isascii():
        return position
    for index, letter in enumerate(text):
        position -= len(fold(letter))
        if position < 0:
            return index
    return len(text)
