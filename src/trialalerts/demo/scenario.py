"""The demo's story: a baseline, first digests, a second state of the world, and who is told of it, and why.

It runs the real program on its own database, with a clock that stands five weeks back and moves on, so that
everybody, whether daily or monthly, has been due by the time it ends.
"""

from __future__ import annotations

import json
import secrets
import shutil
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from shlex import quote as quote_for_shell
from time import monotonic
from urllib.parse import quote

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from sqlalchemy.engine import URL
from sqlmodel import col, select

from trialalerts.bootstrap import prepare
from trialalerts.catalog.facts import TrialFacts
from trialalerts.catalog.tables import Change, Item
from trialalerts.catalog.trials.registries import called
from trialalerts.clock import FrozenClock, SystemClock
from trialalerts.database import Database, current_number, open_database
from trialalerts.database.counter import CHANGES
from trialalerts.demo.output import say, say_table
from trialalerts.demo.page import serve_page, write_page
from trialalerts.demo.people import PEOPLE, SamplePerson, sign_up
from trialalerts.demo.registry import SampleRegistry
from trialalerts.demo.sample_data import SampleData, read_sample_data
from trialalerts.demo.summary import COLUMNS, summarise
from trialalerts.digests.cards.trial_wording import conflict_lines
from trialalerts.digests.cards.wording import Wordings
from trialalerts.digests.tables import DigestKind
from trialalerts.logs import warnings_only
from trialalerts.operations.questions.items import find_item, story_of
from trialalerts.pipeline import Pipeline
from trialalerts.settings import (
    DatabaseSettings,
    HttpSettings,
    MailSettings,
    ServiceSettings,
    Settings,
    SourceSettings,
)
from trialalerts.sources.polling.poll import PollCount
from trialalerts.subscribers.follows.trials import follow_trial
from trialalerts.subscribers.tables import Subscriber

__all__ = ["demo_settings", "first_day", "run"]

_BEGAN_DAYS_AGO = 35
_SECOND_STATE_AFTER = timedelta(days=3)
_OWN = "# The demo as a service of its own, for trying the commands; mail lands in outbox/."
"""How the configuration begins that a demo writes: an earlier one's is replaced, any other is kept."""
_AT_ONCE = 1000.0
"""Requests a second: the demo asks itself."""
_SEVERAL = "NCT90000001"
"""The trial that stands in three registries."""
_QUIET = "NCT90000002"
"""The trial whose record changes in the registry's bookkeeping only."""


