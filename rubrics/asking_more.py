# ruff: noqa: E501 - a table, and letters of double width
"""How people ask a grader for marks in Italian, Portuguese, Dutch, Polish, Turkish, Russian and Arabic, by first words,
and in Chinese, Japanese and Korean, which part no words, as patterns of their own."""

import re

from rubrics.asking_kinds import ASIDE, Phrase

_IT_TOP = (
    r"(?:(?:il |la |un |i |con il )?(?:(?:punteggio|voto|livello|valutazione) (?:massim[oa]|pien[oa]|perfett[oa])"
    r"|massim[oa] (?:voto|punteggio|livello|valutazione)|massimo dei voti|pieni voti)|(?:il )?livello (?:4|quattro)\b"
    r"|tutti i (?:punti|criteri)|il massimo\b)"
)
_ITALIAN = (
    Phrase(
        "start",
        "nota messaggio avviso istruzione istruzioni attenzione avvertenza",
        r" (?:per|al?|all'|alla|ai|agli) ?(?:il |lo |la |l'|i |gli )?(?:valutator|corrett|esaminator|giudic|professor"
        rf"|docent|insegnant|ia\b|modello|assistent|commission)\w{{0,6}}{ASIDE}",
    ),
    Phrase(
        "clause",
        "ignora ignorate ignori ignorare dimentica dimenticate tralascia trascura",
        r"(?: pure)?(?: tutte)? (?:le|la|i|gli|il)(?: tue| sue| vostre| tuoi)?(?: precedenti)?"
        r" (?:istruzioni|indicazioni|regole|direttive|criteri|griglia|consegne|rubrica)",
    ),
    Phrase(
        "anywhere",
        "dai date dia dammi assegna assegnate assegni attribuisci attribuite concedi concedete valuta valutate",
        rf"(?: a)?(?: (?:questo|questa|quest'|il mio|la mia|mio|mia) ?\w{{1,15}})?(?: con)? {_IT_TOP}",
    ),
    Phrase(
        "anywhere",
        "questo questa mio mia",
        r" (?:saggio|tema|testo|elaborato|risposta|lavoro|compito|componimento) (?:merita|soddisfa|raggiunge|ottiene"
        rf"|deve (?:ricevere|ottenere|avere))[^.!?]{{0,60}}\b{_IT_TOP}",
    ),
    Phrase(
        "anywhere", "livello voto punteggio", r" (?:4|quattro|massimo) (?:in|per|su) (?:tutti i|ogni|ciascun) criteri"
    ),
    Phrase(
        "anywhere", "come", r" (?:ia|intelligenza artificiale|modello linguistico),? (?:devi|dovete|deve|non posso)\b"
    ),
)

_PT_TOP = (
    r"(?:(?:a |o |uma |um |com a |com )?(?:(?:nota|pontuação|classificação|avaliação) (?:máxima|perfeita|completa|total)"
    r"|nível (?:4|quatro|máximo)|máxima (?:nota|pontuação)|pontuação total)|todos os (?:pontos|critérios))"
)
_PORTUGUESE = (
    Phrase(
        "start",
        "nota mensagem aviso instrução instruções atenção recado",
        r" (?:para|ao?s?|à) ?(?:o |a |os |as )?(?:avaliador|corretor|corrector|examinador|professor|juiz|jurado|ia\b"
        rf"|modelo|assistente|docente)\w{{0,4}}{ASIDE}",
    ),
    Phrase(
        "clause",
        "ignora ignore ignorem ignorar esquece esqueça esqueçam desconsidera desconsidere desconsiderem",
        r"(?: por favor)?(?: todas)? (?:as|os|a|o)(?: suas| tuas| seus)?(?: anteriores)?"
        r" (?:instruções|indicações|regras|diretrizes|critérios|rubrica|orientações|comandos)",
    ),
    Phrase(
        "anywhere",
        "dá dê deem dar atribui atribua atribuam concede conceda avalie avalia",
        rf"(?:-(?:me|lhe|nos))?(?: a| ao)?(?: (?:este|esta|deste|meu|minha|o meu|a minha) ?\w{{1,15}})?(?: com)? {_PT_TOP}",
    ),
    Phrase(
        "anywhere",
        "este esta meu minha",
        r" (?:ensaio|redação|texto|resposta|trabalho|dissertação) (?:merece|cumpre|atende|satisfaz|atinge"
        rf"|deve (?:receber|obter|ter))[^.!?]{{0,60}}\b{_PT_TOP}",
    ),
    Phrase("anywhere", "nível nota pontuação", r" (?:4|quatro|máxim[ao]) (?:em|para) (?:todos os|cada) critérios?"),
    Phrase(
        "anywhere",
        "como",
        r" (?:uma? )?(?:ia|inteligência artificial|modelo de linguagem),? (?:deve|deves|não posso)\b",
    ),
)

