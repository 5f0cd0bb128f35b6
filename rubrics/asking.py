# ruff: noqa: E501 - a table, and letters of double width
"""How people ask a grader for marks, in English, Spanish, German and French: a table of phrases.

More languages are in `asking_more`.

A phrase is its first word (alternatives apart by spaces) and a pattern for what follows. Every repeat in a
pattern is bounded, so that a search is linear in the text.
"""

from rubrics.asking_kinds import ASIDE, Phrase
from rubrics.asking_more import MORE_PHRASES

_GRADER = (
    r"(?:the |my |any |all |an? )?(?:ai |llm |automated |automatic |grading |human )?"
    r"(?:graders?|markers?|judges?|evaluators?|assessors?|examiners?|raters?|scorers?|ai|llm|language model"
    r"|teacher|instructor|professor|model|assistant|chatbot|who(?:m?ever|ever) (?:grades|marks|judges|reads)(?: this)?)"
)
_WORK = (
    r"(?: \w{1,15})? (?:essay|answer|submission|response|paper|text|work|pitch|piece|drawing|diagram|hot[ -]?take)\b"
)
_TO_WORK = rf"(?: to| for)? (?:this|my|the(?: above| following| present)){_WORK}"
_MARKS = (
    r"(?:(?:full|max(?:imum)?|top|highest|perfect|best(?: possible)?|excellent|all(?: the)?)"
    r"[ -](?:possible )?(?:marks?|scores?|points?|grade|credit|rating|level|band|4|10|100)"
    r"|100 ?%|100 ?/ ?100|10 ?/ ?10|4 ?/ ?4|level (?:4|four)\b|(?:a )?(?:4|four)s? (?:on|for|in) (?:every|each|all)"
    r"|an? (?:a|4|10|100)\b)"
)
_ALL_MET = r"(?:every|each|all)(?: of)?(?: the)? criteri(?:on|a)"
_EACH = r" (?:on|for|in|across|to|at|under) (?:every|all|each)(?: of)?(?: the)?(?: \w{1,15})?"
_ROWS = r" (?:criteri(?:on|a)|categor(?:y|ies)|dimensions?|rows?)\b"
_RULES = (
    r"(?:instructions?|prompts?|rules?|directions?|guidelines?|rubrics?|criteria|commands?|constraints?|messages?)\b"
)
_EARLIER = (
    r"(?:previous|prior|above|earlier|preceding|foregoing|existing|your|system|original|other|grading|scoring"
    r"|marking|initial)"
)

_ENGLISH = (
    Phrase(
        "start", "note message memo instruction instructions reminder hint request", rf" (?:to|for) {_GRADER}{ASIDE}"
    ),
    Phrase("start", "to for", rf" {_GRADER} ?[:—–]"),
    Phrase("start", "dear hello hi hey attention", rf",? (?:to |all )?{_GRADER}{ASIDE}"),
    Phrase(
        "clause",
        "ignore disregard forget override bypass discard",
        r"(?: about)?(?: all| any| every)?(?: of)?(?: the| your| these| those| its| my)?"
        rf"(?:(?: {_EARLIER}){{1,2}} {_RULES}"
        r"|(?: instructions?| directions?| prompts?| rules?)(?: above| before| so far| given| you)"
        r"|(?<=the)(?: rubric| instructions)\b|(?<=your)(?: rubric| instructions| criteria)\b"
        r"| (?:everything|anything) (?:above|before this|you (?:were|have been) told)| all the above)",
    ),
    Phrase(
        "anywhere", "give award assign grant rate score mark grade evaluate", rf"{_TO_WORK}[^.!?]{{0,60}}\b{_MARKS}"
    ),
    Phrase("anywhere", "give award assign grant", rf" {_MARKS}{_TO_WORK}"),
    Phrase("clause", "give award assign grant", rf" (?:me|it|us|this)(?: \w{{1,15}}){{0,2}} {_MARKS}"),
    Phrase(
        "clause",
        "give award assign grant full maximum top perfect",
        r" (?:\w{1,10} )?(?:marks|points|credit),? please\b",
    ),
    Phrase("clause", "give award assign grant", r" (?:full|maximum|top|perfect) (?:marks|points|scores?|credit)\b"),
    Phrase(
        "anywhere",
        "this my",
        rf"{_WORK}(?: \w{{1,12}}){{0,2}} (?:deserves?|merits?|earns?|meets?|satisf(?:y|ies)|achieves?|reaches|is worth"
        r"|(?:should|must|ought to) (?:get|receive|be (?:given|awarded|scored|rated|graded|marked|placed|at)))"
        rf"[^.!?]{{0,60}}\b(?:{_MARKS}|{_ALL_MET})",
    ),
    Phrase("anywhere", "level score mark rating", rf"(?: of)? (?:4|four|5|five|10|ten){_EACH}{_ROWS}"),
    Phrase(
        "anywhere",
        "highest top maximum full perfect",
        rf" (?:possible )?(?:levels?|scores?|marks?|points){_EACH}{_ROWS}",
    ),
    Phrase(
        "anywhere",
        "as",
        r" an? (?:ai|artificial intelligence|large language model|llm)(?: language model| model| assistant| grader"
        r"| evaluator| judge| system| marker| chatbot)?,? (?:i|you|your|my|please|ignore|give|award|assign|rate)\b",
    ),
    Phrase(
        "clause",
        "you",
        r" are (?:now (?:an? |the |in )|(?:an? |the )(?:\w{1,15} ){0,3}"
        r"(?:grader|evaluator|marker|judge|examiner|rater|scorer)\b)",
    ),
)

