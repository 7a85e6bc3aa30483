"""The records of the mail domains in the DNS: each that is missing is printed as it must be entered."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.operations.nameserver import Zone, ask_it, name_server
from trialalerts.delivery.mail.dkim import public_keys
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.checks.outside import AskedMeanwhile
from trialalerts.operations.checks.records import record_questions
from trialalerts.settings import DkimSettings, HandoffSettings, MailSettings, OperatorSettings, Settings

SMTP = "smtp://mail.example.org"
WHOLE: dict[tuple[str, str], list[str]] = {
    ("example.org", "TXT"): ['"some other text"', '"v=spf1 a:mail.example.org -all"'],
    ("example.org", "MX"): ["20 backup.example.org.", "10 mail.example.org."],
    ("_dmarc.example.org", "TXT"): ['"v=DMARC1; p=reject"'],
    ("mail.example.org", "A"): ["192.0.2.10"],
    ("backup.example.org", "AAAA"): ["2001:db8::1"],
    ("10.2.0.192.in-addr.arpa", "PTR"): ["mail.example.org."],
}


@pytest.fixture
def key(tmp_path: Path) -> DkimSettings:
    """A key of 2048 bits, made as the how-to says."""
    file = tmp_path / "dkim.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(file), "2048"], check=True, capture_output=True)
    return DkimSettings(domain="example.org", selector="s1", key_file=str(file))


def configured(url: str = SMTP, **mail: object) -> Settings:
    values = {"url": SecretStr(url), "sender": "Alerts <alerts@example.org>", **mail}
    return Settings(mail=MailSettings.model_validate(values))


def found(
    monkeypatch: pytest.MonkeyPatch, zone: Zone, settings: Settings, *, seconds: float = 20.0, **server: bool
) -> dict[str, DoctorCheck]:
    """Return what was found, by its first word."""
    with name_server(zone, **server) as port:
        ask_it(monkeypatch, port)
        checks = list(AskedMeanwhile(record_questions(settings), seconds=seconds).answers())
    by_kind: dict[str, DoctorCheck] = {}
    for check in checks:
        by_kind.setdefault(re.split(r"\W", check.what)[0], check)
    return by_kind


def without(*gone: tuple[str, str]) -> Zone:
    return {where: records for where, records in WHOLE.items() if where not in gone}


def test_all_is_well_where_all_records_are_there(monkeypatch: pytest.MonkeyPatch, key: DkimSettings) -> None:
    algorithm, (ours, _) = public_keys(key)
    pieces = " ".join(f'"{text}"' for text in (f"v=DKIM1; k={algorithm}; p={ours[:150]}", ours[150:]))
    zone = {**WHOLE, ("s1._domainkey.example.org", "TXT"): [pieces]}
    checks = found(monkeypatch, zone, configured(dkim=(key,)))
    assert {kind: check.level for kind, check in checks.items()} == dict.fromkeys(
        ("SPF", "PTR", "DKIM", "DMARC", "MX"), "good"
    )


MISSING = [
    (("example.org", "TXT"), "SPF", "broken", 'example.org. IN TXT "v=spf1 a:mail.example.org ~all"'),
    (
        ("_dmarc.example.org", "TXT"),
        "DMARC",
        "look",
        '_dmarc.example.org. IN TXT "v=DMARC1; p=none; rua=mailto:ops@x.org"',
    ),
    (("example.org", "MX"), "MX", "broken", "example.org. IN MX 10 mail.example.org."),
    (("10.2.0.192.in-addr.arpa", "PTR"), "PTR", "look", "10.2.0.192.in-addr.arpa. IN PTR mail.example.org."),
]


@pytest.mark.parametrize(("where", "kind", "level", "record"), MISSING)
@pytest.mark.parametrize("proves", [True, False])
def test_what_is_missing_is_printed_as_it_must_be_entered(
    monkeypatch: pytest.MonkeyPatch, where: tuple[str, str], kind: str, level: str, record: str, proves: bool
) -> None:
    settings = configured().model_copy(update={"operator": OperatorSettings(address="Ops <ops@x.org>")})
    check = found(monkeypatch, without(where), settings, proves=proves)[kind]
    assert (check.level, check.what.endswith(f"; it has to be: {record}")) == (level, True), check.what
    assert check.why
    assert check.remedy


def test_the_record_of_a_key_is_made_from_its_file(monkeypatch: pytest.MonkeyPatch, key: DkimSettings) -> None:
    check = found(monkeypatch, WHOLE, configured(dkim=(key,)))["DKIM"]
    assert check.level == "broken"
    record = check.what.partition("it has to be: ")[2]
    pieces = re.findall(r'"([^"]*)"', record)
    assert all(len(piece) <= 255 for piece in pieces)
    assert len(pieces) > 1
    public = subprocess.run(
        ["openssl", "rsa", "-in", key.key_file, "-pubout"], check=True, capture_output=True, text=True
    ).stdout
    expected = "".join(line for line in public.splitlines() if "-----" not in line)
    assert "".join(pieces) == f"v=DKIM1; k=rsa; p={expected}"
    again = found(
        monkeypatch,
        {**WHOLE, ("s1._domainkey.example.org", "TXT"): [record.partition("TXT ")[2]]},
        configured(dkim=(key,)),
    )
    assert again["DKIM"].level == "good", "what was printed is what is wanted"


WRONG: list[tuple[str, dict[tuple[str, str], list[str]], str, str, str]] = [
    (
        "two SPF records",
        {("example.org", "TXT"): ['"v=spf1 mx -all"', '"v=spf1 a -all"']},
        "SPF",
        "broken",
        "one alone",
    ),
    ("SPF for nobody", {("example.org", "TXT"): ['"v=spf1 -all"']}, "SPF", "broken", "nobody may send"),
    ("SPF for everybody", {("example.org", "TXT"): ['"v=spf1 +all"']}, "SPF", "look", "lets everybody send"),
    (
        "SPF in pieces",
        {("example.org", "TXT"): ['"v=spf1 a:mail." "example.org -all"']},
        "SPF",
        "good",
        "a:mail.example",
    ),
    (
        "two DMARC records",
        {("_dmarc.example.org", "TXT"): ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"']},
        "DMARC",
        "broken",
        "2 records",
    ),
    ("a null MX", {("example.org", "MX"): ["0 ."]}, "MX", "broken", "takes no mail at all"),
    (
        "an MX without address",
        {("example.org", "MX"): ["10 lost.example.org."]},
        "MX",
        "broken",
        "lost.example.org. IN A",
    ),
    (
        "a PTR that leads elsewhere",
        {("10.2.0.192.in-addr.arpa", "PTR"): ["host.example.net."]},
        "PTR",
        "look",
        "does not lead back",
    ),
    ("a withdrawn key", {("s1._domainkey.example.org", "TXT"): ['"v=DKIM1; p="']}, "DKIM", "broken", "is withdrawn"),
    ("another key", {("s1._domainkey.example.org", "TXT"): ['"v=DKIM1; p=AAAA"']}, "DKIM", "broken", "is not that of"),
]


@pytest.mark.parametrize(("zone", "kind", "level", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_there_and_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch,
    key: DkimSettings,
    zone: dict[tuple[str, str], list[str]],
    kind: str,
    level: str,
    words: str,
) -> None:
    check = found(monkeypatch, {**WHOLE, **zone}, configured(dkim=(key,)))[kind]
    assert (check.level, words in check.what) == (level, True), check.what


def test_a_record_of_the_domain_above_holds_for_dmarc(monkeypatch: pytest.MonkeyPatch) -> None:
    zone = {**WHOLE, ("alerts.example.org", "MX"): ["10 mail.example.org."]}
    check = found(monkeypatch, zone, configured(sender="a@alerts.example.org"))["DMARC"]
    assert (check.level, "_dmarc.example.org" in check.what) == ("good", True)


def test_the_bounces_domain_is_looked_at_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(bounces="b@bounce.example.org")
    with name_server({**WHOLE, ("x.bounce.example.org", "A"): ["192.0.2.1"]}) as port:
        ask_it(monkeypatch, port)
        checks = list(AskedMeanwhile(record_questions(settings), seconds=20).answers())
    broken = [check.what for check in checks if check.level == "broken"]
    assert broken == [
        (
            "SPF: bounce.example.org has no record; it has to be: bounce.example.org. IN TXT "
            '"v=spf1 a:mail.example.org ~all"'
        ),
        "MX: bounce.example.org has no record; it has to be: bounce.example.org. IN MX 10 mail.example.org.",
    ]


def test_what_providers_ask_for_stands_in_spf(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "failover(smtp://smtp.sendgrid.net smtp://192.0.2.7)"
    check = found(monkeypatch, without(("example.org", "TXT")), configured(url))["SPF"]
    assert '"v=spf1 ip4:192.0.2.7 include:sendgrid.net ~all"' in check.what


def test_a_domain_outside_ascii_is_asked_for_in_its_ascii_form(monkeypatch: pytest.MonkeyPatch) -> None:
    zone = {("xn--bcher-kva.example", "A"): ["192.0.2.1"]}
    checks = found(monkeypatch, zone, configured(sender="a@bücher.example"))
    assert "xn--bcher-kva.example. IN TXT" in checks["SPF"].what
    assert checks["MX"].level == "look", "an address alone takes mail, too"


def test_a_domain_that_does_not_exist_is_a_fault_where_that_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = found(monkeypatch, {}, configured())
    assert (checks["SPF"].level, checks["MX"].level) == ("broken", "broken")
    unproven = found(monkeypatch, {}, configured(), proves=False)
    assert {check.level for check in unproven.values()} == {"look"}
    assert "does not know example.org at all" in unproven["SPF"].what


def test_a_name_server_that_says_nothing_is_no_fault_and_costs_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    checks = found(monkeypatch, WHOLE, configured(), seconds=3.0, silent=True)
    assert time.monotonic() - began < 5
    assert {check.level for check in checks.values()} == {"look"}


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("file://var/outbox", "a@example.org"),
        ("memory://", "a@example.org"),
        (SMTP, "a@localhost.localdomain"),
        (SMTP, "a@intranet"),
        ("nonsense://", "a@example.org"),
    ],
)
def test_nothing_is_asked_where_no_mail_leaves_or_from_nobodys_domain(url: str, sender: str) -> None:
    assert record_questions(configured(url, sender=sender)) == {}


def test_a_providers_api_needs_no_spf_or_ptr_of_ours() -> None:
    assert list(record_questions(configured("brevo://KEY@default"))) == ["DMARC of example.org", "MX of example.org"]


NURSES: list[tuple[str, Zone, str]] = [
    ("an MX", {("nurse.example", "MX"): ["10 mail.nurse.example."]}, "good"),
    ("an address alone", {("nurse.example", "A"): ["192.0.2.20"]}, "good"),
    ("a null MX", {("nurse.example", "MX"): ["0 ."], ("nurse.example", "TXT"): ['"text"']}, "broken"),
    ("nothing", {("nurse.example", "TXT"): ['"text"']}, "broken"),
]


@pytest.mark.parametrize(("zone", "level"), [each[1:] for each in NURSES], ids=[each[0] for each in NURSES])
def test_whether_anybody_takes_mail_for_the_nurse_is_asked(
    monkeypatch: pytest.MonkeyPatch, zone: Zone, level: str
) -> None:
    nurse = HandoffSettings(address="Nurse <anna@nurse.example>")
    checks = found(monkeypatch, {**WHOLE, **zone}, configured().model_copy(update={"handoff": nurse}))
    assert checks["handoff"].level == level
    assert "nurse.example" in checks["handoff"].what
    assert "anna@" not in checks["handoff"].what
