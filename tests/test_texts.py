"""Promise: the text of HTML, Markdown and plain files is found, whatever they are made of, in linear time."""

import codecs
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.workers.decoding import decode, encoding_named
from jobs.workers.html_text import charset_inside, looks_like_html, read_html
from jobs.workers.markdown_text import read_markdown
from jobs.workers.path_pattern import fits

PAGE = """<!DOCTYPE html>
<html lang="de-AT"><head>
  <title> Caf&eacute; &amp;
    Co </title>
  <meta name="description" content="A  small
place">
  <base href="/shop/">
  <script>if (a < b) document.write("<p>no</p>")</script>
  <style>p > a { color: red }</style>
</head><body>
  <nav><a href="menu">Menu</a></nav>
  <!-- <p>no</p> -->
  <h1>Welcome</h1>
  <p>Coffee<b>s</b> for 3&nbsp;&euro;.<br>Tea
     for 2.</p>
  <ul><li>One</li><li><a href="two?a=1&amp;b=2">Two</a></ul>
  <table><tr><td>a</td><td>b</td></tr></table>
  <a rel="nofollow" href="no">no follow</a>
  <button>Buy</button><svg><text>drawn</text></svg>
  <footer>Imprint</footer>
</body></html>"""


def test_a_page() -> None:
    page = read_html(PAGE)
    assert page.title == "Café & Co"
    assert page.text == "Welcome\n\nCoffees for 3 €.\nTea for 2.\n\nOne\nTwo\n\na b\n\nno follow"
    assert (page.description, page.language, page.base) == ("A small place", "de-AT", "/shop/")
    assert page.links == ["menu", "two?a=1&b=2"]
    assert not page.noindex
    assert not page.nofollow


@pytest.mark.parametrize(
    ("source", "title", "text"),
    [
        ("", "", ""),
        ("plain words", "", "plain words"),
        ("<h1>A <i>b</i></h1><p>c", "A b", "A b\n\nc"),
        ("<title>T<p>body", "T", "body"),
        ("<nav>only a menu", "", "only a menu"),
        ("a < b > c & d &amp; &#x41; &nosuch;", "", "a < b > c & d & A &nosuch;"),
        ("a<b", "", "a<b"),
        ("<p title='a > b'>c</p>", "", "c"),
        ('<p title="never closed>c</p>', "", '<p title="never closed>c'),
        ("<script>a</scripty></script >b", "", "b"),
        ("<script>never closed", "", ""),
        ("a<!-->b<!-- c", "", "ab<!-- c"),
        ("a<![CDATA[x]]>b<?php x ?>c", "", "abc"),
        ("<TEMPLATE>a</TEMPLATE>B", "", "B"),
        ("<noscript>a</p></noscript>b", "", "b"),
        ("&#" + "9" * 5000 + ";", "", "&#" + "9" * 5000 + ";"),
        ("a<br/>b<p/>c", "", "a\nb\n\nc"),
        (f'<img src="data:{"x" * 20000}">after', "", "after"),
    ],
)
def test_what_is_no_clean_page(source: str, title: str, text: str) -> None:
    page = read_html(source)
    assert (page.title, page.text) == (title, text)


@pytest.mark.parametrize(
    ("content", "noindex", "nofollow"),
    [
        ("NoIndex", True, False),
        ("noindex, nofollow", True, True),
        ("none", True, True),
        ("all", False, False),
    ],
)
def test_what_a_page_asks_of_robots(content: str, noindex: bool, nofollow: bool) -> None:
    page = read_html(f'<meta name="robots" content="{content}">')
    assert (page.noindex, page.nofollow) == (noindex, nofollow)


@given(st.text(st.sampled_from("<>/!-&;\"'= ap?[]#x\n"), max_size=200))
def test_any_page_can_be_read(source: str) -> None:
    read_html(source)
    read_markdown(source)


TORN = [
    *(
        "<a ",
        "<a b=",
        "<a b='",
        "<!--",
        "<![CDATA[",
        "</",
        "<?",
        "<",
        "&#",
        "<title>",
        "</nav>",
        "<nav>",
        "<h1>",
    ),
    *('<a"<a"b', '<a x"y=\'z">', "<nav><svg>", "<script>", "<nav></svg>", "<p>\n\n\n", "<a href=x>"),
]