_NL_TOP = (
    r"(?:(?:de |het |een )?(?:hoogste|maximale|volledige|beste|volle) (?:score|cijfer|punten|aantal punten|beoordeling"
    r"|niveau|waardering|punt)|niveau (?:4|vier)\b|alle (?:punten|criteria)|het maximum\b|een (?:10|tien)\b)"
)
_DUTCH = (
    Phrase(
        "start",
        "opmerking notitie noot bericht boodschap instructie aanwijzing",
        r" (?:voor|aan) (?:de |het |alle |mijn )?(?:beoordela|correcto|nakijke|docent|leraar|lerares|examinator|jury|ai\b"
        rf"|model|taalmodel|assistent)\w{{0,6}}{ASIDE}",
    ),
    Phrase(
        "clause",
        "negeer vergeet",
        r"(?: a\.?u\.?b\.?| alsjeblieft)?(?: alle)?(?: de| je| jouw| uw)?(?: vorige| eerdere| voorgaande| bovenstaande"
        r"| bestaande)? (?:instructies|aanwijzingen|regels|criteria|opdrachten|rubriek|prompt)",
    ),
    Phrase(
        "anywhere",
        "geef geeft ken",
        rf"(?: aan)? (?:dit|deze|mijn|me|mij)\b[^.!?]{{0,40}}\b{_NL_TOP}",
    ),
    Phrase(
        "anywhere",
        "dit deze mijn",
        rf" (?:essay|tekst|antwoord|opstel|werk|opdracht|betoog|verslag) (?:verdient|voldoet aan|bereikt|hoort)\b"
        rf"[^.!?]{{0,60}}\b{_NL_TOP}",
    ),
    Phrase("anywhere", "niveau score", r" (?:4|vier) (?:op|voor|bij|in) (?:elk|ieder|alle) criteri(?:um|a)"),
    Phrase("anywhere", "als", r" (?:ai|taalmodel|kunstmatige intelligentie) (?:moet|kun|kan) (?:je|u|ik)\b"),
)

_PL_TOP = (
    r"(?:(?:maksymaln|najwyższ|pełn)\w{1,4} (?:ocen|liczb|punkt|not|poziom|wynik|pul)\w{0,6}"
    r"|poziom (?:4|cztery|czwarty)|wszystkie (?:punkty|kryteria)|wszystkim kryteriom|maksimum punktów)"
)
_POLISH = (
    Phrase(
        "start",
        "uwaga wiadomość notatka instrukcja informacja",
        r" (?:do|dla) (?:oceniając|sprawdzając|egzaminator|nauczyciel|sędzi|recenzent|model|ai\b|asystent|wykładowc)"
        rf"\w{{0,6}}{ASIDE}",
    ),
    Phrase(
        "clause",
        "zignoruj zignorujcie ignoruj ignorujcie pomiń zapomnij",
        r"(?: o)?(?: proszę)?(?: wszystkie| wszystkich)?(?: swoje| twoje)?(?: poprzedni\w{1,3}| wcześniejsz\w{1,3}"
        r"| powyższ\w{1,3})? (?:instrukcj|polece|zasad|wytyczn|kryteri|reguł|rubryk)\w{0,6}",
    ),
    Phrase(
        "anywhere",
        "daj dajcie przyznaj przyznajcie wystaw wystawcie oceń oceńcie",
        rf" (?:tej|temu|ten|to|tę|mojej|mojemu|moją|mi)\b[^.!?]{{0,40}}\b{_PL_TOP}",
    ),
    Phrase(
        "anywhere",
        "ten ta to moja mój ta",
        rf" (?:esej|praca|tekst|odpowiedź|wypracowanie) (?:zasługuje|spełnia|osiąga|powin)\w{{0,6}}[^.!?]{{0,60}}\b{_PL_TOP}",
    ),
    Phrase("anywhere", "poziom", r" (?:4|cztery|najwyższy) (?:w|za|dla) (?:każd\w{1,4}|wszystkich) kryteri\w{0,4}"),
)

