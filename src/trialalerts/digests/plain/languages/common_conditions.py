"""Conditions that stand otherwise in a sentence than in the vocabulary, or that it does not name, in each language.

In German an adjective begins small there; registries tell stages and forms apart that are one area.
"""

from __future__ import annotations

__all__ = ["common_condition"]

_LANGUAGES = {"de": 0, "fr": 1, "es": 2}
_NAMES = {
    "advanced cancer": ("fortgeschrittener Krebs", "cancer avancé", "cáncer avanzado"),
    "advanced solid tumours": (
        "fortgeschrittene solide Tumoren",
        "tumeurs solides avancées",
        "tumores sólidos avanzados",
    ),
    "allergic asthma": ("allergisches Asthma", "asthme allergique", "asma alérgica"),
    "allergic rhinitis": ("allergischer Schnupfen", "rhinite allergique", "rinitis alérgica"),
    "allergy": ("Allergien", "allergies", "alergias"),
    "atopic eczema": ("Neurodermitis", "eczéma atopique", "dermatitis atópica"),
    "chronic cluster headache": (
        "chronischer Clusterkopfschmerz",
        "algie vasculaire de la face chronique",
        "cefalea en racimos crónica",
    ),
    "chronic hives": ("chronische Nesselsucht", "urticaire chronique", "urticaria crónica"),
    "cluster headache": ("Clusterkopfschmerz", "algie vasculaire de la face", "cefalea en racimos"),
    "cow's milk allergy": (
        "Kuhmilchallergie",
        "allergie aux protéines de lait de vache",
        "alergia a la leche de vaca",
    ),
    "depression": ("Depressionen", "dépression", "depresión"),
    "drug allergy": ("Medikamentenallergie", "allergie aux médicaments", "alergia a medicamentos"),
    "episodic cluster headache": (
        "episodischer Clusterkopfschmerz",
        "algie vasculaire de la face épisodique",
        "cefalea en racimos episódica",
    ),
    "esophageal cancer": ("Speiseröhrenkrebs", "cancer de l’œsophage", "cáncer de esófago"),
    "hives": ("Nesselsucht", "urticaire", "urticaria"),
    "kidney failure": ("Nierenversagen", "insuffisance rénale", "insuficiencia renal"),
    "liver cell cancer": ("Leberzellkrebs", "cancer du foie", "cáncer de hígado"),
    "melanoma": ("Melanom (schwarzer Hautkrebs)", "mélanome", "melanoma"),
    "milk allergy": ("Milchallergie", "allergie au lait", "alergia a la leche"),
    "multiple myeloma": ("multiples Myelom", "myélome multiple", "mieloma múltiple"),
    "non-small cell lung cancer": (
        "nicht-kleinzelliger Lungenkrebs",
        "cancer du poumon non à petites cellules",
        "cáncer de pulmón de células no pequeñas",
    ),
    "obesity": ("starkes Übergewicht", "obésité", "obesidad"),
    "psoriasis": ("Schuppenflechte", "psoriasis", "psoriasis"),
    "seasonal allergic rhinitis": ("Heuschnupfen", "rhinite allergique saisonnière", "rinitis alérgica estacional"),
    "severe asthma": ("schweres Asthma", "asthme sévère", "asma grave"),
    "small cell lung cancer": (
        "kleinzelliger Lungenkrebs",
        "cancer du poumon à petites cellules",
        "cáncer de pulmón de células pequeñas",
    ),
    "solid tumours": ("solide Tumoren", "tumeurs solides", "tumores sólidos"),
    "stroke": ("Schlaganfall", "AVC", "ictus"),
    "worn spinal discs": (
        "Bandscheibenverschleiß",
        "usure des disques de la colonne",
        "desgaste de los discos de la columna",
    ),
}


def common_condition(name: str, language: str) -> str | None:
    """Return how an English condition is called within a sentence; None where nobody wrote it down."""
    found = _NAMES.get(name)
    return found[_LANGUAGES[language]] if found and language in _LANGUAGES else None
