"""Which text do these bytes hold? By their mark, by what is said of them, or by how they look."""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before that of UTF-16, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What pages call Latin-1 or ASCII is more than that; browsers agree.
_MEANT = {"ascii": "cp1252", "iso8859-1": "cp1252"}
# Codecs that are no encodings of texts, or take a time that grows with the square of the length.
_ODD = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"}
# No text has these: C0 but tab, line feed, vertical tab, form feed, carriage return, backspace, escape.
_CONTROLS = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f]")
FALLBACK = "cp1252"


def encoding_named(name: str) -> str | None:
    """The codec of an encoding's name; None where there is none for texts."""
    try:
        codec = codecs.lookup(name.strip()).name
        b"?".decode(codec)
    except UnicodeError:
        pass  # half a character of UTF-16
    except (LookupError, ValueError):
        return None
    return None if codec in _ODD else _MEANT.get(codec, codec)


def decode(data: bytes, said: str = "") -> str | None:
    """The text; None where the bytes are none.

    A mark of Unicode at the beginning wins, then the encoding that is said to be theirs if they fit it, then
    UTF-8. Bytes that are not UTF-8 are taken for Windows' Latin, unless a control character is among them.
    """
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(codec, "replace")
    for codec in filter(None, (encoding_named(said) if said else None, "utf-8")):
        try:
            text = data.decode(codec)
        except UnicodeError:
            continue
        return None if "\0" in text else text
    return None if _CONTROLS.search(data) else data.decode(FALLBACK, "replace")