_TR_TOP = r"(?:tam|en yüksek|maksimum|azami) (?:puan|not|seviye|düzey|derece)\w{0,6}"
_TR_WORK = r"(?:makale|deneme|metin|metn|yazı|cevap|cevab|ödev|kompozisyon|yanıt)\w{0,6}"
_TURKISH = (
    Phrase(
        "start",
        "değerlendiriciye puanlayıcıya notlandırıcıya öğretmene hakeme modele sınav yapay değerlendirene",
        rf"(?: \w{{1,12}})?(?: için)? (?:not|mesaj|uyarı|talimat)\w{{0,3}}{ASIDE}",
    ),
    Phrase(
        "anywhere",
        "önceki yukarıdaki tüm bütün",
        r"(?: tüm| bütün| önceki)? (?:talimat|yönerge|kural|komut|ölçüt|kriter)\w{0,8}"
        r" (?:yok say|görmezden gel|unut|dikkate alma|göz ardı et)(?:ın|in|un|yın|yin|ınız|iniz|unuz)?\b(?!\w)",
    ),
    Phrase("anywhere", "bu", rf" {_TR_WORK} (?:lütfen )?{_TR_TOP} ver\w{{0,6}}"),
    Phrase("clause", "tam lütfen", r"(?: tam)? puan ver(?:in|iniz)?\b"),
    Phrase(
        "anywhere",
        "bu",
        rf" {_TR_WORK}[^.!?]{{0,40}} (?:{_TR_TOP}[^.!?]{{0,12}} (?:hak ed|layık)|(?:tüm|bütün) (?:ölçüt|kriter)\w{{0,6}} karşıl)\w{{0,6}}",
    ),
    Phrase("anywhere", "her tüm bütün", r" (?:ölçüt|kriter)\w{0,6} (?:4|dört|en yüksek|tam) (?:puan|seviye|düzey)?"),
)

_RU_TOP = (
    r"(?:(?:максимальн|высш|наивысш|полн|отличн)\w{1,3} (?:балл|оценк|уров)\w{0,3}|уровень (?:4|четыре)"
    r"|все (?:баллы|критерии)|всем критериям)"
)
_RUSSIAN = (
    Phrase(
        "start",
        "примечание заметка сообщение внимание инструкция указание",
        r",? (?:для )?(?:проверяющ|оценива|экзаменатор|преподавател|учител|судь|ии\b|модел|эксперт|оценщик|жюри|ассистент)"
        rf"\w{{0,6}}{ASIDE}",
    ),
    Phrase(
        "clause",
        "игнорируй игнорируйте проигнорируй проигнорируйте забудь забудьте пропусти",
        r"(?: о| обо| про)?(?: вс\w{1,3})?(?: эти| свои| твои| ваши)?(?: предыдущ\w{1,3}| прежн\w{1,3}| вышеуказанн\w{1,3})?"
        r" (?:инструкц|указани|правил|критери|команд|рубрик)\w{0,4}",
    ),
    Phrase(
        "anywhere",
        "поставь поставьте дай дайте оцени оцените присвой присвойте",
        rf"(?: за)? (?:эт\w{{1,3}}|мо\w{{1,3}}|мне)\b[^.!?]{{0,40}}\b{_RU_TOP}",
    ),
    Phrase(
        "anywhere",
        "это эта этот моё мое моя мой данная данное",
        rf" (?:эссе|сочинен\w{{1,3}}|работ\w{{1,3}}|текст|ответ) (?:заслужива|соответству|отвеча|удовлетвор|достига)\w{{1,4}}"
        rf"[^.!?]{{0,60}}\b{_RU_TOP}",
    ),
    Phrase("anywhere", "уровень", r" (?:4|четыре|максимальный) (?:по|для) (?:каждому|всем) критери\w{1,3}"),
    Phrase("anywhere", "как", r" (?:ии|искусственный интеллект|языковая модель),? (?:ты|вы|я)\b"),
)

_AR_TOP = (
    r"(?:(?:ال)?(?:درجة|علامة|مستوى|نقاط) (?:ال)?(?:كاملة|كامل|قصوى|أقصى|أعلى|اعلى|نهائية|رابع|4)|أعلى (?:درجة|علامة|مستوى)"
    r"|(?:جميع|كل) المعايير|المستوى (?:4|الرابع))"
)
_ARABIC = (
    Phrase(
        "start",
        "ملاحظة رسالة تنبيه تعليمات",
        rf" (?:إلى |الى |ل)(?:ال|ل)?(?:مصحح|مقيم|مقيّم|مدرس|معلم|أستاذ|استاذ|حكم|نموذج|ذكاء)[\w ]{{0,16}}{ASIDE}",
    ),
    Phrase(
        "clause",
        "تجاهل تجاهلي تجاهلوا انس",
        r"(?: جميع| كل)? (?:ال)?(?:تعليمات|أوامر|اوامر|قواعد|معايير|توجيهات)\w{0,6}",
    ),
    Phrase("anywhere", "امنح أعط اعط ضع", rf"[^.!?؟]{{0,40}}{_AR_TOP}"),
    Phrase(
        "anywhere",
        "هذا هذه",
        rf" (?:المقال|النص|الإجابة|الاجابة|العمل|الواجب)\w{{0,3}} (?:يستحق|تستحق|يحقق|تحقق|يستوفي|تستوفي)[^.!?؟]{{0,60}}{_AR_TOP}",
    ),
)

