"""The keys of other programs on the command line: shown once, listed without what they are, revoked for good."""

from __future__ import annotations

import json

from tests.installation import Run


def test_a_key_is_shown_once_and_never_again(run: Run) -> None:
    made = run("api-keys", "add", "website", "--scope", "sign-up", "--rate", "120")
    key = made.done.strip()
    assert key.startswith("ta_")
    assert len(key) > 40
    assert "It is not shown again" in made.err
    assert "api.enabled = true" in made.err, "it is closed, and says so"
    other = run("api-keys", "add", "intranet").done.strip()
    assert other != key
    (first, second) = json.loads(run("api-keys", "list", "--json").done)
    assert (first["name"], first["scopes"], first["rate"], first["revoked_at"]) == ("website", "sign-up", 120, None)
    assert second["rate"] == 60
    told = run("api-keys", "list").done + run("api-keys", "list", "--json").done + run("audit", "list", "--json").done
    assert key not in told
    assert "key_hash" not in told


def test_a_key_is_revoked_for_good(run: Run) -> None:
    assert run("api-keys", "add", "website").code == 0
    assert run("api-keys", "revoke", "website").done.strip() == "revoked"
    assert run("api-keys", "revoke", "website").done.strip() == "was revoked already"
    assert json.loads(run("api-keys", "list", "--json").done)[0]["revoked_at"] is not None
    again = run("api-keys", "add", "website")
    assert again.code == 2
    assert "There is a key called website already, or was; choose another name." in again.err


def test_what_makes_no_sense_is_told_in_a_line(run: Run) -> None:
    for words, said in (
        (("add", "a b"), "“a b” is no name of a key"),
        (("add", "x" * 61), "is no name of a key"),
        (("add", "website", "--scope", "all"), "“all” is no scope; expected one of: sign-up."),
        (("add", "website", "--rate", "0"), "Invalid value for '--rate'"),
        (("revoke", "nobody"), "There is no key called nobody; see: trialalerts api-keys list"),
    ):
        answer = run("api-keys", *words)
        assert answer.code == 2, words
        assert said in answer.err, words
    assert json.loads(run("api-keys", "list", "--json").done) == []
