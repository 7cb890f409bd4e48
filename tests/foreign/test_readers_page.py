"""Promise: the programs that the page about readers shows work as they stand there."""

from collections.abc import Iterator

import pytest

from tests.console import Console, localise
from tests.foreign.readers import NODE_MODULES, node
from tests.pages import DOCS, Block, blocks
from tests.programs import needs
from tests.service_process import Service

pytestmark = needs("curl")
PAGE = DOCS / "how-to" / "read-the-stream.md"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A terminal in a folder with the programs; the run that they read has been started in it."""
    service = Service(tmp_path_factory.mktemp("docs")).start()
    for block in blocks(PAGE):
        if block.title:
            (service.folder / block.title).write_text(localise(block.text, service), encoding="utf-8")
    (service.folder / "node_modules").symlink_to(NODE_MODULES)
    console = Console(service)
    console.run(blocks(PAGE, "console")[0])
    yield console
    service.kill()


@pytest.mark.parametrize("block", blocks(PAGE, "console")[1:], ids=lambda block: block.text.split()[3])
def test_a_program_prints_what_the_page_shows(block: Block, console: Console) -> None:
    if "$ node" in block.text:
        node()
    console.run(block)