@pytest.mark.parametrize("piece", TORN)
def test_a_page_of_broken_tags_takes_no_long_time(piece: str) -> None:
    """The standard library's parser alone takes minutes for some of these, and hours for a larger one."""
    started = time.process_time()
    read_html(piece * (100_000 // len(piece)))
    assert time.process_time() - started < 5


MARKDOWN = """---
author: me
---
Weekly *report*
===============

See [the **docs**](https://example.org/x) and ![a picture](p.png), <https://example.org>.

> quoted `code`

- one_two
- __two__

```python
x = 1
```

* * *
1. last <b>bold</b>

[ref]: https://example.org
"""


def test_markdown() -> None:
    title, text = read_markdown(MARKDOWN)
    assert title == "Weekly report"
    assert text == (
        "Weekly report\n\nSee the docs and a picture, https://example.org.\n\nquoted code\n\n"
        "one_two\ntwo\n\nx = 1\n\nlast bold"
    )
    assert read_markdown("---\ntitle: 'Named'\n---\n# Other\n")[0] == "Named"
    assert read_markdown("text\r\n\r\n## Sub ##\r\n") == ("Sub", "text\n\nSub")
    assert read_markdown("no title") == ("", "no title")


@pytest.mark.parametrize(
    ("data", "said", "text"),
    [
        (b"", "", ""),
        ("grün €".encode(), "", "grün €"),
        (codecs.BOM_UTF8 + "grün".encode(), "latin1", "grün"),
        ("grün".encode("utf-16"), "", "grün"),
        ("grün".encode("utf-32"), "", "grün"),
        ("grün €".encode("cp1252"), "", "grün €"),
        ("grün €".encode("cp1252"), "ISO-8859-1", "grün €"),
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        ("grün".encode(), "no-such-encoding", "grün"),
        ("grün".encode(), "punycode", "grün"),
        ("日本".encode("shift_jis"), "shift_jis", "日本"),
        (b"a\0b", "", None),
        (b"a\0b", "latin1", None),
        (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n\x01\x02", "", None),
        (b"\x7fELF\x02\x01\x01\xff", "", None),
        (b"\x1b[31mred\x1b[0m \xfc", "", "\x1b[31mred\x1b[0m ü"),
    ],
)
def test_encodings(data: bytes, said: str, text: str | None) -> None:
    assert decode(data, said) == text


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UTF8", "utf-8"),
        ("latin-1", "cp1252"),
        ("ascii", "cp1252"),
        ("base64", None),
        ("idna", None),
        ("", None),
    ],
)
def test_names_of_encodings(name: str, codec: str | None) -> None:
    assert encoding_named(name) == codec


def test_a_page_is_known_by_its_beginning() -> None:
    assert looks_like_html(b"\n<!-- x -->\n<!DOCTYPE html>")
    assert not looks_like_html(b"<note>xml</note>")
    assert charset_inside(b'<meta http-equiv="x" content="text/html; charset=KOI8-R">') == "KOI8-R"
    assert charset_inside(b"<meta charset='utf-8'>") == "utf-8"
    assert charset_inside(b"charset=utf-8") == ""


@pytest.mark.parametrize(
    ("pattern", "path", "does"),
    [
        ("*.md", "a.md", True),
        ("*.md", "x/y/a.md", True),
        ("*.md", "a.MD", False),
        ("/*.md", "a.md", True),
        ("/*.md", "x/a.md", False),
        ("x/*.md", "x/a.md", True),
        ("x/*.md", "x/y/a.md", False),
        ("x/**/*.md", "x/a.md", True),
        ("x/**/*.md", "x/y/z/a.md", True),
        ("**/y/*", "x/y/a", True),
        ("x/**", "x/y/a", True),
        ("x/", "x/y/a", True),
        ("x/", "y/x/a", False),
        ("[ab]?.txt", "a1.txt", True),
        ("[!ab]?.txt", "a1.txt", False),
        ("**", "x/y", True),
        ("", "x", False),
    ],
)
def test_patterns(pattern: str, path: str, does: bool) -> None:
    assert fits(path, pattern) is does
