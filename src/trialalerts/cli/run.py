"""``trialalerts run``: the daemon, or one round of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trialalerts.clock import Clock
    from trialalerts.database import Database
    from trialalerts.delivery.feedback.handling import FeedbackCount
    from trialalerts.delivery.sending.sender import SendCount
    from trialalerts.digests.compose import ComposeCount
    from trialalerts.hooks.calling import CallCount
    from trialalerts.nudges.telling import NudgeCount
    from trialalerts.settings import Settings
    from trialalerts.sources.polling.poll import PollCount
    from trialalerts.workers import Workers

__all__ = ["EPILOG", "command"]

EPILOG = (
    "Examples: trialalerts run; trialalerts run --processes 1; trialalerts run --roles compose,send; "
    "trialalerts run --once; trialalerts run --once --dry-run"
)


def command(
    *,
    roles: Annotated[
        str, typer.Option(help="Which steps: poll,compose,send,web,watch; desk beside them.")
    ] = "poll,compose,send,web,watch",
    once: Annotated[bool, typer.Option("--once", help="Do one round, print one line a step, and exit.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --once: say who would be mailed what; change and send nothing.")
    ] = False,
    no_poll: Annotated[bool, typer.Option("--no-poll", help="With --once: ask no source.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what --dry-run finds as JSON.")] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="How many share composing and sending.", show_default="one for each core, at most 4"
        ),
    ] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write log lines as JSON.")] = False,
    helper: Annotated[int, typer.Option("--helper", hidden=True)] = 0,
) -> None:
    """Upgrade the database where needed, then work."""
    from trialalerts.bootstrap import prepare
    from trialalerts.cli.context import open_settings_database, settings_of
    from trialalerts.database.server_clock import clock_of
    from trialalerts.errors import InvalidInput
    from trialalerts.logs import configure_logs
    from trialalerts.operations.desk.logins import require_editors
    from trialalerts.sources.kinds import check_sources

    chosen = _checked_roles(roles)
    if once and (processes or 1) > 1:
        raise InvalidInput("--processes: found it beside --once, expected one of them: one round is one process")
    for option, given, needed, there in (
        ("--dry-run", dry_run, "--once", once),
        ("--no-poll", no_poll, "--once", once),
        ("--json", json, "--dry-run", dry_run),
    ):
        if given and not there:
            raise InvalidInput(f"{option}: found it alone, expected {needed} beside it")
    chosen = [role for role in chosen if not (no_poll and role == "poll")]
    if dry_run:
        _rehearse(chosen, as_json=json)
        return
    configure_logs(json_lines=json_logs)
    settings = settings_of()
    configure_logs(json_lines=json_logs, level=settings.logs.level)
    _require_secret(settings)
    if "desk" in chosen:
        require_editors(settings)
    if not helper:  # whoever started it has looked
        check_sources(settings)
        _tell_only_to(settings, once=once)
    database = open_settings_database(settings)
    prepare(database, settings)
    clock = clock_of(database)
    if once:
        raise typer.Exit(_one_round(settings, database, clock, chosen))
    from trialalerts.daemon import Daemon
    from trialalerts.delivery.sending.channels import ProcessShare
    from trialalerts.workers import watch_the_daemon

    together = _processes(settings, chosen, processes)
    daemon = Daemon(
        settings,
        database,
        clock,
        chosen,
        helpers=None if helper else _workers(chosen, together, json_logs),
        share=ProcessShare(number=helper, processes=together),
        read_anew=settings_of,
    )
    if helper:
        watch_the_daemon(daemon.stop)
    if code := daemon.run():
        raise typer.Exit(code)


def _rehearse(roles: list[str], *, as_json: bool) -> None:
    from trialalerts.cli.context import open_settings_database, settings_of
    from trialalerts.cli.rehearsal import rehearse
    from trialalerts.database.server_clock import clock_of
    from trialalerts.sources.kinds import check_sources

    settings = settings_of()
    _require_secret(settings)
    check_sources(settings)
    if not as_json:
        _tell_only_to(settings, once=True)
    database = open_settings_database(settings)
    rehearse(settings, database, clock_of(database), roles=roles, as_json=as_json)


def _processes(settings: Settings, roles: list[str], asked: int | None) -> int:
    """Return of how many processes this daemon is.

    Where nobody said it: one for each core, at most four, and never more than a domain may have connections.
    """
    from trialalerts.workers import HELPING, usual_processes

    if not set(roles) & set(HELPING):
        return 1
    limits = (limit.connections for limit in settings.mail.domains.values())
    return asked or min([usual_processes(), *filter(None, limits)])


def _workers(roles: list[str], processes: int, json_logs: bool) -> Workers:
    """Return who composes and sends beside this process: the same program, with the roles in which it can help."""
    import sys

    from trialalerts.cli.context import chosen_config
    from trialalerts.workers import HELPING, Workers

    helping = [role for role in roles if role in HELPING]
    config = chosen_config()
    command = [sys.executable, "-m", "trialalerts", *(("--config", str(config)) if config else ())]
    command += ["run", "--roles", ",".join(helping), "--processes", str(processes)]
    command += [*(("--json-logs",) if json_logs else ()), "--helper"]
    return Workers(command, processes - 1)


def _tell_only_to(settings: Settings, *, once: bool) -> None:
    """Say first of all that most mail is held back, where it is: nobody shall wonder where it went."""
    from trialalerts.cli.output import show
    from trialalerts.delivery.outbox.allowed import allowed_recipients, only_to_words
    from trialalerts.logs import Logger

    if allowed := allowed_recipients(settings.mail.only_to):
        if once:
            show(only_to_words(allowed))
        else:
            Logger().warning("mail.only_to", note=only_to_words(allowed))


def _require_secret(settings: Settings) -> None:
    from trialalerts.errors import ConfigurationError

    if not settings.service.secret.get_secret_value():
        raise ConfigurationError(
            "service.secret: found nothing, expected the secret that signs links; run: trialalerts init"
        )


def _checked_roles(text: str) -> list[str]:
    from trialalerts.errors import InvalidInput

    known = ("poll", "compose", "send", "web", "watch", "desk")
    roles = [role.strip() for role in text.split(",") if role.strip()]
    for role in roles:
        if role not in known:
            raise InvalidInput(f"--roles: there is no role “{role}”; the roles are {', '.join(known)}")
    if not roles:
        raise InvalidInput(f"--roles: name at least one of {', '.join(known)}")
    return roles


def _one_round(settings: Settings, database: Database, clock: Clock, roles: list[str]) -> int:
    """Do each step once; return the exit code: 1 where a source failed or the transport does not work."""
    import platform
    from contextlib import suppress

    from trialalerts.cli.output import show
    from trialalerts.errors import TrialAlertsError
    from trialalerts.operations.watch.pulse import BY_HAND, Pulse
    from trialalerts.pipeline import Pipeline

    pipeline = Pipeline(settings, database, clock)
    pulse = Pulse(database, clock, process=f"{platform.node()}:{BY_HAND}")
    failed = False
    try:
        if "send" in roles and (went := {what: number for what, number in pipeline.retain().items() if number}):
            show(f"retention: {', '.join(f'{number:,} {what}' for what, number in went.items())}")
        if "poll" in roles:
            with pulse.step("reread"):
                pipeline.reread()
            for count in pipeline.poll():
                busy = count.polled_by and f"{count.polled_by} polls it just now"
                show(f"poll {count.source}: {count.error or busy or _figures(count)}")
                failed = failed or count.error is not None
        if "compose" in roles:
            with pulse.step("compose"):
                composed = pipeline.compose()
            show(f"compose: {_figures(composed)}")
            failed = failed or bool(composed.failed)
        if "send" in roles:
            with pulse.step("nudges"):
                nudged = pipeline.make_nudges()
            if nudged.nudged or nudged.failed or nudged.mailed:
                show(f"nudges: {_figures(nudged)}")
            with pulse.step("send"):
                sent = pipeline.send()
            show(f"send: {sent.broken or _figures(sent)}")
            with pulse.step("webhooks"):
                called = pipeline.make_calls()
            if called.called or called.failed:
                show(f"webhooks: {_figures(called)}")
            with pulse.step("feedback"):
                heard = pipeline.handle_feedback()
            show(f"feedback: {heard.broken or _figures(heard)}")
            failed = failed or sent.broken is not None or heard.broken is not None
        if "watch" in roles:
            pulse.flush()
            if told := pipeline.watch():
                show(f"watch: {told:,} told to the operator; see trialalerts doctor")
    finally:
        pipeline.close()
        with suppress(TrialAlertsError):  # a database that is gone has been told of already
            pulse.flush()
    return 1 if failed else 0


def _figures(count: PollCount | ComposeCount | SendCount | FeedbackCount | CallCount | NudgeCount) -> str:
    """Say what a step did, without what it did not."""
    from dataclasses import asdict

    numbers = {name: len(value) if isinstance(value, list) else value for name, value in asdict(count).items()}
    told = [
        f"{number:,} {name.removesuffix('s') if number == 1 else name}"
        for name, number in numbers.items()
        if isinstance(number, int) and number is not True and number
    ]
    return ", ".join(told) or "nothing to do"
