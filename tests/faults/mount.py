"""Which disks can be made for a test? A small one, and one that is read-only; both need root."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

READ_ONLY, REMOUNT, BIND, DETACH = 1, 32, 4096, 2
libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: Path, target: Path, kind: bytes, flags: int, options: bytes) -> None:
    if libc.mount(os.fsencode(source), os.fsencode(target), kind, flags, options) != 0:
        pytest.skip(f"nothing can be mounted here: {os.strerror(ctypes.get_errno())}")


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A disk of some bytes in a folder."""
    _mount(Path("tmpfs"), folder, b"tmpfs", 0, b"size=%d" % size)
    try:
        yield
    finally:
        libc.umount2(os.fsencode(folder), DETACH)  # also from under what has not ended


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """A file or folder that cannot be written, by nobody."""
    _mount(path, path, b"", BIND, b"")
    try:
        _mount(path, path, b"", BIND | REMOUNT | READ_ONLY, b"")
        yield
    finally:
        libc.umount2(os.fsencode(path), DETACH)
