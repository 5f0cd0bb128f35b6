"""A cheap guess which language a text is in: common small words, and the script it is written in."""

import unicodedata
from collections.abc import Iterable, Sequence

_COMMON = {
    "en": "the of and to in is that it for was on are with as be this by from or have an not but they at which "
    "its will you we so when if then there what has because can their no were been would our my your his her them us "
    "me he she him about after before over again only just than into out up also how all some any more most other "
    "such until while where who which do does did had could should may must each every now here very",
    "es": "el la los las de que y en un una por con para no se del al lo como más pero sus le ya o este porque "
    "cuando muy sin sobre también es son fue ha",
    "de": "der die das und ist nicht ein eine einen einem zu den mit von auf für im sich des dem dass als auch es "
    "an werden aus er hat nach bei wird oder wenn sind noch wie am im beim zum zur ins wir ihr man uns unser unsere "
    "unserem dieser diese dieses diesem jeder jede jedes alle nur schon dann aber doch damit darum deshalb heute "
    "jetzt was wer wo bis über unter vor seit ob kein keine haben hatte war waren wurde einer eines so mehr sein "
    "seine ihre ihr ihm ihn kann muss soll darf durch ohne gegen sobald solange denn also da",
    "fr": "le la les des et est une un du que qui dans pour pas sur avec au ce il plus par ne se sont mais ou cette "
    "ses on aux comme était",
    "it": "il la che di e un una per non sono con del della in le si da dei al come gli anche più ma nel alla questo "
    "è ha o i",
    "pt": "o a os as de que e em um uma para com não por do da no na se mais dos como mas ao das pelo é são foi ou",
    "nl": "de het een en van is dat niet in op te voor met zijn die er aan ook als maar bij om wordt naar dan of uit",
    "sv": "och att det som en är på av för med den inte till ett om har de jag vi kan så men från var när",
    "da": "og at det som en er på af for med den ikke til et om har de jeg vi kan så men fra var når",
    "pl": "i w nie na się że z do jest to jak o co ale po tak za od przez przy już dla są który może",
    "cs": "a se na je v že to s z do o i ale jak pro za by po jsou nebo jako když který není",
    "ro": "și de la în nu a că o cu pe un este se din mai pentru sau care dar prin sunt ca",
    "tr": "ve bir bu da de için ile olarak çok daha gibi ne kadar sonra ama olan değil her",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga ke karena ada atau bisa",
    "fi": "ja on ei se että oli joka mutta ovat kun niin kuin myös tai sen ole jos",
    "hu": "a az és hogy nem is egy ez de meg van ha csak mert azt vagy",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_ENOUGH = 2  # common words of another language that a short English sentence may hold by chance
_SAMPLE = 600
_JUDGED_FROM = 25  # words from which a text without any familiar word is not taken for this language
_AT_HOME = 0.08


def is_in_language(forms: Sequence[str], language: str, known: Iterable[str] = ()) -> bool:
    """Whether lower-case words read as this language; `known` are further words that count as its own.

    In doubt the answer is yes: a short or odd text is still worth reading.
    """
    sample = [form for form in forms[:_SAMPLE] if not form[0].isdigit()]
    if not sample:
        return True
    own = language.split("-")[0].lower()
    if own in _WORDS and _foreign_script(sample):
        return False
    counts = {name: sum(form in words for form in sample) for name, words in _WORDS.items()}
    mine = counts.pop(own, 0)
    best = max(counts.values())
    if best >= _ENOUGH and best > mine * 1.5:
        return False
    if own not in _WORDS or len(sample) < _JUDGED_FROM or mine >= _AT_HOME * len(sample):
        return True
    beginnings = tuple(known)
    at_home = sum(form in _WORDS[own] or form.startswith(beginnings) for form in sample)
    return at_home >= _AT_HOME * len(sample)


def _foreign_script(sample: Sequence[str]) -> bool:
    letters = [letter for form in sample[:200] for letter in form]
    latin = sum("LATIN" in unicodedata.name(letter, "LATIN") for letter in letters)
    return latin < len(letters) / 2


def common_words(language: str) -> frozenset[str]:
    """The small words of a language; empty where it is not known."""
    return _WORDS.get(language.split("-")[0].lower(), frozenset())