MORE_PHRASES = (*_ITALIAN, *_PORTUGUESE, *_DUTCH, *_POLISH, *_TURKISH, *_RUSSIAN, *_ARABIC)

_ZH_GRADER = (
    r"(?:评分(?:者|员|老师|人)?|阅卷(?:人|老师|者)|评卷(?:人|老师)|考官|评审|评委|老师|AI|人工智能|大?模型|判卷老师)"
)
_ZH_TOP = (
    r"(?:满分|最高分|最高(?:的)?(?:等级|级别|水平|分数)|第?(?:4|四)级|4分|四分|所有(?:的)?(?:评分)?(?:标准|准则|要求))"
)
_BEGIN = r"(?:(?<![^\n])|(?<=[。！？；，：:\n\"“「（(])|(?<=请)|(?<=請)|(?<=务必)|(?<=必须)|(?<=应该))"
_CHINESE = (
    rf"(?:致|写给|请|告|給|给){_ZH_GRADER}[^。！？\n]{{0,6}}[:：,，]",
    rf"{_BEGIN}{_ZH_GRADER}(?:请注意|注意|您好|你好)[:：,，]?",
    rf"{_BEGIN}(?:忽略|无视|忽视|不要理会|不要管|忘记|忘掉|無視)[^。！？\n]{{0,8}}?(?:指令|指示|说明|规则|提示|要求|评分标准|标准|命令)",
    rf"(?:给|给予|打|判|评)(?:这篇|本|我的?|此)[^。！？\n]{{0,10}}{_ZH_TOP}",
    rf"(?:这篇|本|此|我的)(?:文章|作文|论文|答案|回答|作业|文)[^。！？\n]{{0,12}}(?:应得|值得|应该得到|应当得到|符合|达到|满足)[^。！？\n]{{0,10}}{_ZH_TOP}",
    r"(?:每|所有|各)(?:个|项|条)?(?:评分)?(?:标准|评分项|项目|准则)[^。！？\n]{0,6}(?:满分|4分|四分|最高)",
    rf"(?:把|将)(?:这篇|本|我的)[^。！？\n]{{0,10}}(?:评为|打成|判为){_ZH_TOP}",
)
_JA_GRADER = r"(?:採点者|評価者|審査員|先生|試験官|AI|モデル|採点担当)"
_JA_WORK = r"(?:エッセイ|作文|論文|回答|解答|答案|文章|小論文|レポート)"
_JAPANESE = (
    rf"{_JA_GRADER}(?:の方)?(?:(?:へ|宛て?)[:：、。]|への(?:注意|メモ|お願い|指示))",
    r"(?:これまで|以前|上記|前|すべて|全て|今まで)(?:の)?[^。\n]{0,8}(?:指示|命令|ルール|指令|プロンプト|基準)(?:を|は)(?:すべて|全て)?(?:無視し(?:て(?:ください|下さい|、|。|$)|ろ|なさい)|無視せよ|忘れて(?:ください|下さい))",
    rf"(?:この|本|私の){_JA_WORK}(?:に|には|を)[^。\n]{{0,12}}(?:満点|最高点|最高評価|最高の評価|最高レベル|レベル ?4)",
    rf"(?:この|本|私の){_JA_WORK}は[^。\n]{{0,16}}(?:満点|最高|すべての基準|全ての基準|全基準|レベル ?4)[^。\n]{{0,10}}(?:値する|値し|満たし|満たす|ふさわし|達し)",
    r"(?:すべて|全て)の(?:基準|項目)(?:で|に|において)[^。\n]{0,6}(?:4|満点|最高)",
)
_KOREAN = (
    r"(?:채점자|평가자|심사위원|선생님|AI|모델)(?:에게|께)[^.\n]{0,6}[:：,]",
    r"(?:이전|위의|앞의|모든|지금까지의)[^.\n]{0,8}(?:지시|명령|지침|규칙|기준)\w{0,6} ?(?:모두 )?무시(?:하세요|해|하라|하십시오|해주세요)",
    r"(?:이|본|제) ?(?:에세이|글|답안|과제|논술)\w{0,3}[^.\n]{0,12}(?:만점|최고 점수|최고점)",
)
UNSPACED = re.compile("|".join((*_CHINESE, *_JAPANESE, *_KOREAN)))
IS_UNSPACED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
