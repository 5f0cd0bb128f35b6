"""What judging costs: calls, tokens and money an essay by Claude, on the accounting of the API's stub; the offline
judges' speed; the trained judge's fit; memory.

Usage: python bench/judges.py. Prints JSON. The answers of the stub are as long as a judge's usually are, a token is
four characters, and prices are those of flows/judging/prices.py: the ratios are what to look at. Speeds are CPU times.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figure, cpu_milliseconds, publish
from flows.judging.catalog import get_judge
from flows.judging.claude import ClaudeJudge
from flows.judging.claude_batches import batch_answers, send_batch
from flows.judging.claude_client import forget_clients
from flows.judging.judge import Usage, judge_text, questions_for
from rubrics.checks import find_facts
from rubrics.model import Rubric, load_rubric
from seeds.load import bundled, read_lesson
from tests.flows.judging.anthropic_stub import KEY, ApiStub, Reply, api_stub, criteria_asked, filled_in, work_of

ROOT = Path(__file__).resolve().parent.parent
MODEL = "claude-sonnet-5-5"
ESSAYS = 25
CHECKED = 40
FITS = (50, 200, 1000)
SCORED = 50
WORDS = 350


def main() -> None:
    """Measure and print."""
    rubric = load_rubric("durable-workflows-essay")
    text = next(item.samples[0].text for item in read_lesson(bundled()[0]).items if item.id == "essay")
    figures = [*costs(rubric, text), *offline(rubric, text), *trained(), *memory()]
    conditions = f"{ESSAYS} essays of {len(text.split())} words to {MODEL} on loopback; offline: CPU on one core"
    publish("judges", conditions, figures)


# ---- Claude --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spent:
    """What a set took."""

    calls: int
    usage: Usage

    @property
    def sent(self) -> int:
        """Tokens in, cached or not."""
        used = self.usage
        return used.input_tokens + used.cache_read_tokens + used.cache_write_tokens


@contextmanager
def claude(caching: bool) -> Iterator[ApiStub]:
    """The stub, answering level 2 with two quotes and a comment for each criterion."""
    with api_stub() as stub:
        os.environ |= {"ANTHROPIC_BASE_URL": stub.address, "ANTHROPIC_API_KEY": KEY}
        forget_clients()
        stub.caching, stub.script = caching, usual
        yield stub


def usual(request: dict[str, Any]) -> Reply:
    """An answer of the usual length."""
    words = work_of(request).split()
    quotes = (" ".join(words[:20]), " ".join(words[40:62]))
    comment = (
        "It says what survives and by which mechanism; for the next level it has to say what that costs, and when. "
    )
    return filled_in(request, dict.fromkeys(criteria_asked(request), (2, *quotes)), comment=comment * 2)


def one_by_one(name: str, rubric: Rubric, texts: list[str], *, caching: bool = True) -> Spent:
    """Each essay after the other, as the flow asks."""
    with claude(caching) as stub:
        judge, total = get_judge(name), Usage()
        for text in texts:
            total += Usage(**judge_text(judge, rubric, text).usage)
        return Spent(len(stub.asked), total)


def by_batch(name: str, rubric: Rubric, texts: list[str]) -> Spent:
    """All questions in one batch; its answers find the cache warm in any order."""
    with claude(caching=True) as stub:
        judge, total = get_judge(name), Usage()
        assert isinstance(judge, ClaudeJudge)
        asked = [
            one for text in texts for one in questions_for(judge, rubric, text, find_facts(text, rubric), scope="")
        ]
        batch = send_batch(judge, {one.fingerprint: one.request for one in asked})
        for _, answer in batch_answers(judge, batch):
            total += answer.usage
        return Spent(len(stub.asked), total)


def costs(rubric: Rubric, text: str) -> list[Figure]:
    """Calls, tokens and cents an essay in each way of asking, beside one call a criterion without any cache."""
    texts = [f"{text} Essay {number}." for number in range(ESSAYS)]
    criterion, sheet = f"claude:{MODEL}", f"claude:{MODEL},per=sheet"
    plain = one_by_one(criterion, rubric, texts, caching=False)
    ways = {
        "a call a criterion, no cache": plain,
        "a call a criterion": one_by_one(criterion, rubric, texts),
        "a call a criterion, the first essay": one_by_one(criterion, rubric, texts[:1]),
        "a call a criterion, by batch": by_batch(criterion, rubric, texts),
        "one call a sheet, no cache": one_by_one(sheet, rubric, texts, caching=False),
        "one call a sheet": one_by_one(sheet, rubric, texts),
        "one call a sheet, by batch": by_batch(sheet, rubric, texts),
    }
    figures = []
    for name, spent in ways.items():
        count = 1 if "first" in name else ESSAYS
        base = "a call a criterion, no cache"
        figures += [
            Figure(f"{name}: calls an essay", spent.calls / count, "calls", plain.calls / ESSAYS, base),
            Figure(f"{name}: tokens in", spent.sent / count, "tokens", plain.sent / ESSAYS, base),
            Figure(
                f"{name}: of them not cached",
                (spent.sent - spent.usage.cache_read_tokens) / count,
                "tokens",
                plain.sent / ESSAYS,
                base,
            ),
            Figure(
                f"{name}: tokens out",
                spent.usage.output_tokens / count,
                "tokens",
                plain.usage.output_tokens / ESSAYS,
                base,
            ),
            Figure(f"{name}: price", spent.usage.usd / count * 100, "cents", plain.usage.usd / ESSAYS * 100, base),
        ]
    return figures


# ---- offline -------------------------------------------------------------------------------------------------


def offline(rubric: Rubric, text: str) -> list[Figure]:
    """The checklist beside the facts alone, which every judge needs."""
    judge = get_judge("checklist")
    texts = [f"{text} Essay {number}." for number in range(CHECKED)]
    judge_text(judge, rubric, text)  # patterns are compiled once a process
    facts = cpu_milliseconds(lambda: [find_facts(f"{one} again", rubric) for one in texts]) / CHECKED
    whole = cpu_milliseconds(lambda: [judge_text(judge, rubric, one) for one in texts]) / CHECKED
    per_second = Figure("checklist: essays a second", 1000 / whole, "essays", 1000 / facts, "the facts alone")
    return [Figure("checklist: an essay", whole, "ms", facts, "the facts alone"), per_second]


def made_up(count: int) -> tuple[list[str], list[float]]:
    """Texts of some 350 words whose quality shows in their words."""
    chance = random.Random(0)
    common = [f"w{number}" for number in range(4000)]
    texts, levels = [], []
    for place in range(count):
        level = place % 5
        size = int(WORDS * (0.6 + 0.2 * level) * chance.uniform(0.8, 1.2))
        words = [common[min(3999, int(chance.expovariate(1 / (200 + 120 * level))))] for _ in range(size)]
        texts.append(" ".join(word + ("." if chance.random() < 0.07 else "") for word in words))
        levels.append(float(level))
    return texts, levels


def trained() -> list[Figure]:
    """Fitting and scoring, beside scikit-learn's ridge on the same words alone."""
    return [figure for count in FITS for figure in fitted(*made_up(count))]


