"""Questions to others: all at once, and never longer than the time they have."""

from __future__ import annotations

import threading
import time

from trialalerts.operations.checks import DoctorCheck
from trialalerts.operations.checks.outside import AskedMeanwhile

FINE = DoctorCheck(level="good", what="fine")


def test_answers_come_in_the_order_of_the_questions() -> None:
    waits = threading.Event()

    def slow(seconds: float) -> list[DoctorCheck]:
        waits.wait(seconds)
        return [DoctorCheck(level="good", what="slow")]

    def quick(seconds: float) -> list[DoctorCheck]:
        del seconds
        waits.set()
        return [FINE]

    found = [each.what for each in AskedMeanwhile({"a": slow, "b": quick}, seconds=30).answers()]
    assert found == ["slow", "fine"]


def test_who_never_answers_is_worth_a_look_and_holds_up_nobody() -> None:
    never = threading.Event()

    def deaf(seconds: float) -> list[DoctorCheck]:
        del seconds
        never.wait()
        return []

    began = time.monotonic()
    asked = AskedMeanwhile({f"host {number}": deaf for number in range(20)} | {"b": lambda _: [FINE]}, seconds=0.5)
    found = list(asked.answers())
    assert time.monotonic() - began < 5
    assert [each.level for each in found] == ["look"] * 20 + ["good"]
    assert found[0].what == "host 0 cannot be asked: no answer within 0.5 seconds"
    never.set()


def test_what_goes_wrong_with_a_question_is_no_fault() -> None:
    def broken(seconds: float) -> list[DoctorCheck]:
        raise KeyError(f"a secret {seconds}")

    (check,) = AskedMeanwhile({"the moon": broken}, seconds=5).answers()
    assert (check.level, check.what) == ("look", "the moon cannot be asked: KeyError")


def test_nothing_asked_is_nothing_found() -> None:
    assert list(AskedMeanwhile({}).answers()) == []
