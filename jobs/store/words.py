"""When are two words the same? Without case, diacritics and colours, as people look for them."""

import re
import unicodedata

# A run of letters and digits, of any script.
PART = re.compile(r"[^\W_]+")
# Of a terminal (ECMA-48, SGR). They stand right beside a word.
COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
# A contentless index wants the text back to forget it.
FORGET_WORDS = "INSERT INTO log_words (log_words, rowid, message) VALUES ('delete', ?, ?)"


def uncoloured(text: str) -> str:
    """A text with blanks for the codes of colours, as many: all else stays where it is."""
    return COLOUR.sub(lambda code: " " * len(code[0]), text) if "\x1b" in text else text


def fold(text: str) -> str:
    """A text without case and diacritics, and without colours, as words are compared."""
    return _folded(uncoloured(text))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def index_text(message: str) -> str:
    """A message as the full-text index takes it."""
    return parts(uncoloured(message))


def parts(text: str) -> str:
    """The parts of words in a text, so that SQLite only has to split at blanks.

    Its own rules for letters are those of an old Unicode, and its ASCII rules are ours.
    """
    return text if text.isascii() else " ".join(PART.findall(_folded(text)))


def unfolded(text: str, position: int) -> int:
    """Where a position in a folded text is in the text itself."""
    if text.isascii():
        return position
    for index, letter in enumerate(text):
        position -= len(fold(letter))
        if position < 0:
            return index
    return len(text)
