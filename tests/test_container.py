"""The files for containers, as far as they can be held to the rest of the project without an engine to run them."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from trialalerts.delivery.transports import open_transport
from trialalerts.delivery.transports.smtp.transport import SmtpServer, SmtpTransport
from trialalerts.settings import Settings, read_settings

yaml: Any = import_module("yaml")  # comes with python-frontmatter, without types
TOP = Path(__file__).resolve().parent.parent
DOCKERFILE = (TOP / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((TOP / "compose.yaml").read_text())["services"]
    return found


def _needed(name: str) -> set[str]:
    """Return what a distribution needs here, itself included."""
    needed = {name}
    for line in requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed |= _needed(requirement.name)
    return needed


def test_the_image_takes_all_that_builds_the_wheel_from_the_lock() -> None:
    pattern = re.search(r"wanted = /\^\(([^)]+)\)==/", DOCKERFILE)
    assert pattern
    listed = set(pattern[1].split("|"))
    locked = set(re.findall(r"^([a-z0-9-]+)==", (TOP / "requirements" / "dev.txt").read_text(), re.MULTILINE))
    assert listed >= _needed("hatchling")
    assert listed <= locked


def test_the_builder_is_sent_all_that_it_copies() -> None:
    sent = {line[1:].rstrip("/") for line in (TOP / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word.rstrip("/")
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for word in line.split()
    }
    assert copied == sent
    assert all((TOP / path).exists() for path in copied)


def test_the_image_runs_as_nobody_special_and_says_how_it_is() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "/healthz" in final
    assert "pip" not in final
    assert "apt-get" not in final


def test_every_variable_given_to_the_service_is_one_of_its_settings(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = dict(re.findall(r"(TRIALALERTS_\w+)=(\S+)", DOCKERFILE))
    given |= {name: str(value) for name, value in services["trialalerts"]["environment"].items()}
    for name, value in given.items():
        if name.startswith("TRIALALERTS_"):
            # ${NAME:-what stands there by default}
            monkeypatch.setenv(name, re.sub(r"\$\{\w+(?::[-?]([^}]*))?\}", r"\1", value) or "x")
    settings: Settings = read_settings(TOP / "config" / "trialalerts.toml", dotenv=tmp_path / "none")
    assert settings.web.host == "0.0.0.0"  # noqa: S104 - within a container
    transport = open_transport(settings.mail.url.get_secret_value())
    assert isinstance(transport, SmtpTransport)
    assert transport.server == SmtpServer(host="mailpit", port=1025, tls="none")
    assert settings.database.url.get_secret_value().startswith("postgresql+psycopg://trialalerts:")


def test_no_secret_stands_in_the_file_and_nothing_is_open_to_the_world(services: dict[str, Any]) -> None:
    secrets = [
        value
        for service in services.values()
        for name, value in service.get("environment", {}).items()
        if re.search("SECRET|PASSWORD", name)
    ]
    assert len(secrets) == 2
    assert all(re.fullmatch(r"\$\{\w+:\?[^}]+\}", value) for value in secrets)
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_service_waits_for_a_healthy_database_and_has_time_to_stop(services: dict[str, Any]) -> None:
    assert services["trialalerts"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert "healthcheck" in services["database"]
    assert int(services["trialalerts"]["stop_grace_period"].removesuffix("s")) > 10
    assert services["trialalerts"]["read_only"] is True


def test_every_volume_that_is_used_is_named() -> None:
    whole = yaml.safe_load((TOP / "compose.yaml").read_text())
    used = {
        volume.partition(":")[0]
        for service in whole["services"].values()
        for volume in service.get("volumes", [])
        if not volume.startswith((".", "/"))
    }
    assert used == set(whole["volumes"])
