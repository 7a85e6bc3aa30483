"""Signing up by a program with a key: the page's checks and limits, double opt-in, the same answer to all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select

from tests.web.api.described import BASE, ask, faults
from tests.web.conftest import SECRET, World
from tests.web.test_area_page import furnish
from tests.web.test_trial_page import NOW
from trialalerts.clock import FrozenClock
from trialalerts.database.audit import list_changes
from trialalerts.operations.api_keys import SCOPES, ApiKey, add_key, find_key, revoke_key
from trialalerts.subscribers.tables import Consent, ConsentAction, Subscriber, SubscriberState

PATH = "/subscriptions"


@pytest.fixture(autouse=True)
def _now(clock: FrozenClock) -> None:
    NOW[:] = [clock.now()]


def made(world: World, name: str = "website", *, rate: int = 60) -> dict[str, str]:
    """Return the header of a fresh key."""
    with world.db.write() as session:
        return {"Authorization": f"Bearer {add_key(session, SECRET, name, SCOPES, rate=rate, now=world.clock.now())}"}


def body(world: World, *, lang: str = "en", **changes: Any) -> dict[str, Any]:
    """Return a sign-up, with what was read and agreed to."""
    wish = {"area": "multiple sclerosis", "region": "Leeds, GB", "radius_km": 80}
    sent = {
        "address": "ada@example.org",
        "language": lang,
        "timezone": "london",
        "preferences": [wish],
        "consent": ask(world, f"/consent?lang={lang}").json(),
    }
    return sent | changes


def sign_up(world: World, key: Mapping[str, str], sent: object, *, status: int = 202) -> httpx.Response:
    """Send a sign-up."""
    return ask(world, PATH, method="POST", status=status, headers=dict(key), json=sent)


def test_a_sign_up_asks_for_a_confirmation_and_notes_what_was_agreed_to(each_world: World) -> None:
    furnish(each_world)
    wishes = [
        {"area": "D009103", "region": "Leeds, GB", "radius_km": 80, "label": "for Anna", "born_on": "1984",
         "phases": ["2", "PHASE3"], "topics": ["gene-therapy"], "item_kinds": ["trial"]},
        {"area": "any", "region": "GB", "excluded_areas": ["Lupus Erythematosus, Systemic", "asthma"]},
    ]  # fmt: skip
    sent = body(each_world, lang="de", preferences=wishes, trial="NCT90000001", frequency="daily")
    answer = sign_up(each_world, made(each_world), sent)
    assert "ada" not in answer.text
    with each_world.db.read() as session:
        person = session.exec(select(Subscriber)).one()
        line = session.exec(select(Consent).where(Consent.action == ConsentAction.SIGNED_UP)).one()
    assert (person.state, person.locale, person.timezone) == (SubscriberState.PENDING, "de", "Europe/London")
    assert (line.locale, line.version) == ("de", sent["consent"]["version"])
    first, second, third = each_world.preferences(person)
    assert (first.radius_km, first.label, first.phases, first.topics) == (80, "Anna", ["PHASE2", "PHASE3"],
                                                                       ["gene-therapy"])  # fmt: skip
    assert (second.area_id, second.country, len(second.excluded_areas)) == ("any", "GB", 2)
    assert third.item_id is not None
    assert [each.kind for each in each_world.mails()] == ["confirmation"]
    assert each_world.client.post(each_world.confirm_path(person)).status_code == 200
    assert each_world.again(person).state is SubscriberState.ACTIVE


def test_the_same_again_changes_nothing_and_mails_nobody_twice(each_world: World) -> None:
    key, sent = made(each_world), body(each_world)
    first = sign_up(each_world, key, sent)
    person = each_world.again(_only(each_world))
    wishes, mails = each_world.preferences(person), len(each_world.mails())
    again = sign_up(each_world, key, sent)
    assert (again.text, again.status_code) == (first.text, first.status_code)
    assert each_world.preferences(person) == wishes
    assert len(each_world.mails()) == mails == 1


def _only(world: World) -> Subscriber:
    with world.db.read() as session:
        return session.exec(select(Subscriber)).one()


def test_whoever_is_known_gets_the_same_answer(each_world: World) -> None:
    key = made(each_world)
    each_world.follower("known@example.org")
    answers = {
        name: sign_up(each_world, key, body(each_world, address=f"{name}@example.org")) for name in ("known", "new")
    }
    assert answers["known"].text == answers["new"].text
    for _ in range(7):  # the sixth mail to one mailbox does not leave, and nobody is told
        each_world.clock.advance(timedelta(minutes=16))
        assert sign_up(each_world, key, body(each_world)).text == answers["new"].text


def test_the_page_and_a_program_store_the_same(each_world: World) -> None:
    page = each_world.client.post("/subscribe", data=each_world.form(address="page@example.org", label="Anna"))
    assert page.status_code == 200
    wish = {"area": "multiple sclerosis", "region": "Leeds, GB", "radius_km": 80, "label": "Anna"}
    sign_up(each_world, made(each_world), body(each_world, address="api@example.org", preferences=[wish]))
    with each_world.db.read() as session:
        people = session.exec(select(Subscriber)).all()
    one, other = (
        (each.model_dump(exclude={"id", "key", "address", "address_key"}),
         [p.model_dump(exclude={"id", "subscriber_id"}) for p in each_world.preferences(each)])
        for each in people
    )  # fmt: skip
    assert one == other


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no address": ({"address": ""}, "/address", "Please type your e-mail address."),
    "half an address": ({"address": "ada@"}, "/address", "This does not look like a complete e-mail address."),
    "a NUL in the address": ({"address": "a\0da@example.org"}, "/address", "This does not look like"),
    "an unknown area": ({"preferences": [{"area": "nonsense"}]}, "/preferences/0/area", "We know no disease"),
    "the second place": (
        {"preferences": [{"area": "asthma"}, {"area": "asthma", "region": "Springfield"}]},
        "/preferences/1/region",
        "There are several places of this name.",
    ),
    "a radius and a way": (
        {"preferences": [{"area": "asthma", "region": "Leeds", "radius_km": 5, "travel": "nearby"}]},
        "/preferences/0/radius_km",
        "not both",
    ),
    "an unknown topic": ({"preferences": [{"area": "asthma", "topics": ["x"]}]}, "/preferences/0/topics", "Please"),
    "a radius of text": ({"preferences": [{"area": "asthma", "radius_km": "5"}]}, "/preferences/0/radius_km", "number"),
    "nothing to follow": ({"preferences": []}, "/preferences", "Please type a disease or condition."),
    "too many wishes": ({"preferences": [{"area": "asthma"}] * 11}, "/preferences", "at most 10"),
    "an unknown trial": ({"trial": "NCT00000000"}, "/trial", ""),
    "an unknown language": ({"language": "xx"}, "/language", "Please choose one of these languages."),
    "an unknown zone": ({"timezone": "Mars"}, "/timezone", "We do not know this time zone."),
    "no consent": ({"consent": None}, "/consent", ""),
    "an old consent": ({"consent": {"text": "x", "version": "2020-01-x", "language": "en"}}, "/consent", "of today"),
    "something unknown": ({"newsletter": True}, "/newsletter", "Extra inputs are not permitted"),
}


def test_what_is_wrong_is_told_where_it_stands(world: World) -> None:
    key = made(world)
    for what, (changes, pointer, said) in WRONG.items():
        told = sign_up(world, key, body(world, **changes), status=422).json()
        found = {each["pointer"]: each["detail"] for each in told["errors"]}
        assert pointer in found, what
        assert said in found[pointer], what
        assert "\n" not in told["detail"], what
    told = sign_up(world, key, body(world, **WRONG["the second place"][0]), status=422).json()
    assert told["errors"][0]["choices"] == [
        "Springfield, Illinois, United States",
        "Springfield, Missouri, United States",
    ]
    german = ask(world, f"{PATH}?lang=de", method="POST", status=422, headers=key, json=body(world, address=""))
    assert german.json()["errors"][0]["detail"] == "Bitte geben Sie Ihre E-Mail-Adresse ein."
    changed = body(world)
    changed["consent"]["text"] += " And more."
    sign_up(world, key, changed, status=422)
    assert world.mails() == []
    with world.db.read() as session:
        assert session.exec(select(Subscriber)).all() == []


BODIES: dict[str, tuple[bytes, str, int]] = {
    "no JSON": (b"{", "application/json", 400),
    "nothing": (b"", "application/json", 400),
    "nested too deep": (b"[" * 60_000, "application/json", 400),
    "nested deep and closed": (b'{"a":' * 900 + b"1" + b"}" * 900, "application/json", 422),
    "a list": (b"[]", "application/json", 422),
    "half a surrogate": (b'{"address": "\\ud800"}', "application/json", 400),
    "no UTF-8": (b'{"address": "\xff"}', "application/json", 400),
    "no number": (b'{"address": NaN}', "application/json", 400),
    "a key of NUL": (b'{"\\u0000\\n": 1}', "application/json", 422),
    "too large": (b" " * 64_001, "application/json", 413),
    "a form": (b"address=ada", "application/x-www-form-urlencoded", 415),
    "no type": (b"{}", "", 415),
}


def test_a_body_that_is_none_is_refused_in_one_line(world: World) -> None:
    key = made(world)
    for what, (sent, kind, status) in BODIES.items():
        headers = key | ({"Content-Type": kind} if kind else {})
        answer = world.client.post(BASE + PATH, content=sent, headers=headers)
        assert answer.status_code == status, what
        assert faults(answer) == [], what
        assert "\n" not in answer.json()["detail"], what


def test_without_a_right_key_nobody_signs_anybody_up(world: World) -> None:
    key, sent = made(world), body(world)
    for wrong in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer ta_x"}, {"Authorization": "Basic abc"},
                  {"Authorization": key["Authorization"] + "x"}, {"Authorization": f"Bearer ta_{'x' * 5000}"},
                  {"Authorization": key["Authorization"].replace("ta_", "")}):  # fmt: skip
        answer = sign_up(world, wrong, sent, status=401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    with world.db.write() as session:
        assert revoke_key(session, "website", now=world.clock.now())
        assert not revoke_key(session, "website", now=world.clock.now())
    assert "revoked" in sign_up(world, key, sent, status=401).json()["detail"]
    other = made(world, "other")
    with world.db.write() as session:
        for each in session.exec(select(ApiKey)).all():
            each.scopes = "read"
            session.add(each)
    sign_up(world, other, sent, status=403)
    assert world.mails() == []


def test_a_key_is_stored_as_a_hash_and_outlives_a_new_secret(world: World) -> None:
    token = made(world)["Authorization"].removeprefix("Bearer ")
    assert token.removeprefix("ta_") not in repr(world.dump())
    with world.db.read() as session:
        assert find_key(session, ["a new one", SECRET], token) is not None
        assert find_key(session, ["a new one"], token) is None
        assert token not in repr(list_changes(session))


def test_a_key_may_be_used_so_often_and_each_counts_for_itself(each_world: World) -> None:
    one, other = made(each_world, "one", rate=2), made(each_world, "other", rate=2)
    for name in ("a", "b"):
        sign_up(each_world, one, body(each_world, address=f"{name}@example.org"))
    refused = sign_up(each_world, one, body(each_world, address="c@example.org"), status=429)
    assert int(refused.headers["retry-after"]) == 900
    assert "2 sign-ups in a quarter of an hour" in refused.json()["detail"]
    sign_up(each_world, other, body(each_world, address="d@example.org"))
    each_world.clock.advance(timedelta(minutes=16))
    sign_up(each_world, one, body(each_world, address="c@example.org"))


def test_a_page_elsewhere_may_not_sign_up_by_a_readers_browser(world: World) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization, content-type"}  # fmt: skip
    answer = ask(world, PATH, method="OPTIONS", status=204, headers=asked)
    assert "access-control-allow-methods" not in answer.headers
    assert ask(world, PATH, method="OPTIONS", status=204).headers["allow"] == "POST, OPTIONS"
    for method in ("GET", "HEAD", "PUT"):
        ask(world, PATH, method=method, status=405)
