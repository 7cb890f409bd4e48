"""How is a file read that surely lies in a folder? By descriptors, name by name, and never over a link.

A path that was looked at may be another file when it is opened. A descriptor stays what it was: each folder
is opened from the one above it, and a symbolic link is refused where it is met.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

DEEPEST = 100
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe waits for its other end.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Found(NamedTuple):
    """What is in a folder: a path from the top, with slashes, and what it is if it is no regular file."""

    path: str
    odd: str = ""


class Content(NamedTuple):
    """What was read of a file, its size, and when it was changed last."""

    data: bytes
    size: int
    modified_at: str


def walk(
    top: Path, into: Callable[[str], bool], failed: Callable[[str, OSError], None], path: str = ""
) -> Iterator[Found]:
    """Everything beneath a folder but the folders themselves, in order of names.

    :param into: whether to look into a folder
    :param failed: is told of folders that cannot be read
    """
    try:
        with ExitStack() as stack:
            descriptor = _open_folder(stack, top, path.split("/") if path else [])
            entries = []
            for name in sorted(os.listdir(descriptor)):
                with suppress(FileNotFoundError):  # gone meanwhile
                    entries.append((name, os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode))
    except OSError as error:
        failed(path, error)
        return
    for name, mode in entries:
        inner = f"{path}/{name}" if path else name
        if not stat.S_ISDIR(mode):
            yield Found(inner, _odd(mode))
        elif inner.count("/") >= DEEPEST:
            failed(inner, OSError(0, f"nested deeper than {DEEPEST} folders"))
        elif into(inner):
            yield from walk(top, into, failed, inner)


def read_beneath(top: Path, path: str, most: int) -> Content:
    """Read a file beneath a folder, at most so many bytes.

    :param path: from the folder, with slashes
    :raises OSError: it is not there, no regular file, or a link leads to it
    :raises ValueError: the path leads out of the folder
    """
    names = path.split("/")
    if any(name in ("", ".", "..") or "\0" in name for name in names):
        raise ValueError(f"{path!r} is no path beneath a folder")
    with ExitStack() as stack:
        folder = _open_folder(stack, top, names[:-1])
        descriptor = os.open(names[-1], _FILE, dir_fd=folder)
        stack.callback(os.close, descriptor)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, f"it is {_odd(found.st_mode) or 'a folder'}")
        parts, left = [], most
        while left > 0 and (part := os.read(descriptor, left)):
            parts.append(part)
            left -= len(part)
    modified = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds")
    return Content(b"".join(parts), found.st_size, modified.replace("+00:00", "Z"))


def _open_folder(stack: ExitStack, top: Path, names: list[str]) -> int:
    """The descriptor of a folder beneath another."""
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    for name in names:
        descriptor = os.open(name, _FOLDER, dir_fd=descriptor)
        stack.callback(os.close, descriptor)
    return descriptor


def _odd(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "")
