"""What a program sends to sign somebody up: models that read it and describe it, as the sign-up's form has it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from trialalerts.subscribers.filters import CHANGE_KINDS, PHASES
from trialalerts.web.signup.wishes import MOST_AREAS

__all__ = ["ConsentGiven", "SignUpAnswer", "SignUpBody", "WishBody", "wish_fields"]

_MOST = 10
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Names = Annotated[list[_Name], Field(max_length=2 * MOST_AREAS)]


class _Body(BaseModel):
    """A part of a body: what is described, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class WishBody(_Body):
    """What somebody wants to follow: a disease, where, and with which filters."""

    area: _Name = Field(
        description="A disease by its id or name, or `any` (with a place or a topic).", examples=["D009103"]
    )
    region: str = Field(
        default="",
        max_length=300,
        description="A country, a part of one, or a town; empty: anywhere.",
        examples=["Leeds, England, GB"],
    )
    radius_km: float | None = Field(
        default=None, ge=1, le=1_000, allow_inf_nan=False, description="Around a town; else 50."
    )
    travel: Literal["", "nearby", "day-trip", "region", "anywhere"] = Field(
        default="", description="How far, in words, instead of `radius_km`: 25, 100, 300 km, or any distance."
    )
    label: str = Field(default="", max_length=80, description="For whom: a name that stands in the mails.")
    born: str = Field(default="", max_length=10, description="1984-05-12, 1984-05 or 1984, or an age in years.")
    sex: Literal["", "female", "male"] = ""
    healthy_volunteer: bool = Field(default=False, description="Only trials that take healthy volunteers.")
    phases: list[str] = Field(default=[], max_length=6, description=f"Only these: {', '.join(PHASES)}.")
    kinds: list[Literal["trial", "article"]] = Field(default=[], max_length=2, description="Only these.")
    changes: list[str] = Field(
        default=[], max_length=len(CHANGE_KINDS), description=f"Only these: {', '.join(CHANGE_KINDS)}."
    )
    excluded: _Names = Field(default=[], description="Diseases to leave out, by id or name.")
    topics: _Names = Field(default=[], description="Only what is on these topics, by id or name.")
    audience: Literal["", "patients", "professionals"] = Field(default="", description="Only articles for these.")


class ConsentGiven(_Body):
    """What somebody read and agreed to: as `GET /consent` gave it."""

    text: str = Field(max_length=5_000, description="As it was shown.")
    version: str = Field(max_length=100, description="As it came with the text.", examples=["2026-11-3f2a91c4"])
    language: str = Field(max_length=10, description="In which it was read.", examples=["en"])


class SignUpBody(_Body):
    """A sign-up, as somebody typed it."""

    address: str = Field(max_length=300, description="The mail address.", examples=["ada@example.org"])
    language: str = Field(max_length=10, description="Of the mails.", examples=["en"])
    timezone: str = Field(default="", max_length=100, description="Else the service's own.", examples=["Europe/London"])
    frequency: Literal["immediately", "daily", "weekly", "monthly"] = "weekly"
    preferences: list[WishBody] = Field(default=[], max_length=_MOST, description="What to follow.")
    trial: str = Field(default="", max_length=100, description="A trial to follow, by its number.")
    consent: ConsentGiven


class SignUpAnswer(BaseModel):
    """The same for everybody, whoever is known and whatever was stored."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["confirmation"] = Field(description="A mail asks to confirm; until then nothing else is sent.")
    text: str = Field(description="To be shown to whoever signed up.")


def wish_fields(wish: WishBody) -> dict[str, str]:
    """Return a wish as the sign-up's form would send it."""
    return {
        "area": wish.area,
        "region": wish.region,
        "radius": "" if wish.radius_km is None else f"{wish.radius_km:.10g}",
        "unit": "km",
        "travel": wish.travel,
        "label": wish.label,
        "born": wish.born,
        "sex": wish.sex,
        "healthy": "yes" if wish.healthy_volunteer else "",
        "phases": " ".join(wish.phases),
        "kinds": " ".join(wish.kinds),
        "changes": " ".join(wish.changes),
        "excluded": "; ".join(wish.excluded),
        "topic": "; ".join(wish.topics),
        "audience": wish.audience,
    }
