"""The whole way on real records: what a user's ``run --once`` tells three subscribers is held against the records.

What must be told is worked out here a second time, from the registry's own JSON and in another way than the program's.
"""

from __future__ import annotations

import copy
import email
import gzip
import json
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation
from tests.sources.registry_server import RegistryServer, read_studies

LUNG, ASTHMA, CLUSTER_HEADACHE = "D008175", "D001249", "D003027"
CONDITIONS = {
    LUNG: r"lung (cancer|carcinoma|neoplasm|tumor|adenocarcinoma)|(cancer|carcinoma) of the lung|\bN?SCLC\b",
    ASTHMA: r"\basthma",
    CLUSTER_HEADACHE: r"\bcluster headache",
}
"""How the conditions of records name what is followed, where the registry's own terms leave it out."""
CHANGED = ("NCT06422078", "NCT06841627", "NCT06996782", "NCT06203210")
BOSTON = (42.358, -71.060, 100.0)


@pytest.fixture(scope="module")
def studies(shared_data: Path) -> list[Any]:
    """The newest version of each real study."""
    newest: dict[str, Any] = {}
    for study in read_studies(shared_data / "ctgov" / "ctgov_v2_studies.jsonl.gz"):
        newest[nct(study)] = study
    return list(newest.values())


@pytest.fixture(scope="module")
def server(studies: list[Any]) -> Iterator[RegistryServer]:
    """A server with the real studies, whose address stays the same for all tests."""
    with RegistryServer(studies) as server:
        yield server


@pytest.fixture
def registry(server: RegistryServer, studies: list[Any]) -> RegistryServer:
    """The server as it was when the first round was done."""
    server.reset(studies)
    return server


@dataclass(kw_only=True)
class Service(Installation):
    """An installation that has done its first round: all studies are read, the first mails are in the outbox."""

    printed: str = ""


@pytest.fixture(scope="module")
def served(initialised: Path, server: RegistryServer, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service on SQLite that has done its first round; only to be copied."""
    folder = tmp_path_factory.mktemp("served") / "installation"
    shutil.copytree(initialised, folder)
    return first_round(Service(folder=folder), server)


def first_round(service: Service, server: RegistryServer) -> Service:
    """Add the subscribers and the source, poll, compose, send."""
    subscribe(service)
    service.configure(
        "[http]\nallow_private_addresses = true\n[[sources]]\n"
        f'name = "ctgov"\nkind = "clinicaltrials_gov"\nurl = "{server.url}"\nevery = "0s"\n'
    )
    service.printed = service.done("run", "--once")
    return service


def subscribe(installation: Installation) -> None:
    """Add the three subscribers."""
    for who, area, *region in (
        ("boston", "lung cancer", "Boston, US", "--radius", "100km"),
        ("germany", "asthma", "Germany"),
        ("world", "cluster headache", "anywhere"),
    ):
        words = ("--frequency", "immediately", "--timezone", "Europe/London", "--confirmed")
        installation.done("subscribers", "add", f"{who}@example.org", "--area", area, "--region", *region, *words)


@pytest.fixture
def service(registry: RegistryServer, studies: list[Any], tmp_path: Path, request: pytest.FixtureRequest) -> Service:
    """A service with three subscribers that has done its first round; on PostgreSQL where the test says so.

    There it has read every study that might be told, and a fiftieth of the others.
    """
    folder = tmp_path / "service"
    if getattr(request, "param", "sqlite") == "postgresql":
        shutil.copytree(request.getfixturevalue("initialised"), folder)
        url = request.getfixturevalue("postgresql_url")
        service = Service(folder=folder, variables={"TRIALALERTS_DATABASE__URL": url})
        service.done("init")
        registry.reset([each for number, each in enumerate(studies) if number % 50 == 0 or is_of_interest(each)])
        return first_round(service, registry)
    served: Service = request.getfixturevalue("served")
    shutil.copytree(served.folder, folder)
    return Service(folder=folder, printed=served.printed)


def nct(study: Any) -> str:
    """Return the study's number."""
    return str(study["protocolSection"]["identificationModule"]["nctId"])


def areas_of(study: Any) -> set[str]:
    """Return the MeSH ids that the record gives its conditions, with what stands above them, without padding."""
    browse = study["derivedSection"].get("conditionBrowseModule", {})
    ids = [term["id"] for key in ("meshes", "ancestors") for term in browse.get(key, ())]
    return {re.sub(r"^D0*(\d{6})$", r"D\1", term) for term in ids}


def is_about(study: Any, area: str) -> bool:
    """Tell whether the registry's terms or the record's own conditions name an area."""
    conditions = " ".join(study["protocolSection"]["conditionsModule"].get("conditions", []))
    return area in areas_of(study) or bool(re.search(CONDITIONS[area], conditions, re.IGNORECASE))


def is_of_interest(study: Any) -> bool:
    """Tell whether a study might be told to one of the three, or is one that a test changes."""
    return nct(study) in CHANGED or any(is_about(study, area) for area in CONDITIONS)


def open_sites(study: Any) -> list[Any]:
    """Return the sites that take people now."""
    sites = study["protocolSection"].get("contactsLocationsModule", {}).get("locations", [])
    return [site for site in sites if site.get("status", "RECRUITING") == "RECRUITING"]


def is_near(site: Any) -> bool:
    """Tell whether a site is, or may be, within the circle around Boston."""
    if "geoPoint" not in site:
        return bool(site["country"] == "United States")
    latitude, longitude, radius = BOSTON
    a, b, c, d = map(math.radians, (latitude, longitude, site["geoPoint"]["lat"], site["geoPoint"]["lon"]))
    central = math.acos(min(1.0, math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d)))
    return 6371 * central <= radius


