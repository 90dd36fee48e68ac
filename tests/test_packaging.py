"""What is delivered: package names that are ours alone, and a composition that holds together."""

import os
import re
import shutil
import subprocess
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("domain", "application", "projections", "api", "backoffice")
SECRETS = {"POSTGRES_PASSWORD": "secret", "LAUREL_ADMIN_KEY": "an-admin-key-of-the-tests"}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_provides_a_package_of_ours(package: str) -> None:
    assert set(packages_distributions().get(package, [])) <= {"laurel"}


@pytest.fixture(scope="module")
def composition() -> dict[str, Any]:
    """The composition with variables and merges resolved; by docker where it has compose, else by YAML alone."""
    if _compose("version").returncode:
        return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))
    resolved = _compose("config")
    assert resolved.returncode == 0, resolved.stderr
    return dict(yaml.safe_load(resolved.stdout))


def _compose(command: str) -> subprocess.CompletedProcess[str]:
    docker = shutil.which("docker") or "false"
    arguments = [docker, "compose", command]
    return subprocess.run(arguments, cwd=ROOT, env=os.environ | SECRETS, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("service", ["migrate", "api", "worker"])
def test_services_run_without_rights(composition: dict[str, Any], service: str) -> None:
    declared = composition["services"][service]
    assert declared["read_only"] is True
    assert declared["user"].split(":")[0] != "0"
    assert declared["cap_drop"] == ["ALL"]


def test_nothing_starts_before_the_database_is_migrated(composition: dict[str, Any]) -> None:
    services = composition["services"]
    assert services["postgres"]["healthcheck"]["test"]
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for service in ("api", "worker"):
        assert services[service]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_image_copies_only_what_its_context_lets_through() -> None:
    """`.dockerignore` shuts everything out but what it names, so each copied path must be named there."""
    named = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for path in " ".join(copied).split():
        assert path in named
        assert (ROOT / path).exists()