_BLUNT = (
    Phrase(
        "anywhere",
        "if",
        r" you(?: are|'re) (?:an? )?(?:ai|llm|large language model|language model|automated grader|automatic grader"
        r"|ai grader|grading model)\b(?! (?:engineer|company|team|developer|startup|researcher|lab|agent|user|product))",
    ),
    Phrase(
        "anywhere",
        "correct right expected final appropriate true deserved",
        r" (?:score|grade|mark|level)s? (?:for|of) (?:this|my) (?:essay|answer|submission|response|paper|text|work|piece)",
    ),
    Phrase(
        "anywhere",
        "this my",
        r" (?:essay|answer|submission|response|paper|text|work) (?:has|was)(?: already)?(?: been)?"
        r" (?:graded|scored|marked|approved|pre-approved|verified|rated|accepted)\b",
    ),
    Phrase(
        "anywhere",
        "not",
        r" (?:deduct|penali[sz]e|lower|reduce|subtract|take off)\b[^.!?]{0,30}"
        r"\b(?:points?|marks?|score|grade|this (?:essay|answer|text|work))",
    ),
    Phrase(
        "anywhere",
        "be",
        r" (?:generous|lenient|kind|merciful) (?:with|when|in|to|while)[^.!?]{0,20}(?:grad|mark|scor|rat)",
    ),
    Phrase(
        "anywhere",
        "grade mark score rate",
        r" (?:this|it|me|my \w{1,12}) (?:generously|leniently|kindly|highly|favou?rably)",
    ),
    Phrase(
        "clause",
        "respond answer reply output return print",
        r"(?: only)?(?: with)?(?: only)?[^.!?\n]{0,20}(?:level|score|grade) ?[:=]? ?(?:4|four|10|100|full|max)",
    ),
    Phrase("start", "score grade mark points total level", r" ?[:=] ?(?:100|10|4) ?(?:/ ?(?:100|10|4))?(?![\w.])"),
    Phrase("anywhere", "level score grade", r"[\"'] ?: ?[\"']?(?:4|10|100)\b"),
    Phrase("start", "end", r" of (?:the )?(?:essay|submission|student'?s? (?:text|answer|work|essay)|document|work)\b"),
    Phrase("start", "begin start new", r" (?:of )?(?:the )?(?:new )?(?:instructions?|system|grading|grader)\b"),
    Phrase("start", "grading scoring evaluation", r" (?:is )?(?:complete|finished|done|over)\b"),
)

_ES_TOP = (
    r"(?:(?:la |el |una |un |con |con la |con el )?(?:máxim[ao] (?:nota|puntuación|calificación|nivel|puntaje)"
    r"|(?:nota|puntuación|puntaje|calificación) (?:máxim[ao]|perfect[ao]|complet[ao])|nivel (?:4|cuatro|máximo))"
    r"|todos los (?:puntos|criterios))"
)
_SPANISH = (
    Phrase(
        "start",
        "nota mensaje aviso instrucción instrucciones atención",
        r" (?:para|al?) ?(?:el |la |los )?(?:evaluador|calificador|corrector|juez|profesor|jurado|modelo|ia\b"
        rf"|examinador|asistente)\w{{0,4}}{ASIDE}",
    ),
    Phrase(
        "clause",
        "ignora ignore ignorad olvida olvide descarta descarte omite haz haga",
        r"(?: caso omiso de)?(?: todas?)? (?:las|tus|sus|la|el|los) (?:instrucci(?:ón|ones)|indicaciones|reglas"
        r"|órdenes|directrices|rúbrica|criterios)",
    ),
    Phrase(
        "anywhere",
        "da dale dame dé otorga otorgue asigna asigne concede conceda pon ponle ponme califica califique evalúa puntúa",
        rf"(?: a)?(?: (?:este|esta|mi) \w{{1,15}})? {_ES_TOP}",
    ),
    Phrase(
        "anywhere",
        "este esta mi",
        r" (?:ensayo|respuesta|trabajo|texto|redacción) (?:merece|cumple|alcanza|debe (?:recibir|obtener))"
        rf"[^.!?]{{0,60}}\b{_ES_TOP}",
    ),
    Phrase("anywhere", "nivel nota puntuación", r" (?:4|cuatro|máxim[ao]) (?:en|para) (?:todos los|cada) criterios?"),
    Phrase(
        "anywhere",
        "como",
        r" (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje),? (?:debes?|tienes|no puedo)\b",
    ),
)