def fitted(texts: list[str], levels: list[float]) -> list[Figure]:
    """One size of table."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import RidgeCV

    from flows.judging.training import Scale, scores, train

    fresh, _ = made_up(SCORED)
    held: list[Any] = []
    words, model = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), RidgeCV()

    def fit(cross_validate: bool) -> None:
        held[:] = [train(texts, {"s": levels}, {"s": Scale(0, 4)}, cross_validate=cross_validate)]

    base = cpu_milliseconds(lambda: model.fit(words.fit_transform(texts), levels)) / 1000
    alone = cpu_milliseconds(lambda: fit(False)) / 1000
    validated = cpu_milliseconds(lambda: fit(True)) / 1000
    scores(held[0], fresh[:1])  # its vocabularies are made ready once a process
    one = cpu_milliseconds(lambda: [scores(held[0], [text]) for text in fresh]) / SCORED
    plain = cpu_milliseconds(lambda: model.predict(words.transform(fresh))) / SCORED
    name = f"trained, {len(texts):,} sheets"
    return [
        Figure(f"{name}: fit", alone, "s", base, "ridge alone"),
        Figure(f"{name}: fit and five folds", validated, "s", base, "ridge alone"),
        Figure(f"{name}: an essay", one, "ms", plain, "ridge alone, all at once"),
    ]


# ---- memory --------------------------------------------------------------------------------------------------

# The high-water mark of the process itself: getrusage's would begin with that of whoever started it.
_PEAK = "print(next(int(line.split()[1]) / 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')))"
_SETUP = "from rubrics.model import load_rubric; rubric = load_rubric('durable-workflows-essay')\n"
_JUDGED = (
    _SETUP
    + "from flows.judging.catalog import get_judge\nfrom flows.judging.judge import judge_text\n"
    + "judge = get_judge({name!r})\njudge_text(judge, rubric, 'A worker dies and the history brings it back. ' * 60)\n"
)
_FITTED = (
    "from bench.judges import made_up\nfrom flows.judging.training import Scale, train\n"
    "texts, levels = made_up(1000)\ntrain(texts, {'s': levels}, {'s': Scale(0, 4)}, cross_validate=False)\n"
)


def memory() -> list[Figure]:
    """The largest resident size of a process that only judges (Linux)."""
    if not Path("/proc/self/status").exists():
        return []
    bare = peak(_SETUP)
    rows = {
        "checklist": _JUDGED.format(name="checklist"),
        "Claude's client": _SETUP + "import flows.judging.claude\n",
        "trained, fitting 1,000 sheets": _FITTED,
    }
    return [Figure(f"memory: {name}", peak(code), "MB", bare, "the rubrics alone") for name, code in rows.items()]


def peak(code: str) -> float:
    """MB of a process that runs this."""
    done = subprocess.run(
        [sys.executable, "-c", code + _PEAK], cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ}
    )
    return float(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
