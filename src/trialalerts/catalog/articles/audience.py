"""The audience of an article, in the one of three words that editors' words mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

__all__ = ["AUDIENCES", "Audience", "audience_in", "audience_of_category"]

Audience = Literal["patients", "professionals", "any"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)

# Words that name people only by what they are to medicine, and words that say so only behind "for": a category
# "Women" is no audience, "For women" is.
_PATIENTS = """
patient patients participant participants volunteer volunteers carer carers caregiver caregivers families
relative relatives layperson laypeople consumers survivors sufferers
patientinnen patienten angehörige betroffene teilnehmende teilnehmer
malades malade proches aidants patientes familles
pacientes paciente familiares cuidadores familias participantes voluntarios
"""
_PATIENTS_BEHIND_FOR = """
parent parents partner partners people persons person public lay citizens community friends adults children teenagers
women men girls boys eltern laien familien public volontaires you us
"""
_PROFESSIONALS = """
professional professionals clinician clinicians doctor doctors physician physicians nurse nurses researcher researchers
scientist scientists investigator investigators practitioner practitioners specialist specialists therapist therapists
gp gps hcp hcps pharmacist pharmacists neurologist neurologists oncologist oncologists academics physiotherapists
fachleute fachpersonal ärzte ärztinnen forschende forscher pflegende
professionnels médecins soignants chercheurs infirmiers infirmières
profesionales médicos investigadores enfermeras sanitarios
"""
_ANY_BEHIND_FOR = "everyone everybody anyone all any alle jeden tous todos"
_FOR = frozenset({"for", "für", "pour", "para"})
_JOINS = """
potential prospective and or the of their our new study trial clinical health healthcare care medical allied research
interested interest & und oder die der et ou les des y o la las los de santé salud general
"""
_ALONE: dict[str, Audience] = {
    **dict.fromkeys(_PATIENTS.split(), "patients"),
    **dict.fromkeys(_PROFESSIONALS.split(), "professionals"),
}
_MEANINGS: dict[str, Audience] = {
    **_ALONE,
    **dict.fromkeys(_PATIENTS_BEHIND_FOR.split(), "patients"),
    **dict.fromkeys(_ANY_BEHIND_FOR.split(), "any"),
}
_KNOWN_WORDS = frozenset(_JOINS.split())
_WORD = re.compile(r"[^\W\d_]+|&")


def audience_in(texts: Iterable[object]) -> Audience | None:
    """Return for whom these words, which stand where an audience is named, are; None where they do not say.

    Words that name patients (or those who care for them) and professionals together are for any.
    """
    found = {_MEANINGS[word] for text in texts if isinstance(text, str) for word in _words(text) if word in _MEANINGS}
    if not found:
        return None
    return found.pop() if len(found) == 1 else "any"


def audience_of_category(text: str) -> Audience | None:
    """Return for whom a category ("For Potential Participants") says that an article is; None where it does not say.

    What begins with "for" and goes on with people names an audience; so does what names nothing but people.
    """
    words = _words(text)
    if words and words[0] in _FOR:
        return audience_in([text])
    if words and all(word in _ALONE or word in _KNOWN_WORDS for word in words):
        return audience_in([text])
    return None


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
