"""Promise: the wheel has all that the service needs: the panel, the definitions, the command."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.service_process import ROOT

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_an_installed_wheel_serves_its_panel_and_checks(tmp_path: Path) -> None:
    """What it depends on is borrowed from this environment: only the wheel itself is in question."""
    built = [*PIP, "wheel", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(built, check=True, timeout=90, capture_output=True)
    (wheel,) = tmp_path.glob("stepstream-*.whl")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    python = venv / "bin" / "python"
    subprocess.run([*PIP, "--python", str(python), "install", "--no-deps", wheel], check=True, timeout=60)
    mine = Path(httpx.__file__).parent.parent
    (own,) = (venv / "lib").glob("python*/site-packages")
    (own / "borrowed.pth").write_text(f"{mine}\n")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("STEPSTREAM_")}
    script = venv / "bin" / "stepstream"
    checked = subprocess.run(
        [script, "check", ROOT / "jobs" / "definitions"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    with subprocess.Popen(
        [script, "--port", "0"], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        url = service.stdout.readline().removeprefix("Stepstream listening on ").strip()
        panel = httpx.get(f"{url}/").text
        for link in re.findall(r'(?:href|src)="([^"#]+)"', panel):
            if not link.startswith("./"):
                assert httpx.get(f"{url}/{link}").status_code == 200
        assert httpx.get(f"{url}/static/tree.js").status_code == 200
        assert "nearby-restaurants" in httpx.get(f"{url}/definitions").text
        where = [str(python), "-c", "import app, jobs; print(app.__file__, jobs.__file__)"]
        found = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30)
        assert found.stdout.count(str(venv)) == 2
        service.terminate()
        assert service.wait(10) == 0
