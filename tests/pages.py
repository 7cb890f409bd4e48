"""What is on the documentation's pages? Code blocks with the files they show, headings, links, tables."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.service_process import ROOT

README = ROOT / "README.md"
DOCS = ROOT / "docs"
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
ANY_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r'\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A code block. One with a title is a file that the reader shall write."""

    page: Path
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """All pages."""
    return [README, *sorted(DOCS.rglob("*.md"))]


@cache
def text(page: Path) -> str:
    """A page's source."""
    return page.read_text(encoding="utf-8")


def reference(name: str) -> str:
    """A page of the reference."""
    return text(DOCS / "reference" / f"{name}.md")


@cache
def blocks(page: Path, *languages: str) -> list[Block]:
    """The code blocks of a page, of some languages if any are given."""
    source = text(page)
    found = [
        Block(page, source[: match.start()].count("\n") + 1, match[1], match[2] or "", match[3])
        for match in FENCE.finditer(source)
    ]
    return [block for block in found if not languages or block.language in languages]


def all_blocks(*languages: str) -> list[Block]:
    """The code blocks of all pages."""
    return [block for page in pages() for block in blocks(page, *languages)]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return ANY_FENCE.sub("", text(page))


def links(page: Path) -> list[str]:
    """Where a page points to, pictures included."""
    return [match[1] or match[2] for match in LINK.finditer(re.sub(r"`[^`\n]+`", "", prose(page)))]


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(source: str, title: str) -> str:
    """What stands under a heading, up to the next one."""
    start = source.index(f"# {title}\n")
    return source[start : source.find("\n#", start)]


def rows(source: str) -> list[list[str]]:
    """The cells of the tables whose first column is code."""
    lines = [line for line in source.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines]


def names(source: str) -> list[str]:
    """The code in the first column of the tables."""
    return [name for cells in rows(source) for name in re.findall(r"`([^`]+)`", cells[0])]
