"""The commonest conditions in each language, for whoever reads a trial that no area of theirs brought them.

A reader's own area has a name in the vocabulary; this is for pages without a reader.
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
    "anaphylaxis": ("Anaphylaxie", "anaphylaxie", "anafilaxia"),
    "asthma": ("Asthma", "asthme", "asma"),
    "atopic eczema": ("Neurodermitis", "eczéma atopique", "dermatitis atópica"),
    "bladder cancer": ("Blasenkrebs", "cancer de la vessie", "cáncer de vejiga"),
    "bowel cancer": ("Darmkrebs", "cancer colorectal", "cáncer colorrectal"),
    "breast cancer": ("Brustkrebs", "cancer du sein", "cáncer de mama"),
    "cancer": ("Krebs", "cancer", "cáncer"),
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
    "diabetes": ("Diabetes", "diabète", "diabetes"),
    "drug allergy": ("Medikamentenallergie", "allergie aux médicaments", "alergia a medicamentos"),
    "egg allergy": ("Hühnereiallergie", "allergie à l’œuf", "alergia al huevo"),
    "epilepsy": ("Epilepsie", "épilepsie", "epilepsia"),
    "episodic cluster headache": (
        "episodischer Clusterkopfschmerz",
        "algie vasculaire de la face épisodique",
        "cefalea en racimos episódica",
    ),
    "esophageal cancer": ("Speiseröhrenkrebs", "cancer de l’œsophage", "cáncer de esófago"),
    "oesophageal cancer": ("Speiseröhrenkrebs", "cancer de l’œsophage", "cáncer de esófago"),
    "food allergy": ("Nahrungsmittelallergie", "allergie alimentaire", "alergia alimentaria"),
    "gastric cancer": ("Magenkrebs", "cancer de l’estomac", "cáncer de estómago"),
    "heart failure": ("Herzschwäche", "insuffisance cardiaque", "insuficiencia cardíaca"),
    "high blood pressure": ("Bluthochdruck", "hypertension artérielle", "hipertensión arterial"),
    "hives": ("Nesselsucht", "urticaire", "urticaria"),
    "kidney failure": ("Nierenversagen", "insuffisance rénale", "insuficiencia renal"),
    "liver cell cancer": ("Leberzellkrebs", "cancer du foie", "cáncer de hígado"),
    "lung cancer": ("Lungenkrebs", "cancer du poumon", "cáncer de pulmón"),
    "melanoma": ("Melanom (schwarzer Hautkrebs)", "mélanome", "melanoma"),
    "migraine": ("Migräne", "migraine", "migraña"),
    "milk allergy": ("Milchallergie", "allergie au lait", "alergia a la leche"),
    "multiple myeloma": ("multiples Myelom", "myélome multiple", "mieloma múltiple"),
    "multiple sclerosis": ("Multiple Sklerose", "sclérose en plaques", "esclerosis múltiple"),
    "nasal polyps": ("Nasenpolypen", "polypes nasaux", "pólipos nasales"),
    "non-small cell lung cancer": (
        "nicht-kleinzelliger Lungenkrebs",
        "cancer du poumon non à petites cellules",
        "cáncer de pulmón de células no pequeñas",
    ),
    "obesity": ("starkes Übergewicht", "obésité", "obesidad"),
    "ovarian cancer": ("Eierstockkrebs", "cancer de l’ovaire", "cáncer de ovario"),
    "pancreatic cancer": ("Bauchspeicheldrüsenkrebs", "cancer du pancréas", "cáncer de páncreas"),
    "peanut allergy": ("Erdnussallergie", "allergie à l’arachide", "alergia al cacahuete"),
    "prostate cancer": ("Prostatakrebs", "cancer de la prostate", "cáncer de próstata"),
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
    "type 1 diabetes": ("Typ-1-Diabetes", "diabète de type 1", "diabetes tipo 1"),
    "type 2 diabetes": ("Typ-2-Diabetes", "diabète de type 2", "diabetes tipo 2"),
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
