"""What is tested most, by its name in each language; what is missing here stays English, in quotation marks."""

from __future__ import annotations

from functools import cache

__all__ = ["common_name", "is_common_name"]

_LANGUAGES = {"de": 0, "fr": 1, "es": 2}
_NAMES = {
    "acupuncture": ("Akupunktur", "acupuncture", "acupuntura"),
    "allergen specific immunotherapy": (
        "spezifische Immuntherapie",
        "immunothérapie allergénique",
        "inmunoterapia con alérgenos",
    ),
    "allergy test": ("Allergietests", "tests d’allergie", "pruebas de alergia"),
    "amino acid based formula": (
        "Säuglingsnahrung aus Aminosäuren",
        "lait à base d’acides aminés",
        "fórmula a base de aminoácidos",
    ),
    "amino acid formula": (
        "Säuglingsnahrung aus Aminosäuren",
        "lait à base d’acides aminés",
        "fórmula a base de aminoácidos",
    ),
    "antiangiogenic medicines": (
        "Mittel gegen neue Blutgefäße",
        "médicaments antiangiogéniques",
        "medicamentos antiangiogénicos",
    ),
    "antibiotic": ("Antibiotika", "antibiotiques", "antibióticos"),
    "antibiotics": ("Antibiotika", "antibiotiques", "antibióticos"),
    "antihistamine": ("Antihistaminika", "antihistaminiques", "antihistamínicos"),
    "antihistamines": ("Antihistaminika", "antihistaminiques", "antihistamínicos"),
    "apple pectin": ("Apfelpektin", "pectine de pomme", "pectina de manzana"),
    "autologous plasmablasts": ("eigene Plasmablasten", "plasmablastes autologues", "plasmablastos autólogos"),
    "baked milk": ("gebackene Milch", "lait cuit", "leche horneada"),
    "blood pressure": ("Blutdruck", "tension artérielle", "presión arterial"),
    "botulinum toxin type A": ("Botulinumtoxin Typ A", "toxine botulique de type A", "toxina botulínica tipo A"),
    "bronchoscopy": ("Bronchoskopie", "bronchoscopie", "broncoscopia"),
    "chemoradiotherapy": ("Radiochemotherapie", "radiochimiothérapie", "quimiorradioterapia"),
    "chemotherapy": ("Chemotherapie", "chimiothérapie", "quimioterapia"),
    "chewing gum": ("Kaugummi", "chewing-gum", "chicle"),
    "cognitive behavioral therapy": (
        "kognitive Verhaltenstherapie",
        "thérapie cognitivo-comportementale",
        "terapia cognitivo-conductual",
    ),
    "combination therapy": ("Kombinationstherapie", "association de traitements", "terapia combinada"),
    "computed tomography": ("Computertomografie", "scanner", "tomografía computarizada"),
    "corticosteroids": ("Kortikosteroide", "corticoïdes", "corticoides"),
    "cow's milk": ("Kuhmilch", "lait de vache", "leche de vaca"),
    "education": ("Schulung", "éducation", "educación"),
    "egg": ("Ei", "œuf", "huevo"),
    "exercise": ("Bewegung", "exercice physique", "ejercicio físico"),
    "glucocorticoids": ("Glukokortikoide", "glucocorticoïdes", "glucocorticoides"),
    "hyaluronic acid": ("Hyaluronsäure", "acide hyaluronique", "ácido hialurónico"),
    "immunochemotherapy": ("Immunchemotherapie", "immunochimiothérapie", "inmunoquimioterapia"),
    "immunotherapy": ("Immuntherapie", "immunothérapie", "inmunoterapia"),
    "inhaled budesonide": ("Budesonid zum Inhalieren", "budésonide inhalé", "budesonida inhalada"),
    "inhaled corticosteroids": ("Kortikosteroide zum Inhalieren", "corticoïdes inhalés", "corticoides inhalados"),
    "insect venom": ("Insektengift", "venin d’insecte", "veneno de insecto"),
    "insulin": ("Insulin", "insuline", "insulina"),
    "intermittent fasting": ("Intervallfasten", "jeûne intermittent", "ayuno intermitente"),
    "lumbar fusion": ("Versteifung der Lendenwirbelsäule", "arthrodèse lombaire", "fusión lumbar"),
    "lumbar interbody fusion": ("Versteifung der Lendenwirbelsäule", "arthrodèse lombaire", "artrodesis lumbar"),
    "magnesium sulfate": ("Magnesiumsulfat", "sulfate de magnésium", "sulfato de magnesio"),
    "magnetic resonance imaging": ("Magnetresonanztomografie (MRT)", "IRM", "resonancia magnética"),
    "melatonin": ("Melatonin", "mélatonine", "melatonina"),
    "milk": ("Milch", "lait", "leche"),
    "milk powder": ("Milchpulver", "lait en poudre", "leche en polvo"),
    "monoclonal antibody": ("monoklonaler Antikörper", "anticorps monoclonal", "anticuerpo monoclonal"),
    "oral food challenge": (
        "Nahrungsmittel-Provokationstest",
        "test de provocation orale",
        "prueba de provocación oral",
    ),
    "omega-3 fatty acids": ("Omega-3-Fettsäuren", "acides gras oméga-3", "ácidos grasos omega-3"),
    "oral immunotherapy": ("orale Immuntherapie", "immunothérapie orale", "inmunoterapia oral"),
    "oxygen": ("Sauerstoff", "oxygène", "oxígeno"),
    "oxygen therapy": ("Sauerstofftherapie", "oxygénothérapie", "oxigenoterapia"),
    "peak nasal inspiratory flow": (
        "Messung des Luftstroms durch die Nase",
        "mesure du débit d’air par le nez",
        "medición del flujo de aire por la nariz",
    ),
    "peanut": ("Erdnuss", "arachide", "cacahuete"),
    "peanut flour": ("Erdnussmehl", "farine d’arachide", "harina de cacahuete"),
    "peanut immunotherapy": ("Erdnuss-Immuntherapie", "immunothérapie à l’arachide", "inmunoterapia con cacahuete"),
    "peanuts": ("Erdnüsse", "arachides", "cacahuetes"),
    "physical therapy": ("Physiotherapie", "kinésithérapie", "fisioterapia"),
    "physiotherapy": ("Physiotherapie", "kinésithérapie", "fisioterapia"),
    "platelet-rich plasma": ("plättchenreiches Plasma", "plasma riche en plaquettes", "plasma rico en plaquetas"),
    "polysomnography": ("Schlafuntersuchung im Labor", "polysomnographie", "polisomnografía"),
    "prebiotics": ("Präbiotika", "prébiotiques", "prebióticos"),
    "pregnancy test": ("Schwangerschaftstest", "test de grossesse", "prueba de embarazo"),
    "probiotic": ("Probiotika", "probiotiques", "probióticos"),
    "probiotics": ("Probiotika", "probiotiques", "probióticos"),
    "radiation": ("Bestrahlung", "radiothérapie", "radioterapia"),
    "radiation therapy": ("Strahlentherapie", "radiothérapie", "radioterapia"),
    "radiotherapy": ("Strahlentherapie", "radiothérapie", "radioterapia"),
    "skin prick test": ("Pricktest auf der Haut", "prick-test cutané", "prueba cutánea (prick)"),
    "spine surgery": ("Wirbelsäulenoperation", "chirurgie du rachis", "cirugía de columna"),
    "spirometry": ("Lungenfunktionsmessung", "spirométrie", "espirometría"),
    "sublingual immunotherapy": (
        "Immuntherapie unter der Zunge",
        "immunothérapie sublinguale",
        "inmunoterapia sublingual",
    ),
    "surgery": ("Operation", "chirurgie", "cirugía"),
    "systemic corticosteroids": ("Kortikosteroide", "corticoïdes par voie générale", "corticoides sistémicos"),
    "transforaminal lumbar interbody fusion": (
        "Versteifung der Lendenwirbelsäule (TLIF)",
        "arthrodèse lombaire (TLIF)",
        "artrodesis lumbar (TLIF)",
    ),
    "vitamin D": ("Vitamin D", "vitamine D", "vitamina D"),
    "vitamin D3": ("Vitamin D3", "vitamine D3", "vitamina D3"),
    "wheat": ("Weizen", "blé", "trigo"),
    "yoga": ("Yoga", "yoga", "yoga"),
}
_BY_SMALL = {name.lower(): names for name, names in _NAMES.items()}


def is_common_name(name: str, language: str) -> bool:
    """Tell whether a name is one that :func:`common_name` returns in a language."""
    return name in _told(language)


@cache
def _told(language: str) -> frozenset[str]:
    return frozenset(names[_LANGUAGES[language]] for names in _NAMES.values())


def common_name(name: str, language: str) -> str | None:
    """Return how an English name of a treatment is called in a language; None where nobody wrote it down."""
    found = _BY_SMALL.get(name.lower())
    return found[_LANGUAGES[language]] if found and language in _LANGUAGES else None
