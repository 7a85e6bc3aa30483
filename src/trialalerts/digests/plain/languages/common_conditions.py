"""Conditions that stand otherwise in a sentence than in the vocabulary, or that it does not name, in each language.

In German an adjective begins small there; registries tell stages, forms and causes apart that are one area, whose name
would be too wide: a bee venom allergy is no other insect's.
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
    "bee venom allergy": ("Bienengiftallergie", "allergie au venin d’abeille", "alergia al veneno de abeja"),
    "birch pollen allergy": ("Birkenpollenallergie", "allergie au pollen de bouleau", "alergia al polen de abedul"),
    "cat allergy": ("Katzenallergie", "allergie aux chats", "alergia a los gatos"),
    "chronic cluster headache": (
        "chronischer Clusterkopfschmerz",
        "algie vasculaire de la face chronique",
        "cefalea en racimos crónica",
    ),
    "chronic hives": ("chronische Nesselsucht", "urticaire chronique", "urticaria crónica"),
    "chronic migraine": ("chronische Migräne", "migraine chronique", "migraña crónica"),
    "chronic rhinosinusitis": ("chronische Rhinosinusitis", "rhinosinusite chronique", "rinosinusitis crónica"),
    "chronic rhinosinusitis with nasal polyps": (
        "chronische Rhinosinusitis mit Nasenpolypen",
        "rhinosinusite chronique avec polypes nasaux",
        "rinosinusitis crónica con pólipos nasales",
    ),
    "cluster headache": ("Clusterkopfschmerz", "algie vasculaire de la face", "cefalea en racimos"),
    "cow's milk allergy": ("Kuhmilchallergie", "allergie aux protéines de lait de vache", "alergia a la leche de vaca"),
    "depression": ("Depressionen", "dépression", "depresión"),
    "drug allergy": ("Medikamentenallergie", "allergie aux médicaments", "alergia a medicamentos"),
    "episodic cluster headache": (
        "episodischer Clusterkopfschmerz",
        "algie vasculaire de la face épisodique",
        "cefalea en racimos episódica",
    ),
    "esophageal cancer": ("Speiseröhrenkrebs", "cancer de l’œsophage", "cáncer de esófago"),
    "grass pollen allergy": (
        "Gräserpollenallergie",
        "allergie au pollen de graminées",
        "alergia al polen de gramíneas",
    ),
    "hives": ("Nesselsucht", "urticaire", "urticaria"),
    "kidney failure": ("Nierenversagen", "insuffisance rénale", "insuficiencia renal"),
    "liver cell cancer": ("Leberzellkrebs", "cancer du foie", "cáncer de hígado"),
    "lumbar spinal stenosis": (
        "Spinalkanalstenose der Lendenwirbelsäule",
        "canal lombaire étroit",
        "estenosis del canal lumbar",
    ),
    "melanoma": ("Melanom (schwarzer Hautkrebs)", "mélanome", "melanoma"),
    "metastatic castration-resistant prostate cancer": (
        "metastasierter kastrationsresistenter Prostatakrebs",
        "cancer de la prostate métastatique résistant à la castration",
        "cáncer de próstata metastásico resistente a la castración",
    ),
    "metastatic solid tumours": (
        "metastasierte solide Tumoren",
        "tumeurs solides métastatiques",
        "tumores sólidos metastásicos",
    ),
    "milk allergy": ("Milchallergie", "allergie au lait", "alergia a la leche"),
    "multiple myeloma": ("multiples Myelom", "myélome multiple", "mieloma múltiple"),
    "non-small cell lung cancer": (
        "nicht-kleinzelliger Lungenkrebs",
        "cancer du poumon non à petites cellules",
        "cáncer de pulmón de células no pequeñas",
    ),
    "obesity": ("starkes Übergewicht", "obésité", "obesidad"),
    "penicillin allergy": ("Penicillinallergie", "allergie à la pénicilline", "alergia a la penicilina"),
    "pollen allergy": ("Pollenallergie", "allergie au pollen", "alergia al polen"),
    "psoriasis": ("Schuppenflechte", "psoriasis", "psoriasis"),
    "ragweed allergy": ("Ambrosia-Allergie", "allergie à l’ambroisie", "alergia a la ambrosía"),
    "recurrent glioblastoma": ("wiederkehrendes Glioblastom", "glioblastome récidivant", "glioblastoma recurrente"),
    "seasonal allergic rhinitis": ("Heuschnupfen", "rhinite allergique saisonnière", "rinitis alérgica estacional"),
    "severe asthma": ("schweres Asthma", "asthme sévère", "asma grave"),
    "small cell lung cancer": (
        "kleinzelliger Lungenkrebs",
        "cancer du poumon à petites cellules",
        "cáncer de pulmón de células pequeñas",
    ),
    "soft tissue sarcoma": ("Weichteilsarkom", "sarcome des tissus mous", "sarcoma de tejidos blandos"),
    "solid tumours": ("solide Tumoren", "tumeurs solides", "tumores sólidos"),
    "stroke": ("Schlaganfall", "AVC", "ictus"),
    "wasp sting allergy": ("Wespengiftallergie", "allergie au venin de guêpe", "alergia al veneno de avispa"),
    "wasp venom allergy": ("Wespengiftallergie", "allergie au venin de guêpe", "alergia al veneno de avispa"),
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