def recruiting(studies: list[Any], area: str) -> list[Any]:
    """Return the studies on an area that take people now."""
    return [
        study
        for study in studies
        if study["protocolSection"]["statusModule"]["overallStatus"] == "RECRUITING" and is_about(study, area)
    ]


def wanted(studies: list[Any]) -> dict[str, set[str]]:
    """Return what each subscriber must be told in the first digest."""
    lung, asthma = recruiting(studies, LUNG), recruiting(studies, ASTHMA)
    return {
        "boston": {nct(s) for s in lung if any(is_near(site) for site in open_sites(s))},
        "germany": {nct(s) for s in asthma if any(site["country"] == "Germany" for site in open_sites(s))},
        "world": {nct(s) for s in recruiting(studies, CLUSTER_HEADACHE)},
    }


def mails_in(installation: Installation) -> dict[str, EmailMessage]:
    """Take the mails out of the outbox: by the name before the @."""
    mails = {}
    for file in sorted((installation.folder / "var" / "outbox").glob("*.eml")):
        message = email.message_from_bytes(file.read_bytes(), policy=policy.default)
        assert isinstance(message, EmailMessage)
        mails[str(message["To"]).partition("@")[0]] = message
        file.unlink()
    return mails


def part(message: EmailMessage, kind: str) -> str:
    """Return the text of a part."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def told_in(message: EmailMessage) -> set[str]:
    """Return the trials that a mail tells of; both parts must tell the same."""
    told = r"(?:/trials/|clinicaltrials\.gov/study/)(NCT\d{8})"  # a line leads to our page, a card to its registry, too
    text, html = (set(re.findall(told, part(message, k))) for k in ("plain", "html"))
    assert text == html
    return text


def test_a_first_digest_holds_exactly_what_the_records_say(service: Service, studies: list[Any]) -> None:
    assert f"poll ctgov: {len(studies):,} new" in service.printed
    mails = mails_in(service)
    assert {who: told_in(mail) for who, mail in mails.items()} == wanted(studies)
    by_number = {nct(study): study for study in studies}
    for who, mail in mails.items():
        text = re.sub(r"\s+", " ", part(mail, "plain"))
        assert text.count("OPEN NOW") == len(told_in(mail)), f"{who}: each is said to be open"
        assert all(number in by_number for number in told_in(mail))
    boston = re.sub(r"\s+", " ", part(mails["boston"], "plain"))
    assert boston.count("OPEN NOW, less than 5 km from you") == 4
    assert boston.count("OPEN NOW, 66 km from you") == 1


def test_a_mail_keeps_what_is_followed_to_itself(service: Service) -> None:
    for mail in mails_in(service).values():
        outside = "\n".join(f"{name}: {value}" for name, value in mail.items())
        links = " ".join(re.findall(r"https?://127\.0\.0\.1\S+", part(mail, "plain")))
        for word in ("lung", "asthma", "headache", "cancer", LUNG, ASTHMA, CLUSTER_HEADACHE):
            assert word.lower() not in (outside + links).lower()
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["Auto-Submitted"] == "auto-generated"


def test_a_second_sweep_of_the_same_records_changes_nothing(service: Service) -> None:
    mails_in(service)
    again = service.done("run", "--once")
    assert "changes" not in again
    assert "new" not in again
    assert mails_in(service) == {}


@pytest.mark.parametrize("service", ["sqlite", "postgresql"], indirect=True)
def test_what_changes_is_told_to_those_it_concerns_and_noise_to_nobody(
    service: Service, registry: RegistryServer
) -> None:
    mails_in(service)
    changed = {nct(study): copy.deepcopy(study) for study in registry.state.studies}
    site = {"facility": "Example Hospital", "city": "Worcester", "state": "Massachusetts", "country": "United States"}
    near = {**site, "status": "RECRUITING", "geoPoint": {"lat": 42.26, "lon": -71.80}}
    protocols = {number: study["protocolSection"] for number, study in changed.items()}
    protocols["NCT06422078"]["statusModule"]["overallStatus"] = "ACTIVE_NOT_RECRUITING"
    protocols["NCT06841627"]["eligibilityModule"]["minimumAge"] = "25 Years"
    protocols["NCT06996782"]["contactsLocationsModule"]["locations"].append(near)
    protocols["NCT06203210"]["statusModule"]["lastUpdatePostDateStruct"]["type"] = "ESTIMATED"
    for number in CHANGED:
        protocols[number]["statusModule"]["lastUpdatePostDateStruct"]["date"] = "2099-01-01"
        changed[number]["derivedSection"]["miscInfoModule"]["versionHolder"] = "2099-01-01"
    registry.state.studies = list(changed.values())
    registry.state.day += 1
    assert "3 changes" in service.done("run", "--once")
    mails = mails_in(service)
    assert {who: told_in(mail) for who, mail in mails.items()} == {
        "boston": {"NCT06996782"},
        "germany": {"NCT06422078"},
        "world": {"NCT06841627"},
    }
    texts = {who: re.sub(r"\s+", " ", part(mail, "plain")) for who, mail in mails.items()}
    assert "Worcester" in texts["boston"]
    assert "62 km" in texts["boston"]
    assert "no longer taking people" in texts["germany"].lower()
    assert re.search(r"18 to 60.{0,12}25 to 60 years", texts["world"])


def test_feeds_are_polled_beside_the_registry_and_a_bot_page_is_an_error(
    installation: Installation, registry: RegistryServer, shared_data: Path
) -> None:
    files = sorted((shared_data / "feeds").glob("**/*.gz"))
    assert len(files) == 98
    sources = []
    for number, file in enumerate(files):
        url = registry.serve(f"/feed{number}", gzip.decompress(file.read_bytes()))
        sources.append(f'[[sources]]\nname = "feed{number}"\nkind = "feed"\nurl = "{url}"\nevery = "0s"\n')
    installation.configure("[http]\nallow_private_addresses = true\n" + "".join(sources))
    finished = installation.command("run", "--once")
    bot_page = next(n for n, file in enumerate(files) if "e379dc5d4d4c416ee999e4b32339d5e8" in file.name)
    lines = finished.stdout.splitlines()
    assert finished.returncode == 1
    failed = [line for line in lines if line.startswith(f"poll feed{bot_page}: ")]
    assert "HTML" in failed[0] or "html" in failed[0]
    states = json.loads(installation.done("sources", "list", "--json"))
    assert [state["name"] for state in states if state["last_error"]] == [f"feed{bot_page}"]
