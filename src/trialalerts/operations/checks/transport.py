"""What the doctor asks of each transport: does it answer, encrypt and let us in? Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from trialalerts.delivery.transports import Transport, open_transport
from trialalerts.delivery.transports.probing import Probing
from trialalerts.errors import ConfigurationError
from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.checks.outside import Question
from trialalerts.operations.checks.ways_out import members_out
from trialalerts.settings import Settings

__all__ = ["transport_questions"]

_WHY = "no mail leaves through it; what is queued waits"


def transport_questions(settings: Settings) -> Mapping[str, Question]:
    """Return what is asked of the transports of ``mail.url``: each of several is asked."""
    try:
        transport = open_transport(settings.mail.url.get_secret_value())
    except ConfigurationError as error:
        wrong = DoctorCheck(level="broken", what=str(error), remedy="correct mail.url", why=_WHY)
        return {"mail.url": lambda _: [wrong]}
    each = list(members_out(transport))
    return {
        f"the transport {number}: {one.name}" if len(each) > 1 else f"the transport {one.name}": partial(_tried, one)
        for number, one in enumerate(each, start=1)
    }


def _tried(transport: Transport, seconds: float) -> Iterator[DoctorCheck]:
    name = f"mail leaves through {transport.name}"
    if not isinstance(transport, Probing):
        yield DoctorCheck(
            level="look",
            what=f"{name}, which cannot be asked without sending",
            why=_WHY,
            remedy="run: trialalerts doctor --send-to ADDRESS",
        )
        return
    found = transport.probe(seconds=seconds)
    told = found.told.rstrip(".")
    if found.works:
        yield DoctorCheck(level="good", what=f"{name}: {told}")
    elif found.works is None:
        yield DoctorCheck(
            level="look",
            what=f"{name}, of which nobody can tell whether it works: {told}",
            why=_WHY,
            remedy="look after the network, or send a mail: trialalerts doctor --send-to ADDRESS",
        )
    else:
        yield DoctorCheck(
            level="broken",
            what=f"{name}, which does not work: {told}",
            why=_WHY,
            remedy="correct mail.url, or what it says at the provider, then run: trialalerts doctor",
        )
