"""Promise: no page, name or redirect leads a robot to an address that is not public."""

from collections.abc import Callable, Iterator, Sequence

import anyio
import httpx
import pytest

from jobs.workers.pinned import PinnedTransport, Refused, is_public
from tests.processes import linux
from tests.service_process import Service
from tests.site import Reply, Site


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::"),
        *("2001:0:7f00:1::1", "2606:4700::1%eth0", "localhost", "", "1.2.3"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


def send(url: str, answers: Sequence[Sequence[str]], down: Sequence[str] = ()) -> list[httpx.Request]:
    """The requests that are sent for one, while its name has other addresses each time."""
    sent: list[httpx.Request] = []
    turns = iter(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return next(turns)

    def connect(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if request.url.host in down:
            raise httpx.ConnectError("down")
        return httpx.Response(200)

    async def request() -> None:
        transport = PinnedTransport(resolve=resolve, inner=httpx.MockTransport(connect))
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(url)

    anyio.run(request)
    return sent


def test_what_was_checked_is_connected_to_whatever_the_name_means_next() -> None:
    (request,) = send("https://rebinds.test:8443/a?b", [["8.8.8.8"], ["127.0.0.1"]])
    assert str(request.url) == "https://8.8.8.8:8443/a?b"
    assert request.headers["Host"] == "rebinds.test:8443"
    assert request.extensions["sni_hostname"] == "rebinds.test"  # whose certificate it must be


def test_the_next_address_is_tried_if_one_is_down() -> None:
    sent = send("http://two.test/", [["2606:4700::1", "8.8.8.8"]], down=["2606:4700::1"])
    assert [request.url.host for request in sent] == ["2606:4700::1", "8.8.8.8"]
    with pytest.raises(httpx.ConnectError):
        send("http://two.test/", [["8.8.8.8", "8.8.4.4"]], down=["8.8.8.8", "8.8.4.4"])
    with pytest.raises(httpx.ConnectError):
        send("http://none.test/", [[]])


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1", "8.8.8.8"]])
def test_one_address_that_is_not_public_is_enough(addresses: list[str]) -> None:
    with pytest.raises(Refused, match=r"two\.test has the address .* which is not public"):
        send("http://two.test/", [addresses])


# In the service, 127.0.0.1 stands for what is public, and 127.0.0.2 for what is not.
RESOLVER = """
    from functools import partial
    from jobs.workers import web_page

    looked_up = []

    async def resolve(host, port):
        looked_up.append(host)
        again = looked_up.count(host) > 1
        return {
            "public.test": ["127.0.0.1"],
            "private.test": ["127.0.0.2"],
            "both.test": ["127.0.0.1", "127.0.0.2"],
            "rebinds.test": ["127.0.0.2" if again else "127.0.0.1"],
        }.get(host, [host])

    web_page.PinnedTransport = partial(
        web_page.PinnedTransport, resolve=resolve, is_allowed=lambda address: address == "127.0.0.1"
    )
"""


@pytest.fixture
def sites() -> Iterator[tuple[Site, Site]]:
    public, private = Site(), Site({"/": "secret"}, "127.0.0.2")
    yield public, private
    public.close()
    private.close()


@linux  # elsewhere a machine has not all of 127.0.0.0/8
def test_no_page_leads_to_a_private_address(
    make_service: Callable[..., Service], sites: tuple[Site, Site]
) -> None:
    public, private = sites
    site, inside = f"http://public.test:{public.port}", f":{private.port}/"
    public.pages |= {
        "/": f'<a href="http://private.test{inside}">x</a>'
        f'<a href="http://127.0.0.2{inside}">x</a><a href="to">x</a>',
        "/to": Reply(status=302, headers={"Location": f"http://private.test{inside}"}),
        "/again": "rebound",
    }
    service = make_service()
    service.add_workers("resolver", RESOLVER)
    service.define(
        "job",
        f"""
        [step.only]
        type = "web"
        urls = [
            "{site}/", "http://both.test:{public.port}/", "http://rebinds.test:{public.port}/again",
            "http://rebinds.test:{public.port}/again?2"
        ]
        depth = 1
        same_host = false
        obey_robots = false
        delay = 0
        concurrency = 1
        """,
    )
    manager = service.start().run_to_end("job")
    jobs = service.get(f"/managers/{manager['id']}/jobs")["items"]
    outcome = {job["arguments"]["url"]: (job["status"], job["reason"]) for job in jobs}
    refused = "refused: {} has the address 127.0.0.2, which is not public (allow_private = true permits it)"
    reasons = {
        f"{site}/": None,
        f"http://rebinds.test:{public.port}/again": None,
        f"http://both.test:{public.port}/": "both.test",
        f"http://rebinds.test:{public.port}/again?2": "rebinds.test",
        f"http://private.test{inside}": "private.test",
        f"http://127.0.0.2{inside}": "127.0.0.2",
        f"{site}/to": "private.test",
    }
    assert outcome.keys() == reasons.keys()
    for url, host in reasons.items():
        status, reason = outcome[url]
        if host is None:
            assert (status, reason) == ("completed", None)
        else:
            assert status == "failed"
            assert reason.endswith(refused.format(host))
    assert private.asked == []
    assert {request.headers["Host"].partition(":")[0] for request in public.asked} == {
        "public.test",
        "rebinds.test",
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::1]", "0.0.0.0", "2130706433"])
def test_names_of_this_machine_are_refused(shared_service: Service, host: str) -> None:
    shared_service.define("job", f'[step.only]\ntype = "web"\nurls = ["http://{host}:1/"]\ndelay = 0')
    manager = shared_service.run_to_end("job")
    (job,) = shared_service.get(f"/managers/{manager['id']}/jobs")["items"]
    # A machine may have no address for one of these: then there is nothing to refuse.
    assert "which is not public" in job["reason"] or "has no address" in job["reason"]
