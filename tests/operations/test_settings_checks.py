"""Values of the configuration that can be read and make no sense: each is a fault that names key, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.delivery.post import SECRET
from trialalerts.operations.checks.settings import about_settings
from trialalerts.settings import (
    DkimSettings,
    HttpSettings,
    MailSettings,
    ServiceSettings,
    Settings,
    SourceSettings,
    TemplateSettings,
    VocabularySettings,
)


def told(**sections: object) -> list[str]:
    service = ServiceSettings(secret=SecretStr(SECRET), **sections.pop("service", {}))  # type: ignore[arg-type]
    source = SourceSettings(name="a", kind="feed", url="https://example.org/feed")
    settings = Settings(service=service, **{"sources": (source,), **sections})  # type: ignore[arg-type]
    return [f"{check.what} / {check.remedy}" for check in about_settings(settings) if check.level == "broken"]


FAULTS = {
    "reply_to": ({"mail": MailSettings(reply_to="help desk")}, "mail.reply_to: found 'help desk', expected an address"),
    "two in reply_to": ({"mail": MailSettings(reply_to="a@x.org, b@x.org")}, "mail.reply_to: found"),
    "bounces": ({"mail": MailSettings(bounces="bounce.example.org")}, "mail.bounces: found 'bounce.example.org'"),
    "unsubscribe_mailto": (
        {"mail": MailSettings(unsubscribe_mailto="leave")},
        "mail.unsubscribe_mailto: found 'leave'",
    ),
    "contact": ({"service": {"contact": "our office"}}, "service.contact: found 'our office', expected an address"),
    "http.contact": ({"http": HttpSettings(contact="me")}, "http.contact: found 'me', expected an address or a web"),
    "locale": ({"service": {"locale": "xx"}}, "service.locale: found 'xx', expected one of de, en, es, fr"),
    "no locale": ({"service": {"locale": ""}}, "service.locale: found ''"),
    "templates": (
        {"templates": TemplateSettings(folder="nowhere")},
        "templates.folder: found 'nowhere', expected a folder",
    ),
    "areas": ({"vocabulary": VocabularySettings(disease_areas="no.toml")}, "vocabulary.disease_areas: found 'no.toml'"),
    "a source's folder": (
        {"sources": (SourceSettings(name="ours", kind="folder", path="none"),)},
        "sources, ours: path: found 'none', expected a folder that is there",
    ),
    "a folder that is a file": (
        {"sources": (SourceSettings(name="ours", kind="folder", path=__file__),)},
        "expected a folder that is there",
    ),
    "a key file": (
        {"mail": MailSettings(dkim=(DkimSettings(domain="x.org", selector="s", key_file="no.pem"),))},
        "mail.dkim, no.pem: the key file cannot be read",
    ),
    "an @ in a password": (
        {"mail": MailSettings(url=SecretStr("smtp://me:p@ss@mail.example.org"))},
        "percent-encoded",
    ),
    "an @ in a user": ({"mail": MailSettings(url=SecretStr("smtp://me@x.org:pw@mail.example.org"))}, "@ as %40"),
    "a % in a password": ({"mail": MailSettings(url=SecretStr("smtp://me:5%off@mail.example.org"))}, "% as %25"),
    "one of several": (
        {"mail": MailSettings(url=SecretStr("failover(smtp://a.example smtp://m@e:x@b.example)"))},
        "the user or password of smtp://",
    ),
}


@pytest.mark.parametrize(("sections", "line"), FAULTS.values(), ids=FAULTS.keys())
def test_a_value_that_makes_no_sense_is_a_fault(
    sections: dict[str, object], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (fault,) = told(**dict(sections))
    assert line in fault
    assert "p@ss" not in fault


SENSE = {
    "the defaults": {},
    "addresses": {
        "mail": MailSettings(reply_to="Help <help@x.org>", bounces="b@bounce.x.org", unsubscribe_mailto="l@x.org"),
        "service": {"contact": "help@example.org", "locale": "de-AT"},
        "http": HttpSettings(contact="https://example.org/bot"),
    },
    "outside ASCII": {"mail": MailSettings(reply_to="hilfe@bücher.example"), "service": {"contact": "ä@x.org"}},
    "an encoded password": {"mail": MailSettings(url=SecretStr("smtp://m%40e:5%25%2F@mail.example.org?tls=none"))},
    "an @ in a folder": {"mail": MailSettings(url=SecretStr("file:///var/m@il"))},
    "a proxy with a password": {
        "mail": MailSettings(url=SecretStr("brevo://KEY@default?proxy=http://u:p@proxy.example:3128"))
    },
}


@pytest.mark.parametrize("sections", SENSE.values(), ids=SENSE.keys())
def test_values_that_make_sense_are_left_alone(sections: dict[str, object]) -> None:
    assert told(**dict(sections)) == []
