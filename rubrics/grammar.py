"""What reading needs to know of a language: its numbers, its denials, its inflections, where its sentences end.

English and German are known. Of any other language only figures are: its phrases are then written with `word*`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from rubrics.languages import common_words

Stemmer = Callable[[str], str]

_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}$")


@dataclass(frozen=True)
class Grammar:
    """One language; `after` is how many words behind it a word may be denied."""

    lang: str
    stem: Stemmer = str
    numbers: Mapping[str, int] = field(default_factory=dict)
    ordinals: Mapping[str, int] = field(default_factory=dict)
    negators: frozenset[str] = frozenset()
    after: int = 0
    negators_after: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()  # stems: what a number of them is a measure of, and no place
    no_places: frozenset[str] = frozenset()  # stems: "the second attempt" is no place in a run
    rounds: frozenset[str] = frozenset()  # stems: "attempt 3", "layer 2" is none either
    of: frozenset[str] = frozenset()  # "nine of seventeen"
    small: frozenset[str] = frozenset()  # words that name nothing
    openers: frozenset[str] = frozenset()  # "the", "my": a noun is to come
    no_openers: frozenset[str] = frozenset()  # what never stands right behind one
    nouns_are_capitals: bool = False
    dotted_ordinals: bool = False  # "am 3. Juni"
    abbreviations: frozenset[str] = frozenset()

    def number(self, form: str) -> float | None:
        """The number a word stands for, cardinal or ordinal."""
        return _number(self.lang, form)

    def is_ordinal(self, form: str) -> bool:
        """Whether a word gives a place in an order."""
        return self.ordinal(form) is not None

    def ordinal(self, form: str) -> int | None:
        """The place a word gives in an order."""
        if self.dotted_ordinals and form.endswith(".") and form[:-1].isdigit():
            return int(form[:-1])
        if form[0].isdigit():
            found = re.fullmatch(r"(\d+)(?:st|nd|rd|th|te[nrsm]?)", form)
            return int(found.group(1)) if found else None
        return self.ordinals.get(form)


@lru_cache(maxsize=20_000)
def _number(lang: str, form: str) -> float | None:
    grammar = grammar_of(lang)
    ordinal = grammar.ordinal(form)
    if ordinal is not None:
        return float(ordinal)
    if form in grammar.numbers:
        return float(grammar.numbers[form])
    bare = form.lstrip("$€£").rstrip("%")
    if not _FIGURE.fullmatch(bare) or ":" in bare:
        return None
    grouped = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", bare)
    plain = re.sub(r"[.,]", "", bare) if grouped else bare.replace(",", ".")
    return float(plain) if plain.count(".") < 2 else None


def _split(words: str) -> list[str]:
    return words.split()


def is_clock(form: str) -> bool:
    """Whether a word is a time of day: 06:31."""
    return ":" in form and _CLOCK.match(form) is not None


# ---- English ---------------------------------------------------------------------------------------------------

_ONES = _split(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen "
)
_TENS = _split("twenty thirty forty fifty sixty seventy eighty ninety")
_ONES_TH = _split(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth "
)


def _english_numbers() -> tuple[dict[str, int], dict[str, int]]:
    numbers = {word: at for at, word in enumerate(_ONES, 1)} | {"hundred": 100, "thousand": 1000, "dozen": 12}
    ordinals = {word: at for at, word in enumerate(_ONES_TH, 1)}
    for ten, word in enumerate(_TENS, 2):
        numbers[word] = ten * 10
        ordinals[word[:-1] + "ieth"] = ten * 10
        for one in range(1, 10):
            numbers[f"{word}-{_ONES[one - 1]}"] = ten * 10 + one
            ordinals[f"{word}-{_ONES_TH[one - 1]}"] = ten * 10 + one
    return numbers, ordinals


_IRREGULAR = {
    form: base
    for base, forms in {
        "run": "ran",
        "send": "sent",
        "pay": "paid",
        "lose": "lost",
        "keep": "kept",
        "die": "died dies dying dead",
        "go": "went gone goes",
        "write": "wrote written",
        "begin": "began begun",
        "break": "broke broken",
        "fall": "fell fallen",
        "hold": "held",
        "buy": "bought",
        "choose": "chose chosen",
        "see": "saw seen",
        "say": "said",
        "tell": "told",
        "throw": "threw thrown",
        "wake": "woke woken",
        "do": "did done does",
        "be": "is are was were been being",
        "have": "has had having",
        "make": "made",
        "find": "found",
        "know": "knew known",
        "spend": "spent",
        "think": "thought",
        "read": "reads",
        "rebuild": "rebuilt",
        "resend": "resent",
        "rerun": "reran",
        "redo": "redid redone",
        "forget": "forgot forgotten",
        "catch": "caught",
        "leave": "left",
        "take": "took taken",
        "use": "used using",
        "give": "gave given",
        "come": "came",
        "sleep": "slept",
        "hang": "hung",
        "freeze": "froze frozen",
        "drop": "dropped",
        "get": "got gotten",
        "let": "letting",
        "put": "putting",
        "stand": "stood",
        "lie": "lay lain lies lying",
        "show": "shown",
        "speak": "spoke spoken",
        "ring": "rang rung",
        "mean": "meant",
        "feel": "felt",
        "grow": "grew grown",
        "deny": "denies denied",
        "steer": "steered",
    }.items()
    for form in forms.split()
}


@lru_cache(maxsize=20_000)
def english_stem(word: str) -> str:
    """A light English stem of a lower-case word: inflections go, derivations stay."""
    word = _IRREGULAR.get(word, word).removesuffix("'s").removesuffix("’s")
    if len(word) > 4 and word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    whole = word
    for suffix in ("ing", "ed", "es", "s", "e"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            if suffix == "s" and word.endswith(("ss", "us", "is")):
                break
            word = word[: -len(suffix)]
            break
    if len(word) > 3 and word[-1] == word[-2] and (word[-1] not in "lszf" or (word[-1] == "l" and len(word) > 5)):
        word = word[:-1]
    word = word.removesuffix("e") if len(word) > 3 else word
    return whole if word in _CUT_SHORT else word


_CUT_SHORT = frozenset(["not", "the", "for", "but", "and", "hop"])  # noted, hoped


def _stems(stem: Stemmer, words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words.split())


_NUMBERS, _ORDINALS = _english_numbers()
ENGLISH = Grammar(
    lang="en",
    stem=english_stem,
    numbers=_NUMBERS,
    ordinals=_ORDINALS,
    negators=frozenset(
        _split(
            "no not never without none nothing nobody neither nor cannot hardly rarely avoid avoids lack lacks "
            "noone nowhere unable fails refuses"
        )
    ),
    after=2,
    negators_after=frozenset(["nothing", "none", "nobody", "nowhere"]),
    units=_stems(
        english_stem,
        "second seconds minute minutes hour hours day days week weeks month months year years ms sec secs min mins s h "
        "m am pm a.m p.m o'clock dollar dollars euro euros pound pounds cent cents percent times tokens words people "
        "times attempts tries retries goes percent times per",
    ),
    no_places=_stems(
        english_stem,
        "layer act attempt try time thing one hand place person half quarter day week month year night morning "
        "afternoon evening party line sentence paragraph question answer case reason point problem version edition "
        "class generation counterfactual argument objection lesson principle rule half go look glance copy minority "
        "part-time server machine process worker category factor element advantage benefit aspect disadvantage kind "
        "letter report message order entry receipt set pass system language step-up chance mail email opinion",
    )
    - _stems(english_stem, "step"),
    of=frozenset(["of"]),
    rounds=_stems(english_stem, "attempt try retry layer level version time round pass max least most top"),
    small=common_words("en")
    | frozenset(
        _split(
            "without sees wrote above below through since itself themselves once next same another last new old right "
            "nearly around least toward against between within during across along behind per got get gets take takes "
            "took cost costs pay paid wait waits waited doubles exactly roughly almost maybe them first"
        )
    ),
    openers=frozenset(_split("the a an my our your their its every")),
    no_openers=frozenset(
        _split(
            "the a an my our your their its every of and or but is are was were be been has had have will would to in "
            "on at by for from with that which it he she they we i as if not"
        )
    ),
    abbreviations=frozenset(_split("e.g i.e vs cf approx resp incl mr mrs ms dr prof fig eq sec no")),
)

# ---- German ----------------------------------------------------------------------------------------------------

_EINER = _split(
    "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn "
)
_ZEHNER = _split("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_ORDNUNG = _split(
    "erst zweit dritt viert fünft sechst siebt acht neunt zehnt elft zwölft dreizehnt vierzehnt fünfzehnt "
    "sechzehnt siebzehnt achtzehnt neunzehnt "
)


def _german_numbers() -> tuple[dict[str, int], dict[str, int]]:
    numbers = {word: at for at, word in enumerate(_EINER, 1)} | {"hundert": 100, "tausend": 1000, "dutzend": 12}
    stems = {word: at for at, word in enumerate(_ORDNUNG, 1)}
    for ten, word in enumerate(_ZEHNER, 2):
        numbers[word] = ten * 10
        stems[f"{word}st"] = ten * 10
        for one in range(1, 10):
            compound = f"{'ein' if one == 1 else _EINER[one - 1]}und{word}"
            numbers[compound] = ten * 10 + one
            stems[f"{compound}st"] = ten * 10 + one
    ordinals = {f"{word}e{end}": at for word, at in stems.items() for end in ("", "n", "r", "s", "m")}
    return numbers, ordinals


_UNREGELMAESSIG = {
    form: base
    for base, forms in {
        "abbrechen": "abgebrochen abbrach",
        "brechen": "bricht brach brachen gebrochen",
        "fangen": "fängt fing fingen gefangen angefangen",
        "gehen": "geht ging gingen gegangen",
        "geben": "gibt gab gaben gegeben",
        "nehmen": "nimmt nahm nahmen genommen",
        "lesen": "liest las lasen gelesen",
        "schreiben": "schrieb schrieben geschrieben",
        "sehen": "sieht sah sahen gesehen",
        "sterben": "stirbt starb starben gestorben",
        "lassen": "lässt ließ ließen gelassen",
        "laufen": "läuft lief liefen gelaufen",
        "stehen": "steht stand standen gestanden",
        "halten": "hält hielt hielten gehalten angehalten",
        "verlieren": "verliert verlor verloren",
        "beginnen": "beginnt begann begannen begonnen",
        "bleiben": "bleibt blieb blieben geblieben",
        "finden": "findet fand fanden gefunden",
        "rufen": "ruft rief riefen gerufen",
        "schicken": "schickt schickte geschickt verschickt verschicken",
        "werfen": "wirft warf geworfen",
        "fallen": "fällt fiel fielen gefallen ausgefallen",
        "bekommen": "bekommt bekam bekamen",
        "ablehnen": "abgelehnt ablehnt",
        "wiederholen": "wiederholt wiederholte",
        "speichern": "speichert gespeichert speicherte",
        "sein": "ist sind war waren gewesen",
        "haben": "hat hatte hatten gehabt",
        "werden": "wird wurde wurden geworden",
        "müssen": "muss musste mussten",
        "dürfen": "darf durfte durften dürfen",
        "können": "kann konnte konnten",
        "sollen": "soll sollte sollten",
        "schlafen": "schläft schlief",
        "ruhen": "ruht ruhte",
        "treten": "tritt trat traten getreten",
        "ziehen": "zog zogen gezogen",
        "wissen": "weiß wusste wussten gewusst",
        "anhängen": "angehängt",
        "freigeben": "freigegeben freigibt",
    }.items()
    for form in forms.split()
}
_UMLAUTS = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})


@lru_cache(maxsize=20_000)
def german_stem(word: str) -> str:
    """A light German stem: endings of nouns, adjectives and regular verbs go, umlauts are levelled."""
    word = _UNREGELMAESSIG.get(word, word)
    word = word.translate(_UMLAUTS)
    if word.endswith(("nis", "nisse", "nissen", "nisses")):
        return word[: word.rindex("nis") + 3]
    if len(word) > 6 and word.startswith("ge") and word.endswith("t"):
        word = word[2:]
    for suffix in (
        "ern",
        "est",
        "tet",
        "ten",
        "tes",
        "ter",
        "tem",
        "em",
        "en",
        "er",
        "es",
        "st",
        "te",
        "t",
        "e",
        "n",
        "s",
    ):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


_ZAHLEN, _ORDNUNGEN = _german_numbers()
GERMAN = Grammar(
    lang="de",
    stem=german_stem,
    numbers=_ZAHLEN,
    ordinals=_ORDNUNGEN,
    negators=frozenset(
        _split("nicht kein keine keinen keiner keinem keines nie niemals ohne nichts niemand weder noch kaum nirgends")
    ),
    after=2,
    negators_after=frozenset(_split("nicht nichts kein keine keinen keinem keiner nie")),
    units=_stems(
        german_stem,
        "sekunde sekunden minute minuten stunde stunden tag tage tagen woche wochen monat monate monaten jahr jahre "
        "jahren uhr euro euros dollar cent prozent mal versuche versuchen versuch ms s h min wörter leute prozent",
    ),
    no_places=_stems(
        german_stem,
        "schicht akt versuch mal ding hand person hälfte tag woche monat jahr nacht morgen abend satz absatz frage "
        "antwort fall grund punkt problem fassung linie stelle argument einwand regel blick kopie rechner server "
        "prozess vorteil nachteil januar februar märz april mai juni juli august september oktober november dezember "
        "brief bericht nachricht durchgang durchlauf",
    ),
    of=frozenset(["von"]),
    rounds=_stems(german_stem, "versuch schicht stufe version mal runde durchgang"),
    small=common_words("de"),
    openers=frozenset(_split("ein eine einen einem einer eines dem den des im am vom zum zur ins beim")),
    no_openers=frozenset(
        _split(
            "ein eine einen einem einer eines der die das und oder aber ist sind war wird wurde hat in auf von für zu "
            "mit nicht es er sie sich ich wir man wenn dass als auch noch nur so im am vom zum zur beim"
        )
    ),
    nouns_are_capitals=True,
    dotted_ordinals=True,
    abbreviations=frozenset(_split("z b u a d h s o v bzw ca etc usw vgl evtl ggf inkl nr str dr prof max min zzgl")),
)

_GRAMMARS = {"en": ENGLISH, "de": GERMAN}


def grammar_of(lang: str) -> Grammar:
    """What is known of a language by its tag; next to nothing of one that is not here."""
    own = lang.split("-")[0].lower()
    return _GRAMMARS.get(own) or _unknown(own)


@lru_cache(maxsize=32)
def _unknown(lang: str) -> Grammar:
    return Grammar(lang=lang, small=common_words(lang))