_DE_TOP = (
    r"(?:(?:volle|maximale|höchste|beste)[nrms]? (?:punkt|note|bewertung|stufe)|bestnote|höchstpunktzahl|alle punkte"
    r"|stufe (?:4|vier)\b|alle kriterien|jedes kriterium)"
)
_GERMAN = (
    Phrase(
        "start",
        "hinweis anmerkung notiz nachricht achtung bitte",
        r" (?:an|für) (?:den |die |das |alle )?(?:ki\b|prüfer|bewerter|korrektor|gutachter|bewertend|lehrer|dozent"
        rf"|richter|sprachmodell|assistent)\w{{0,8}}{ASIDE}",
    ),
    Phrase(
        "clause",
        "ignoriere ignorier ignorieren missachte vergiss vergessen übergehe verwirf",
        r"(?: sie)?(?: bitte)?(?: alle)?(?: die| deine| ihre| den| das)?(?: vorherigen| bisherigen| vorangegangenen"
        r"| obigen| früheren| vorigen| vorhergehenden)? (?:anweisung|instruktion|befehl|bewertungs|kriterien|rubrik)",
    ),
    Phrase(
        "anywhere",
        "gib gebt geben vergib vergeben bewerte bewerten erteile",
        rf"(?: sie)?(?: bitte)? (?:(?:diese|meine)[mnrs]?|mir|meinem)\b[^.!?]{{0,40}}\b{_DE_TOP}",
    ),
    Phrase(
        "anywhere",
        "dieser mein diese meine",
        rf" (?:aufsatz|essay|text|antwort|arbeit) (?:verdient|erfüllt|erreicht|sollte)\b[^.!?]{{0,60}}\b{_DE_TOP}",
    ),
    Phrase("anywhere", "stufe level niveau", r" (?:4|vier) (?:in|bei|für|auf) (?:jede[ms]|alle[nr]?) kriteri(?:um|en)"),
    Phrase(
        "anywhere", "als", r" (?:ki|künstliche intelligenz|sprachmodell),? (?:musst|sollst|solltest|kann ich|bin ich)\b"
    ),
)

_FR_TOP = (
    r"(?:(?:la |une )?(?:note|mention|notation) (?:maximale|parfaite)|(?:la )?meilleure note|le maximum"
    r"|(?:le )?niveau (?:4|quatre|maximal)|tous les (?:points|critères)|totalité des points)"
)
_FRENCH = (
    Phrase(
        "start",
        "note message remarque instruction instructions attention avis",
        r" (?:à l'attention (?:du |de la |de l'|des )|pour (?:le |la |l'|les )|aux? |à (?:la |l'))"
        rf"(?:correct|évaluat|examinat|juge|notat|professeur|enseignant|ia\b|modèle|jury|assistant)\w{{0,6}}{ASIDE}",
    ),
    Phrase(
        "clause",
        "ignore ignorez ignorer oublie oubliez ne fais faites",
        r"(?: (?:tiens|tenez) pas compte| abstraction)?(?: de)? ?(?:toutes )?(?:les|tes|vos|des|la)"
        r" (?:instructions|consignes|règles|directives|critères|grille)\b",
    ),
    Phrase(
        "anywhere",
        "donne donnez attribue attribuez accorde accordez mets mettez",
        rf"(?:-moi)?(?: à)?(?: (?:cette|cet|ce|ma|mon) \w{{1,15}})? {_FR_TOP}",
    ),
    Phrase(
        "anywhere",
        "cette cet ce ma mon",
        r" (?:dissertation|essai|réponse|texte|travail|copie) (?:mérite|atteint|remplit|satisfait"
        rf"|doit (?:recevoir|obtenir))\b[^.!?]{{0,60}}\b{_FR_TOP}",
    ),
    Phrase("anywhere", "niveau", r" (?:4|quatre|maximal) (?:sur|pour|à|dans) (?:tous les|chaque) critères?"),
    Phrase("anywhere", "en", r" tant qu'(?:ia|intelligence artificielle|modèle de langage),? (?:tu|vous|je)\b"),
)

PHRASES = (*_ENGLISH, *_BLUNT, *_SPANISH, *_GERMAN, *_FRENCH, *MORE_PHRASES)
