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
    "advanced solid tumours and hematologic cancer": (
        "fortgeschrittene solide Tumoren und Blutkrebs",
        "tumeurs solides avancées et cancers du sang",
        "tumores sólidos avanzados y cánceres de la sangre",
    ),
    "allergic asthma": ("allergisches Asthma", "asthme allergique", "asma alérgica"),
    "allergic rhinitis": ("allergischer Schnupfen", "rhinite allergique", "rinitis alérgica"),
    "allergic rhinoconjunctivitis": (
        "allergischer Schnupfen mit Bindehautentzündung",
        "rhinoconjonctivite allergique",
        "rinoconjuntivitis alérgica",
    ),
    "allergy": ("Allergien", "allergies", "alergias"),
    "anaphylaxis": ("Anaphylaxie", "anaphylaxie", "anafilaxia"),
    "atopic eczema": ("Neurodermitis", "eczéma atopique", "dermatitis atópica"),
    "bee sting": ("Bienenstich", "piqûre d’abeille", "picadura de abeja"),
    "bee venom allergy": ("Bienengiftallergie", "allergie au venin d’abeille", "alergia al veneno de abeja"),
    "biliary tract cancer": ("Gallenwegskrebs", "cancer des voies biliaires", "cáncer de las vías biliares"),
    "birch pollen allergy": ("Birkenpollenallergie", "allergie au pollen de bouleau", "alergia al polen de abedul"),
    "bowel cancer": ("Darmkrebs", "cancer colorectal", "cáncer colorrectal"),
    "bowel tumours": ("Darmtumoren", "tumeurs colorectales", "tumores colorrectales"),
    "brain tumours": ("Hirntumoren", "tumeurs cérébrales", "tumores cerebrales"),
    "cat allergy": ("Katzenallergie", "allergie aux chats", "alergia a los gatos"),
    "cervical disc disease": (
        "Bandscheibenleiden der Halswirbelsäule",
        "maladie des disques cervicaux",
        "enfermedad de los discos cervicales",
    ),
    "cervical disc herniation": (
        "Bandscheibenvorfall der Halswirbelsäule",
        "hernie discale cervicale",
        "hernia discal cervical",
    ),
    "cervical worn spinal discs": (
        "Bandscheibenverschleiß der Halswirbelsäule",
        "usure des disques cervicaux",
        "desgaste de los discos cervicales",
    ),
    "chronic cluster headache": (
        "chronischer Clusterkopfschmerz",
        "algie vasculaire de la face chronique",
        "cefalea en racimos crónica",
    ),
    "chronic hives": ("chronische Nesselsucht", "urticaire chronique", "urticaria crónica"),
    "chronic kidney failure": (
        "chronisches Nierenversagen",
        "insuffisance rénale chronique",
        "insuficiencia renal crónica",
    ),
    "chronic migraine": ("chronische Migräne", "migraine chronique", "migraña crónica"),
    "chronic rhinosinusitis": ("chronische Rhinosinusitis", "rhinosinusite chronique", "rinosinusitis crónica"),
    "chronic rhinosinusitis with nasal polyps": (
        "chronische Rhinosinusitis mit Nasenpolypen",
        "rhinosinusite chronique avec polypes nasaux",
        "rinosinusitis crónica con pólipos nasales",
    ),
    "cluster headache": ("Clusterkopfschmerz", "algie vasculaire de la face", "cefalea en racimos"),
    "COPD (a lung disease)": ("COPD (Lungenkrankheit)", "BPCO (maladie des poumons)", "EPOC (enfermedad pulmonar)"),
    "cow's milk allergy": ("Kuhmilchallergie", "allergie aux protéines de lait de vache", "alergia a la leche de vaca"),
    "degenerative lumbar spinal stenosis": (
        "verschleißbedingte Spinalkanalstenose der Lendenwirbelsäule",
        "canal lombaire étroit dégénératif",
        "estenosis degenerativa del canal lumbar",
    ),
    "depression": ("Depressionen", "dépression", "depresión"),
    "drug allergy": ("Medikamentenallergie", "allergie aux médicaments", "alergia a medicamentos"),
    "endometrial tumours": ("Tumoren der Gebärmutterschleimhaut", "tumeurs de l’endomètre", "tumores de endometrio"),
    "episodic cluster headache": (
        "episodischer Clusterkopfschmerz",
        "algie vasculaire de la face épisodique",
        "cefalea en racimos episódica",
    ),
    "esophageal cancer": ("Speiseröhrenkrebs", "cancer de l’œsophage", "cáncer de esófago"),
    "food allergies": ("Nahrungsmittelallergien", "allergies alimentaires", "alergias alimentarias"),
    "gastric adenocarcinoma": ("Adenokarzinom des Magens", "adénocarcinome de l’estomac", "adenocarcinoma de estómago"),
    "gastric cancer": ("Magenkrebs", "cancer de l’estomac", "cáncer de estómago"),
    "grass allergy": ("Gräserallergie", "allergie aux graminées", "alergia a las gramíneas"),
    "grass pollen allergy": (
        "Gräserpollenallergie",
        "allergie au pollen de graminées",
        "alergia al polen de gramíneas",
    ),
    "head and neck cancer": ("Kopf-Hals-Krebs", "cancer de la tête et du cou", "cáncer de cabeza y cuello"),
    "hives": ("Nesselsucht", "urticaire", "urticaria"),
    "IgE mediated food allergy": (
        "IgE-vermittelte Nahrungsmittelallergie",
        "allergie alimentaire médiée par les IgE",
        "alergia alimentaria mediada por IgE",
    ),
    "IgE-mediated cow's milk allergy": (
        "IgE-vermittelte Kuhmilchallergie",
        "allergie au lait de vache médiée par les IgE",
        "alergia a la leche de vaca mediada por IgE",
    ),
    "IgE-mediated food allergy": (
        "IgE-vermittelte Nahrungsmittelallergie",
        "allergie alimentaire médiée par les IgE",
        "alergia alimentaria mediada por IgE",
    ),
    "juvenile onset still's disease": (
        "Still-Krankheit mit Beginn in der Kindheit",
        "maladie de Still à début juvénile",
        "enfermedad de Still de inicio juvenil",
    ),
    "kidney failure": ("Nierenversagen", "insuffisance rénale", "insuficiencia renal"),
    "liver cell cancer": ("Leberzellkrebs", "cancer du foie", "cáncer de hígado"),
    "lumbar disc herniation": (
        "Bandscheibenvorfall der Lendenwirbelsäule",
        "hernie discale lombaire",
        "hernia discal lumbar",
    ),
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
    "migraines": ("Migräne", "migraine", "migraña"),
    "milk allergy": ("Milchallergie", "allergie au lait", "alergia a la leche"),
    "multiple myeloma": ("multiples Myelom", "myélome multiple", "mieloma múltiple"),
    "non-small cell lung cancer": (
        "nicht-kleinzelliger Lungenkrebs",
        "cancer du poumon non à petites cellules",
        "cáncer de pulmón de células no pequeñas",
    ),
    "obesity": ("starkes Übergewicht", "obésité", "obesidad"),
    "oesophageal cancer": ("Speiseröhrenkrebs", "cancer de l’œsophage", "cáncer de esófago"),
    "ovary tumours": ("Eierstocktumoren", "tumeurs de l’ovaire", "tumores de ovario"),
    "pancreatic cancer": ("Bauchspeicheldrüsenkrebs", "cancer du pancréas", "cáncer de páncreas"),
    "peanut and nut allergy": (
        "Erdnuss- und Nussallergie",
        "allergie à l’arachide et aux fruits à coque",
        "alergia al cacahuete y a los frutos secos",
    ),
    "penicillin allergy": ("Penicillinallergie", "allergie à la pénicilline", "alergia a la penicilina"),
    "pollen allergy": ("Pollenallergie", "allergie au pollen", "alergia al polen"),
    "primary headache": ("Kopfschmerz ohne andere Ursache", "céphalée primaire", "cefalea primaria"),
    "primary headache disorders": ("Kopfschmerzen ohne andere Ursache", "céphalées primaires", "cefaleas primarias"),
    "primary headaches": ("Kopfschmerzen ohne andere Ursache", "céphalées primaires", "cefaleas primarias"),
    "primary Sjögren's syndrome": (
        "primäres Sjögren-Syndrom",
        "syndrome de Sjögren primaire",
        "síndrome de Sjögren primario",
    ),
    "prostate cancer": ("Prostatakrebs", "cancer de la prostate", "cáncer de próstata"),
    "psoriasis": ("Schuppenflechte", "psoriasis", "psoriasis"),
    "pulmonary high blood pressure": ("Lungenhochdruck", "hypertension pulmonaire", "hipertensión pulmonar"),
    "ragweed allergy": ("Ambrosia-Allergie", "allergie à l’ambroisie", "alergia a la ambrosía"),
    "recurrent glioblastoma": ("wiederkehrendes Glioblastom", "glioblastome récidivant", "glioblastoma recurrente"),
    "refractory chronic cluster headache": (
        "chronischer Clusterkopfschmerz, dem Mittel nicht helfen",
        "algie vasculaire de la face chronique réfractaire",
        "cefalea en racimos crónica refractaria",
    ),
    "seasonal allergic rhinitis": ("Heuschnupfen", "rhinite allergique saisonnière", "rinitis alérgica estacional"),
    "seasonal allergic rhinoconjunctivitis": (
        "Heuschnupfen",
        "rhinoconjonctivite allergique saisonnière",
        "rinoconjuntivitis alérgica estacional",
    ),
    "severe asthma": ("schweres Asthma", "asthme sévère", "asma grave"),
    "small cell lung cancer": (
        "kleinzelliger Lungenkrebs",
        "cancer du poumon à petites cellules",
        "cáncer de pulmón de células pequeñas",
    ),
    "soft tissue sarcoma": ("Weichteilsarkom", "sarcome des tissus mous", "sarcoma de tejidos blandos"),
    "solid tumours": ("solide Tumoren", "tumeurs solides", "tumores sólidos"),
    "stroke": ("Schlaganfall", "AVC", "ictus"),
    "triple negative breast cancer": (
        "triple-negativer Brustkrebs",
        "cancer du sein triple négatif",
        "cáncer de mama triple negativo",
    ),
    "triple-negative breast cancer": (
        "triple-negativer Brustkrebs",
        "cancer du sein triple négatif",
        "cáncer de mama triple negativo",
    ),
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
