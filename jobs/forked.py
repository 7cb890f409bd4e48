"""What must a forked copy of this process let go? What would stay taken after the process itself has died.

A worker function may fork (``multiprocessing``). Its copies inherit every descriptor, and may outlive the
service: a lock or a listening socket that they keep would refuse the next start.
"""

import contextlib
import os
import weakref
from typing import Protocol


class HasDescriptor(Protocol):
    """A file or a socket."""

    def fileno(self) -> int:
        """Its descriptor."""


_held: "weakref.WeakSet[HasDescriptor]" = weakref.WeakSet()


def close_in_forks(thing: HasDescriptor) -> None:
    """Close a file or socket in every copy of this process, as soon as that is forked."""
    _held.add(thing)


def _close() -> None:
    """Put /dev/null in their place: an event loop may hold the socket, and numbers must not be reused."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for thing in list(_held):
        with contextlib.suppress(OSError, ValueError):  # closed already
            os.dup2(nothing, thing.fileno(), inheritable=False)
    os.close(nothing)


os.register_at_fork(after_in_child=_close)
