"""Promise: the service starts in every way that is documented, with clear words when it cannot."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app import static_folder
from jobs.settings import Settings, SettingsError
from tests.service_process import ROOT, Service


def test_flags_win_over_the_environment_and_that_over_defaults() -> None:
    settings = Settings.read({"STEPSTREAM_PORT": "1", "STEPSTREAM_DB": "a.db"}, {"port": "2"})
    assert (settings.port, settings.db, settings.host) == (2, Path("a.db"), "127.0.0.1")
    assert Settings.read({}) == Settings(environ={})
    assert Settings.read({"STEPSTREAM_HOSTS": " a.example, b "}).hosts == ("a.example", "b")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"STEPSTREAM_PORT": "x"}, 'port: expected a number from 0 to 65535, got "x"'),
        ({"STEPSTREAM_PORT": "65536"}, 'port: expected a number from 0 to 65535, got "65536"'),
        ({"STEPSTREAM_SYNCHRONOUS": "off"}, 'synchronous: expected FULL or NORMAL, got "OFF"'),
        (
            {"STEPSTREAM_LOG_LEVEL": "loud"},
            'log_level: expected debug or info or warning or error, got "loud"',
        ),
        ({"STEPSTREAM_HOST": "0.0.0.0"}, "host 0.0.0.0: an address that others can reach needs a token"),
        ({"STEPSTREAM_HOST": "example.org"}, "host example.org: an address that others can reach needs a"),
        ({"STEPSTREAM_TOKEN": "short"}, "STEPSTREAM_TOKEN: expected 6 or more characters"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read(environ)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("host", ["2001:db8::1", "[2001:db8::1]"])
def test_an_address_is_allowed_as_it_stands_in_a_host_header(host: str) -> None:
    assert Settings(host=host, hosts=("a.example",)).host_names == ("[2001:db8::1]", "a.example")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.5.5.5"])
def test_loopback_addresses(host: str) -> None:
    assert Settings.read({"STEPSTREAM_HOST": host}).host == host


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"STEPSTREAM_WORKERS": "nosuch"}, "nosuch: there is no such folder of worker functions"),
        ({"STEPSTREAM_DEFINITIONS": "nosuch"}, "definitions folder nosuch:"),
        ({"STEPSTREAM_DB": "nosuch/x.db"}, "nosuch/x.db: cannot be locked: No such file or directory"),
        ({"STEPSTREAM_HOST": "0.0.0.0"}, "host 0.0.0.0: an address that others can reach needs a token"),
    ],
    ids=lambda value: "",
)
def test_what_cannot_start_says_so_in_one_line(
    make_service: Callable[..., Service], environ: dict[str, str], message: str
) -> None:
    service = make_service(environ)
    process = service.spawn()
    assert process.wait(10) == 1
    assert process.stdout is not None
    assert process.stdout.read() == ""
    process.stdout.close()
    (line,) = service.errors().splitlines()
    assert line.startswith(f"stepstream: {message}")


@pytest.mark.parametrize(("host", "name"), [("::1", "[::1]"), ("127.0.0.2", "127.0.0.2")])
def test_an_address_is_served_by_its_own_name(
    make_service: Callable[..., Service], host: str, name: str
) -> None:
    service = make_service({"STEPSTREAM_HOST": host}).start()
    assert service.url.startswith(f"http://{name}:")
    assert service.get("/healthz")["status"] == "ok"


def test_the_console_script_serves(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("stepstream")
    if not script.exists():
        pytest.skip("not installed: run make test")
    with subprocess.Popen(
        [script, "serve", "--port", "0", "--db", str(tmp_path / "x.db")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("Stepstream listening on ").strip()
        assert httpx.get(f"{url}/healthz").json()["status"] == "ok"
        assert "Stepstream" in httpx.get(f"{url}/").text
        process.terminate()
        assert process.wait(10) == 0


def test_uvicorn_serves_the_factory(tmp_path: Path) -> None:
    """The same application under a server of somebody else's making."""
    environ = {**os.environ, "STEPSTREAM_DB": str(tmp_path / "x.db")}
    command = [sys.executable, "-m", "uvicorn", "--factory", "app:create_app", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = ""
        while not url:
            line = process.stderr.readline()
            assert line, "it ended"
            if "running on" in line:
                url = line.split("running on ")[1].split()[0]
        with httpx.Client(base_url=url) as client:
            assert client.get("/healthz").json()["status"] == "ok"
            answer = client.post("/definitions/nearby-restaurants/runs", params={"follow": "true"})
            assert "event: end" in answer.text
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        process.wait(10)


def test_make_run_serves_and_hands_signals_on(tmp_path: Path) -> None:
    # Not those of a make that runs this test.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    environ |= {"STEPSTREAM_DB": str(tmp_path / "x.db"), "STEPSTREAM_PORT": "0"}
    # -o: the environment that runs this test is ready.
    command = ["make", "-o", f"{sys.prefix}/.ready", f"VENV={sys.prefix}", "run"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Stepstream listening on http://127.0.0.1:")
        url = line.removeprefix("Stepstream listening on ").strip()
        assert httpx.get(f"{url}/healthz").json()["status"] == "ok"
        process.terminate()
        process.stdout.read()
        process.wait(10)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")


def test_static_files_are_found() -> None:
    assert (static_folder() / "index.html").is_file()
