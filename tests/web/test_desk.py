"""The editors' desk: who comes in and who does not, and that its steps are those of the commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from tests.seen.looking import html_faults
from tests.sources.editors.test_folder_life import polled
from tests.web.conftest import World
from tests.web.desk_stage import ANNA, ARTICLE, BEN, DeskWorld, fields_of, open_desk, text_of
from trialalerts.catalog.tables import Item
from trialalerts.clock import FrozenClock
from trialalerts.database import Database
from trialalerts.database.audit import list_changes
from trialalerts.errors import ConfigurationError
from trialalerts.operations.desk.tables import EditorLogin
from trialalerts.settings import DeskSettings
from trialalerts.sources.editors.steps import EditedArticle, find_article, publish_article
from trialalerts.sources.tables import ArticleApproval
from trialalerts.subscribers.tokens import Purpose, Tokens
from trialalerts.web.app import create_app
from trialalerts.web.desk.showing import seen_version
from trialalerts.web.server import WebServer

TABLET = "/desk/articles/editors/tablet.md"


@pytest.fixture
def desk(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> Iterator[DeskWorld]:
    with open_desk(sqlite_db, clock, tmp_path / "articles") as world:
        yield world


def approvals(desk: DeskWorld) -> list[ArticleApproval]:
    with desk.db.read() as session:
        return list(session.exec(select(ArticleApproval)))


def trail(desk: DeskWorld) -> list[tuple[str, str, str]]:
    with desk.db.read() as session:
        found = list_changes(session)
    return [(each.who, each.action, each.subject) for each in reversed(found)]


def status(desk: DeskWorld, name: str = "tablet.md") -> str:
    return "\n".join(
        line
        for line in (desk.folder / name).read_text("utf-8").splitlines()
        if line.startswith(("status", "publish_at", "reviewer"))
    )


def seen(client: httpx.Client, path: str = TABLET) -> dict[str, str]:
    page = client.get(path)
    assert page.status_code == 200, page.text
    return fields_of(page.text)


def test_without_the_role_nothing_of_it_is_there(world: World) -> None:
    for path in ("/desk", TABLET, "/desk/open/x", "/desk/preview/mail/editors/tablet.md"):
        assert world.client.get(path).status_code == 404
        assert world.client.post(path, data={"address": ANNA}).status_code == 404
    assert "desk" not in world.client.get("/robots.txt").text


def test_a_desk_to_which_nobody_may_come_is_refused(sqlite_db: Database, clock: FrozenClock, desk: DeskWorld) -> None:
    nobody = desk.settings.model_copy(update={"desk": DeskSettings()})
    with pytest.raises(ConfigurationError, match=r"desk\.editors: found nothing"):
        create_app(nobody, sqlite_db, clock, desk=True)


def test_a_server_may_have_the_desk_alone(desk: DeskWorld) -> None:
    server = WebServer(desk.settings, create_app(desk.settings, desk.db, desk.clock, public=False, desk=True))
    server.start()
    with httpx.Client(base_url=server.url, timeout=30) as client:
        found = {
            path: client.get(path).status_code for path in ("/desk", "/healthz", "/static/style.css", "/", "/articles")
        }
    server.stop()
    assert found == {"/desk": 200, "/healthz": 200, "/static/style.css": 200, "/": 404, "/articles": 404}


def test_the_same_answer_for_all_and_a_mail_for_editors_alone(desk: DeskWorld) -> None:
    client = desk.client()
    answers = {client.post("/desk", data={"address": each}).text for each in (ANNA, "eve@elsewhere.example")}
    assert len(answers) == 1
    ((to, mail),) = desk.mails()
    assert to == ANNA
    assert "multiple sclerosis" not in str(mail["Subject"])
    assert "until 10:45 (Europe/Berlin)" in text_of(mail)
    assert desk.mails() == []


def test_a_link_opens_the_desk_once_and_only_by_its_button(desk: DeskWorld) -> None:
    scanner, client = desk.client(), desk.client()
    path = desk.link(client)
    for _ in range(3):
        assert "Open the desk" in scanner.get(path).text
        assert scanner.head(path).status_code in {200, 405}
    opened = client.post(path)
    assert (opened.status_code, opened.headers["location"]) == (303, "/desk")
    assert "A tablet for multiple sclerosis" in client.get("/desk").text
    assert scanner.post(path).status_code == 410
    assert scanner.get(path).status_code == 410
    assert "A tablet" not in scanner.get("/desk").text
    assert trail(desk) == [(f"desk ({ANNA})", "desk.opened", "desk")]


def test_of_many_who_press_at_the_same_moment_one_comes_in(db: Database, clock: FrozenClock, tmp_path: Path) -> None:
    with open_desk(db, clock, tmp_path / "articles") as desk:
        path = desk.link(desk.client())
        clients = [desk.client() for _ in range(6)]
        with ThreadPoolExecutor(len(clients)) as pool:
            answers = sorted(each.status_code for each in pool.map(lambda client: client.post(path), clients))
        assert answers == [303, *[410] * 5]
        (inside,) = [client for client in clients if client.get(TABLET).status_code == 200]
        assert inside.post(TABLET, data=seen(inside) | {"step": "approve"}).status_code == 303
        clock.advance(timedelta(minutes=10))
        desk.mails(news=True)
        clock.advance(timedelta(minutes=10))
        ((first, mail), (second, _)) = desk.mails(news=True)
        assert {first, second} == {ANNA, BEN}
        assert "1 article waits for you" in mail["Subject"], "the translation"


def test_the_cookie_is_kept_from_scripts_and_other_sites(
    sqlite_db: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    with open_desk(sqlite_db, clock, tmp_path / "articles", base="https://alerts.example.org/trials") as desk:
        client = desk.client()
        path = desk.link(client).removeprefix("/trials")
        opened = client.post(path)
        cookie = opened.headers["set-cookie"]
        assert opened.headers["location"] == "/trials/desk"
        assert cookie.startswith("__Secure-trialalerts-desk=")
        rest = {each.strip().lower() for each in cookie.split(";")[1:]}
        assert {"httponly", "secure", "samesite=strict", "path=/trials/desk", "max-age=28800"} <= rest
        token = cookie.partition("=")[2].partition(";")[0]
        page = client.get("/desk", headers={"Cookie": f"__Secure-trialalerts-desk={token}"})
        assert "Sign out" in page.text
        assert page.headers["cache-control"] == "no-store"
        assert "noindex" in page.headers["x-robots-tag"]
        assert page.headers.get("content-encoding") is None


def test_a_link_ends_after_a_quarter_of_an_hour_and_a_session_after_a_day_of_work(desk: DeskWorld) -> None:
    client = desk.client()
    path = desk.link(client)
    desk.clock.advance(timedelta(minutes=15))
    assert client.post(path).status_code == 410
    client = desk.signed_in()
    desk.clock.advance(timedelta(hours=7, minutes=59))
    assert client.get(TABLET).status_code == 200
    desk.clock.advance(timedelta(minutes=1))
    assert client.get(TABLET).headers["location"] == "/desk"


def test_who_signs_out_is_out_wherever_the_cookie_lies(desk: DeskWorld) -> None:
    client, thief = desk.signed_in(), desk.client()
    thief.cookies.update(client.cookies)
    assert thief.get(TABLET).status_code == 200
    assert client.post("/desk/leave", data=seen(client)).status_code == 303
    assert thief.get(TABLET).status_code == 303
    assert "Send me a link" in client.get("/desk").text


def test_nobody_can_be_flooded_with_links(desk: DeskWorld) -> None:
    client = desk.client()
    for _ in range(5):
        client.post("/desk", data={"address": ANNA})
    assert len(desk.mails()) == 1
    desk.clock.advance(timedelta(minutes=10))
    client.post("/desk", data={"address": ANNA.upper()})
    assert len(desk.mails()) == 1
    for _ in range(60):
        client.post("/desk", data={"address": "eve@elsewhere.example"})
    assert client.post("/desk", data={"address": "eve@elsewhere.example"}).status_code == 429
    with desk.db.read() as session:
        assert len(session.exec(select(EditorLogin)).all()) == 2, "nothing is kept of strangers"


def test_a_link_leaves_once_the_mail_server_takes_it(desk: DeskWorld) -> None:
    client = desk.client()
    client.post("/desk", data={"address": ANNA})
    desk.mailbox.answers["MAIL"] = "451 later"
    assert desk.mails() == []
    del desk.mailbox.answers["MAIL"]
    assert desk.mails() == [], "it rests for half a minute"
    desk.clock.advance(timedelta(seconds=31))
    assert [to for to, _ in desk.mails()] == [ANNA]


Attack = Callable[[DeskWorld, httpx.Client], tuple[httpx.Client, dict[str, str], dict[str, str]]]


def _forged(desk: DeskWorld) -> httpx.Client:
    client = desk.client()
    with desk.db.read() as session:
        key = session.exec(select(EditorLogin.key)).one()
    forged = Tokens("another secret, of somebody else", desk.clock).sign(Purpose.DESK_SESSION, key)
    client.cookies.set("trialalerts-desk", forged)
    return client


def _with_the_link_as_cookie(desk: DeskWorld) -> httpx.Client:
    client = desk.client()
    client.cookies.set("trialalerts-desk", desk.link(client, BEN).rpartition("/")[2])
    return client


ATTACKS: dict[str, Attack] = {
    "no cookie": lambda desk, _: (desk.client(), {}, {}),
    "a cookie signed by another secret": lambda desk, _: (_forged(desk), {}, {}),
    "the link of a mail as cookie": lambda desk, _: (_with_the_link_as_cookie(desk), {}, {}),
    "another site": lambda _, editor: (
        editor, {}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    ),
    "no word of the form": lambda _, editor: (editor, {"form": ""}, {}),
    "the word of another editor's form": lambda desk, editor: (editor, {"form": seen(desk.signed_in(BEN))["form"]}, {}),
}  # fmt: skip
"""Each gives the browser that sends the form, what it changes in it, and its headers."""


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_who_may_not_changes_nothing(desk: DeskWorld, attack: Attack) -> None:
    editor = desk.signed_in()
    fields = seen(editor)
    client, changed, headers = attack(desk, editor)
    before = (desk.folder / "tablet.md").read_text("utf-8")
    for step in ("approve", "publish", "schedule"):
        answer = client.post(TABLET, data=fields | {"step": step} | changed, headers=headers)
        assert answer.status_code == 403, (step, answer.text)
    assert (desk.folder / "tablet.md").read_text("utf-8") == before
    assert approvals(desk) == []
    allowed = editor.post(TABLET, data=seen(editor) | {"step": "approve"})
    assert allowed.status_code == 303, "the same form of the editor's own is taken"


def test_who_is_no_editor_any_more_is_out_at_once(desk: DeskWorld) -> None:
    client, link = desk.signed_in(BEN), desk.link(desk.client(), ANNA)
    fields = seen(client)
    others = desk.settings.model_copy(update={"desk": DeskSettings(editors=("carl@society.example",))})
    desk.server.replace_app(create_app(others, desk.db, desk.clock, desk=True))
    assert client.get(TABLET).status_code == 303
    assert client.post(TABLET, data=fields | {"step": "approve"}).status_code == 403
    assert desk.client().post(link).status_code == 410
    assert approvals(desk) == []


def test_a_file_that_was_changed_since_it_was_seen_is_not_approved(desk: DeskWorld) -> None:
    client = desk.signed_in()
    fields = seen(client)
    path = desk.folder / "tablet.md"
    path.write_text(path.read_text("utf-8").replace("21 people", "12 people"), "utf-8")
    for step in ("approve", "publish", "schedule"):
        refused = client.post(TABLET, data=fields | {"step": step})
        assert refused.status_code == 409
        assert "was changed since you looked at it" in refused.text
        assert "12 people" in refused.text
    assert approvals(desk) == []
    assert "status: review" in status(desk)
    assert client.post(TABLET, data=fields_of(refused.text) | {"step": "approve"}).status_code == 303


def test_what_is_changed_while_it_is_approved_is_not_approved_either(
    desk: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = desk.signed_in()
    path = desk.folder / "tablet.md"

    def publish_then_write(article: EditedArticle, at: datetime | None) -> None:
        publish_article(article, at)
        path.write_text(path.read_text("utf-8").replace("21 people", "12 people"), "utf-8")

    monkeypatch.setattr("trialalerts.web.desk.articles.publish_article", publish_then_write)
    typed = {"step": "approve", "day": "2026-03-03", "hour": "08:00"}
    assert client.post(TABLET, data=seen(client) | typed).is_redirect
    assert "waits for approval, for it was changed after it was approved" in client.get(TABLET).text


def test_a_new_version_of_what_readers_saw_keeps_its_hour(desk: DeskWorld) -> None:
    client = desk.signed_in()
    assert client.post(TABLET, data=seen(client) | {"step": "approve", "day": "", "hour": ""}).is_redirect
    path = desk.folder / "tablet.md"
    path.write_text(path.read_text("utf-8").replace("21 people", "12 people"), "utf-8")
    page = client.get(TABLET)
    assert "Approve this version" in page.text
    assert 'name="day"' not in page.text
    assert client.post(TABLET, data=fields_of(page.text) | {"step": "approve"}).is_redirect
    assert "status: published" in status(desk)
    assert len(approvals(desk)) == 2


def test_a_translation_is_shown_as_it_is_told(desk: DeskWorld, follower: Callable[[str], object]) -> None:
    for number in range(11):
        follower(f"p{number}@people.example")
    page = desk.signed_in().get("/desk/articles/editors/tablet.de.md").text
    assert "It is told with tablet.md" in page
    assert "11 people" in page
    assert "/desk/preview/mail/editors/tablet.md?language=de" in page
    assert "21 Menschen" in page


@pytest.mark.parametrize(
    "name",
    ["../secret.md", "..%2Fsecret.md", "%2Fetc%2Fpasswd", "..\\secret.md", "gone.md", "tablet.md/../../secret.md",
     "%2e%2e/secret.md", "tablet", ".hidden.md", "tablet.md%00"],
)  # fmt: skip
def test_only_what_the_folder_lists_is_to_be_had(desk: DeskWorld, name: str) -> None:
    (desk.folder.parent / "secret.md").write_text(ARTICLE.replace("A tablet", "Secret"), "utf-8")
    (desk.folder / ".hidden.md").write_text(ARTICLE.replace("A tablet", "Secret"), "utf-8")
    client = desk.signed_in()
    fields = seen(client)
    for path in (f"/desk/articles/editors/{name}", f"/desk/preview/mail/editors/{name}"):
        answer = client.get(httpx.URL(desk.server.url, raw_path=path.encode()))
        assert answer.status_code == 404
        assert "Secret" not in answer.text
    answer = client.post(
        httpx.URL(desk.server.url, raw_path=f"/desk/articles/editors/{name}".encode()),
        data=fields | {"step": "approve"},
    )
    assert answer.status_code == 404
    assert "reviewer" not in (desk.folder.parent / "secret.md").read_text("utf-8")


def test_approve_then_publish_as_the_commands_do(desk: DeskWorld) -> None:
    client = desk.signed_in()
    later = client.post(TABLET, data=seen(client) | {"step": "approve", "day": "2026-03-03", "hour": "08:00"})
    assert later.headers["location"] == f"{TABLET}?done=approved"
    assert status(desk) == "status: scheduled\npublish_at: 2026-03-03 08:00:00\nreviewer: Anna Reed"
    page = client.get(later.headers["location"])
    assert "You approved this version." in page.text
    assert "2026-03-03 08:00 (Europe/Berlin)" in page.text
    (approval,) = approvals(desk)
    assert (approval.name, approval.approved_by) == ("tablet.md", "Anna Reed")
    assert client.post(
        TABLET, data=seen(client) | {"step": "schedule", "day": "2026-03-04", "hour": "07:30"}
    ).is_redirect
    assert "publish_at: 2026-03-04 07:30:00" in status(desk)
    polled(desk.db, desk.settings, desk.clock)
    with desk.db.read() as session:
        assert session.exec(select(Item)).all() == []
    assert client.post(TABLET, data=seen(client) | {"step": "publish"}).is_redirect
    assert status(desk) == "status: published\nreviewer: Anna Reed"
    polled(desk.db, desk.settings, desk.clock)
    with desk.db.read() as session:
        assert [item.title for item in session.exec(select(Item))] == ["A tablet for multiple sclerosis"]
    who, subject = f"desk ({ANNA})", "article editors/tablet.md"
    assert trail(desk)[1:] == [
        (who, "article.published", subject),
        (who, "article.approved", subject),
        (who, "article.published", subject),
        (who, "article.published", subject),
    ]


def test_what_cannot_be_done_is_told_in_the_commands_words(desk: DeskWorld) -> None:
    client = desk.signed_in()
    for typed, said in (
        ({"step": "schedule", "day": "2026-03-01", "hour": "08:00"}, "2026-03-01 08:00 is over"),
        ({"step": "schedule", "day": "soon"}, "“soon” is no moment; write 2026-03-02 14:00"),
        ({"step": "schedule"}, "no day is given"),
        ({"step": "delete"}, "no step is named"),
    ):
        answer = client.post(TABLET, data=seen(client) | typed)
        assert answer.status_code == 409
        assert said in answer.text
        assert "<title>Error" in answer.text
    (desk.folder / "tablet.md").write_text(ARTICLE.replace("status: review", "status: draft"), "utf-8")
    version = seen_version(find_article(desk.settings, desk.folder / "tablet.md").file)  # which no page gives
    typed = {"step": "approve", "version": version, "day": "2026-03-03", "hour": "08:00"}
    answer = client.post(TABLET, data=seen(client) | typed)
    assert "is a draft; its author sets status: review when it is ready" in answer.text
    assert "status: draft" in status(desk)


def test_the_pages_tell_numbers_of_readers_and_nothing_else(desk: DeskWorld, follower: Callable[[str], object]) -> None:
    client = desk.signed_in()
    assert "nobody" in client.get(TABLET).text
    for number in range(9):
        follower(f"p{number}@people.example")
    page = client.get(TABLET).text
    assert "fewer than 10 people" in page
    assert "United Kingdom" not in page
    for number in range(9, 12):
        follower(f"p{number}@people.example")
    page = client.get(TABLET).text
    assert "12 people" in page
    assert re.search(r"<dt>United Kingdom</dt><dd class=\"ch\">12</dd>", page)
    assert "people.example" not in page
    assert html_faults(page) == []


@pytest.fixture
def follower(desk: DeskWorld) -> Callable[[str], object]:
    """What lets somebody follow multiple sclerosis around Leeds."""
    world = World(settings=desk.settings, db=desk.db, clock=desk.clock, server=desk.server, client=desk.client())
    return world.follower


def test_a_preview_shows_what_was_written_and_can_do_nothing(desk: DeskWorld) -> None:
    client = desk.signed_in()
    for kind, language, said in (
        ("mail", "en", "A tablet for multiple sclerosis"),
        ("mail", "de", "Eine Tablette bei Multipler Sklerose"),
        ("page", "de", "<strong>21 Menschen</strong>"),
    ):
        made = client.get(f"/desk/preview/{kind}/editors/tablet.md?language={language}")
        assert made.status_code == 200
        assert said in made.text
        rules = made.headers["content-security-policy"]
        assert "sandbox" in rules
        assert "default-src 'none'" in rules
        assert "script-src" not in rules
    assert client.get("/desk/preview/fax/editors/tablet.md").status_code == 404
    assert client.get("/desk/preview/mail/editors/tablet.md?language=xx").status_code == 404
    assert desk.client().get("/desk/preview/mail/editors/tablet.md").status_code == 303
    assert "<script>alert" not in client.get(TABLET).text


def test_what_nobody_can_read_stands_in_the_list_with_its_reason(desk: DeskWorld) -> None:
    (desk.folder / "typo.md").write_text(ARTICLE.replace("status: review", "status: revue"), "utf-8")
    (desk.folder / "lost.md").write_text(ARTICLE.replace("status:", "regions: [Qwxzvt]\nstatus:"), "utf-8")
    client = desk.signed_in()
    listed = client.get("/desk").text
    assert "found “revue”, expected one of" in listed
    assert html_faults(listed) == []
    assert "found “revue”" in client.get("/desk/articles/editors/typo.md").text
    assert "Qwxzvt" in client.get("/desk/articles/editors/lost.md").text
    desk.folder.rename(desk.folder.parent / "elsewhere")
    gone = client.get("/desk")
    assert gone.status_code == 200
    assert "there is no folder" in gone.text


def test_without_approval_a_review_lets_it_go(sqlite_db: Database, clock: FrozenClock, tmp_path: Path) -> None:
    with open_desk(sqlite_db, clock, tmp_path / "articles", approval=False) as desk:
        client = desk.signed_in(BEN)
        assert client.post(TABLET, data=seen(client) | {"step": "approve"}).is_redirect
        assert status(desk) == f"status: published\nreviewer: {BEN}"
        german = TABLET.replace("tablet", "tablet.de")
        assert client.post(german, data=seen(client, german) | {"step": "approve"}).is_redirect
        assert "Approve this version" not in client.get(TABLET).text
