"""Worker type ``local_dir``: which texts are in the files of a folder?"""

import errno
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from jobs.exception import Failure
from jobs.job import Job
from jobs.mark import worker
from jobs.nearest import quoted
from jobs.workers.beneath import Content, read_beneath, walk
from jobs.workers.decoding import decode, encoding_named
from jobs.workers.html_text import charset_inside, looks_like_html, read_html
from jobs.workers.markdown_text import read_markdown
from jobs.workers.path_pattern import fits_any

SOURCE_TYPE = "files"
MOST_KIB = 64 * 1024
HTML_ENDS = (".html", ".htm", ".xhtml")
MARKDOWN_ENDS = (".md", ".markdown")


@worker("local_dir")
def local_dir(
    step: Job,
    path: str,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    hidden: bool = False,
    max_size_kib: int = 1024,
    max_files: int = 1000,
    encoding: str = "",
    tags: list[str] | None = None,
) -> None:
    """Save the text files beneath a folder as documents of source type ``files``, one worker job a file.

    :param path: the folder, relative to the definition
    :param include: only files that fit one of these patterns; see ``path_pattern``
    :param exclude: no files and no folders that fit one of these
    :param hidden: also files and folders whose names begin with a full stop
    :param max_size_kib: larger files are skipped
    :param max_files: only the first so many, by their paths
    :param encoding: that of the files; empty: found out for each
    :param tags: of every document
    :raises Failure: a value is of no use, or the folder is not there
    """
    if not 1 <= max_size_kib <= MOST_KIB:
        raise Failure(f"max_size_kib is {max_size_kib}, expected 1 to {MOST_KIB}")
    if max_files < 1:
        raise Failure(f"max_files is {max_files}, expected 1 or more")
    if encoding and encoding_named(encoding) is None:
        raise Failure(
            f'encoding is {quoted(encoding)}, expected the name of one, such as "utf-8" or "cp1252"'
        )
    top = folder(path, step.definition_path)
    found = list(islice(choose(step, top, include, exclude or (), hidden), max_files + 1))
    if not found:
        step.log.warning("no files to read in %s: none is there that fits", top)
        return
    if len(found) > max_files:
        step.log.warning("more than %d files (max_files): the others are left out", max_files)
        del found[max_files:]
    step.log.info("reading %s in %s", "1 file" if len(found) == 1 else f"{len(found)} files", top)
    for file in found:
        step.spawn(read_file, str(top), file, max_size_kib, encoding, tags or [])


def read_file(
    job: Job, folder: str, path: str, max_size_kib: int, encoding: str, tags: list[str]
) -> dict[str, Any]:
    """Save one file as a document.

    :returns: the document's id, or why there is none
    :raises Failure: the file cannot be read
    """
    limit = max_size_kib * 1024
    try:
        content = read_beneath(Path(folder), path, limit + 1)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {_reason(error)}") from None
    if max(len(content.data), content.size) > limit:
        job.log.warning("skipped %s: %d KiB, more than %d", path, content.size // 1024, max_size_kib)
        return {"skipped": "too large"}
    found = document(folder, path, content, encoding, tags)
    if found is None:
        job.log.info("skipped %s: it is binary", path)
        return {"skipped": "binary"}
    identity = job.save(found)
    job.log.info("%s: %s, %d characters", path, found["title"], len(found["text"]))
    return {"document": identity}


def document(
    folder: str, path: str, content: Content, encoding: str, tags: Sequence[str]
) -> dict[str, Any] | None:
    """A file as a document; None if it is no text."""
    name = path.rpartition("/")[2]
    is_html = name.lower().endswith(HTML_ENDS) or looks_like_html(content.data)
    text = decode(content.data, encoding or (charset_inside(content.data) if is_html else ""))
    if text is None:
        return None
    metadata: dict[str, Any] = {"path": path, "bytes": content.size, "modified_at": content.modified_at}
    if is_html:
        page = read_html(text)
        title, text, kind = page.title, page.text, "html"
        metadata |= {
            key: value
            for key, value in (("description", page.description), ("language", page.language))
            if value
        }
    elif name.lower().endswith(MARKDOWN_ENDS):
        (title, text), kind = read_markdown(text), "markdown"
    else:
        title, kind = "", "text"
    return {
        "source_type": SOURCE_TYPE,
        "source_id": f"{folder.rstrip('/')}/{path}",
        "title": title or name,
        "text": text,
        "tags": list(tags),
        "metadata": metadata | {"format": kind},
    }


def folder(path: str, definition: Path) -> Path:
    """The folder that a definition names.

    :raises Failure: there is none
    """
    if not path:
        raise Failure("path is empty, expected the name of a folder")
    try:
        found = (definition.absolute().parent / path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL
        reason = _reason(error) if isinstance(error, OSError) else str(error)
        raise Failure(f"path is {quoted(path)}: {reason} ({definition.absolute().parent / path})") from None
    if not found.is_dir():
        raise Failure(f"path is {quoted(path)}: it is no folder ({found})")
    return found


def choose(
    step: Job, top: Path, include: Sequence[str] | None, exclude: Sequence[str], hidden: bool
) -> Iterator[str]:
    """The files that are to be read, by their paths from the top."""

    def wanted(path: str) -> bool:
        is_hidden = path.rpartition("/")[2].startswith(".")
        return (hidden or not is_hidden) and not fits_any(path, exclude)

    def failed(path: str, error: OSError) -> None:
        step.log.warning("left out %s: %s", path or top, _reason(error))

    for found in walk(top, lambda path: wanted(path) and not fits_any(f"{path}/", exclude), failed):
        if not wanted(found.path) or not (include is None or fits_any(found.path, include)):
            continue
        if found.odd:
            step.log.debug("left out %s: it is %s", found.path, found.odd)
        elif not _is_utf8(found.path):
            step.log.warning("left out %a: its name is not UTF-8", found.path)
        else:
            yield found.path


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symbolic link"
    return (error.strerror or str(error)).lower()
