"""Which event loop do jobs run on? One that no task or callback of a worker function can end."""

import asyncio
import logging

logger = logging.getLogger(__name__)


class JobLoop(asyncio.SelectorEventLoop):
    """An event loop that a task or callback of a worker function cannot end by ``sys.exit()``.

    asyncio lets SystemExit and KeyboardInterrupt out of any task through ``run_forever``, for a program that
    wants to end. The task has failed with it all the same, and so does the job that awaits it.
    """

    def run_forever(self) -> None:
        """Run until ``stop()``."""
        while True:
            try:
                return super().run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                logger.warning("a task of a worker function raised %r; the service goes on", error)
