"""What a program sends to sign somebody up: models that read it and describe it, as the sign-up's form has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from trialalerts.subscribers.filters import FILTERS, PreferenceFilter
from trialalerts.web.signup.wishes import MOST_AREAS

__all__ = ["ConsentGiven", "SignUpAnswer", "SignUpBody", "WishBody", "wish_fields"]

_MOST = 10
_LONGEST_WORD = 20
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Names = Annotated[list[_Name], Field(max_length=2 * MOST_AREAS)]


class _Body(BaseModel):
    """A part of a body: what is described, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Followed(_Body):
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


def _described(each: PreferenceFilter) -> Any:
    """Return the type of a filter's field, and what the description says of it."""
    said = each.help.replace("; may be given again", "")
    if not all(word in said for word in each.words):
        said = f"{said.rstrip('.')} ({', '.join(each.words)})."
    if each.parted:
        return _Names, Field(default=[], description=said)
    return (
        (bool, Field(default=False, description=said))
        if each.empty is False
        else (
            Annotated[str, Field(max_length=_LONGEST_WORD)],
            Field(default="", description=said),
        )
    )


if TYPE_CHECKING:
    WishBody = _Followed
else:
    WishBody = create_model(
        "WishBody", __base__=_Followed, __doc__=_Followed.__doc__, **{each.name: _described(each) for each in FILTERS}
    )


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
    } | {each.field: _typed(each, getattr(wish, each.name)) for each in FILTERS}


def _typed(each: PreferenceFilter, value: Any) -> str:
    if each.parted:
        return each.parted.join(value)
    return "yes" if value is True else value or ""