class _DemoSettings(Settings):
    """Settings that come from the demo alone: neither a file nor the environment can send its mails elsewhere."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what the demo gives."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def run(folder: Path, *, serve: bool = False) -> int:
    """Run the demo in ``folder`` (what an earlier run left there is replaced) and print its account.

    Leaves ``outbox/*.eml``, ``index.html`` and a configuration with which every command works on the demo's database,
    from within the folder. With ``serve`` the page stays up until Ctrl-C.
    Returns 0, or 1 where a source or the sending failed.
    """
    started = monotonic()
    folder = folder.resolve()
    _clear(folder)
    with warnings_only(), SampleRegistry(read_sample_data(first_day())) as registry:
        story = _Story(folder, registry)
        try:
            good = story.tell()
        finally:
            story.close()
        configured = _write_configuration(folder, story.settings)
    mails = write_page(folder / "outbox", folder / "index.html", {person.address: person.label for person in PEOPLE})
    say(f"\n{mails} mails in {monotonic() - started:.1f} s. Leaf through them: {folder / 'index.html'}")
    if configured:
        say(f"Every command works on it from there: cd {quote_for_shell(str(folder))} && trialalerts subscribers list")
    if serve:
        serve_page(folder / "index.html")
    return 0 if good and mails else 1


class _Story:
    def __init__(self, folder: Path, registry: SampleRegistry) -> None:
        self._folder = folder
        self._registry = registry
        self.settings = demo_settings(folder, registry.root)
        self._clock = FrozenClock(datetime.combine(first_day(), time(9, 30), UTC))
        self._db: Database = open_database(self.settings.database.url.get_secret_value())
        self._pipeline = Pipeline(self.settings, self._db, self._clock)
        self._people: dict[int, SamplePerson] = {}
        self._failed = False

    def close(self) -> None:
        self._pipeline.close()
        self._db.dispose()

    def tell(self) -> bool:
        """Go through the story; return whether everything went well."""
        self._set_the_stage()
        self._show_world(read_sample_data(first_day()))
        self._poll("The baseline: everything is new, nothing is announced.")
        self._say_what_is_one()
        self._follow()
        self._serve_who_is_due()
        self._print(DigestKind.FIRST, "First digests: what is recruiting now")
        self._let_days_pass(_SECOND_STATE_AFTER)
        self._show_world(read_sample_data(first_day(), second=True))
        self._registry.show(read_sample_data(first_day(), second=True))
        self._poll("\nThree days later the world has moved on:")
        self._say_what_is_no_news()
        self._serve_everybody()
        self._print(DigestKind.REGULAR, "Who was told what, and why")
        return not self._failed

    def _set_the_stage(self) -> None:
        prepared = prepare(self._db, self.settings)
        say(f"A new database knows {prepared.areas:,} areas and {prepared.places:,} places. Seven people sign up:")
        with self._db.write() as session:
            self._people = sign_up(session, self._clock.now())
        for person in self._people.values():
            say(f"  {person.label} follows {person.follows}")
        say("")

    def _show_world(self, world: SampleData) -> None:
        """Lay the articles into the editors' folder."""
        articles = self._folder / "articles"
        articles.mkdir(parents=True, exist_ok=True)
        for name, text in world.articles.items():
            (articles / name).write_text(text, encoding="utf-8")

    def _poll(self, title: str) -> None:
        say(title)
        for count in self._pipeline.poll(force=True):
            self._failed |= count.error is not None
            say(f"  {_polled(count)}")

    def _serve_who_is_due(self) -> None:
        self._pipeline.compose()
        sent = self._pipeline.send()
        self._failed |= bool(sent.failed or sent.retried or sent.broken)

    def _let_days_pass(self, span: timedelta) -> None:
        """Move the clock on; whoever is due meanwhile is served (there is nothing new, so no mail)."""
        until = self._clock.now() + span
        while (due := self._next_due(waiting_only=False)) and due <= until:
            self._go_on_to(due)
        self._clock.move_to(until)

    def _serve_everybody(self) -> None:
        """Move the clock from one due time to the next until nobody has anything left to be told."""
        self._serve_who_is_due()
        while due := self._next_due(waiting_only=True):
            self._go_on_to(due)

    def _go_on_to(self, due: datetime) -> None:
        """Move the clock on, look at the sources as a daemon would have done meanwhile, and serve who is due."""
        self._clock.move_to(due)
        self._failed |= any(count.error is not None for count in self._pipeline.poll(force=True))
        self._serve_who_is_due()

    def _next_due(self, *, waiting_only: bool) -> datetime | None:
        """Return when the next of the scheduled subscribers is due, or of those who have not seen every change."""
        asked = select(Subscriber.next_due_at).where(col(Subscriber.next_due_at) > self._clock.now())
        with self._db.read() as session:
            if waiting_only:
                asked = asked.where(col(Subscriber.cursor) < current_number(session, CHANGES))
            return session.exec(asked.order_by(col(Subscriber.next_due_at))).first()

    def _say_what_is_one(self) -> None:
        with self._db.read() as session:
            item = find_item(session, _SEVERAL)
            records = story_of(session, item).as_json()["records"]
            facts = TrialFacts.model_validate(item.facts)
        if len(records) > 1:
            named = ", ".join(f"{each['id']} ({called(each['registry'])}: {each['status']})" for each in records)
            say(f"  One trial, told once, stands in {len(records)} registries: {named}")
            for line in conflict_lines(Wordings().of("en"), facts):
                say(f"  {line}")

    def _follow(self) -> None:
        """Let those who follow a trial itself do so, as on its page."""
        with self._db.write() as session:
            for number, person in self._people.items():
                if person.trial:
                    subscriber = session.get_one(Subscriber, number)
                    item = find_item(session, person.trial)
                    now = self._clock.now()
                    follow_trial(session, subscriber, item.id or 0, confirmed=True, how="web", now=now)

    def _say_what_is_no_news(self) -> None:
        with self._db.read() as session:
            asked = select(Change.after).join(Item, col(Item.id) == col(Change.item_id))
            told = [after for after in session.exec(asked.where(Item.external_id == _QUIET)) if "baseline" not in after]
        if not told and not self._failed:
            say(f"  {_QUIET} changed too, but only in the registry's bookkeeping: nobody is told")

    def _print(self, kind: DigestKind, title: str) -> None:
        with self._db.read() as session:
            lines = summarise(session, self._people, self._clock, kind)
        say("")
        say_table(title, COLUMNS, [line.row() for line in lines])
        missing = [person.label for person in self._people.values() if person not in {line.person for line in lines}]
        if missing:
            nothing = (
                "Nothing yet, and a first mail that says so, for" if kind is DigestKind.FIRST else "Nothing new for"
            )
            say(f"{nothing}: {'; '.join(missing)}")


def first_day() -> date:
    """Return the day on which the story begins."""
    return (SystemClock().now() - timedelta(days=_BEGAN_DAYS_AGO)).date()


def demo_settings(folder: Path, root: str) -> Settings:
    database = URL.create("sqlite", database=str(folder / "demo.db")).render_as_string(hide_password=False)
    return _DemoSettings(
        service=ServiceSettings(
            name="Example Trial Alerts",
            base_url="https://alerts.example.org",
            postal_address="Example Society, 1 Example Street, Leeds",
            contact="help@alerts.example.org",
            secret=SecretStr(secrets.token_hex(32)),
        ),
        database=DatabaseSettings(url=SecretStr(database)),
        mail=MailSettings(
            url=SecretStr(f"file://{quote(str(folder / 'outbox'))}"),
            sender="Example Trial Alerts <digest@alerts.example.org>",
        ),
        http=HttpSettings(allow_private_addresses=True),
        sources=(
            SourceSettings(name="ctgov", kind="clinicaltrials_gov", url=f"{root}/api/v2", page_size=5),
            SourceSettings(name="isrctn", kind="isrctn", url=f"{root}/isrctn", at_most=_AT_ONCE),
            SourceSettings(name="ctis", kind="ctis", url=f"{root}/ctis", at_most=_AT_ONCE),
            SourceSettings(name="news", kind="feed", url=f"{root}/feed.xml"),
            SourceSettings(name="editors", kind="folder", path=str(folder / "articles")),
        ),
    )


def _write_configuration(folder: Path, settings: Settings) -> bool:
    """Write what a command needs to work on the demo's database; return whether it was: what is another's is kept.

    The registry and the feed are gone with the demo, so the editors' folder alone is polled.
    """
    path = folder / "config" / "trialalerts.toml"
    if path.exists() and not path.read_text(encoding="utf-8").startswith(_OWN):
        return False
    service = {key: getattr(settings.service, key) for key in ("name", "base_url", "postal_address", "contact")}
    sections: dict[str, dict[str, str]] = {
        "[service]": {**service, "secret": settings.service.secret.get_secret_value()},
        "[database]": {"url": "sqlite:///demo.db"},
        "[mail]": {"url": "file://outbox", "from": settings.mail.sender},
        "[[sources]]": {"name": "editors", "kind": "folder", "path": "articles"},
    }
    lines = [_OWN]
    for name, keys in sections.items():
        lines += ["", name, *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return True


def _clear(folder: Path) -> None:
    """Remove what an earlier run left, by name: the folder may hold other things."""
    for name in ("outbox", "articles"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("demo.db", "demo.db-wal", "demo.db-shm", "index.html"):
        (folder / name).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


def _polled(count: PollCount) -> str:
    if count.error:
        return f"{count.source}: {count.error}"
    return (
        f"{count.source}: {count.new} new, {count.updated} changed, {count.unchanged} as before, "
        f"{count.changes} to tell"
    )
