"""Which words and phrases is a text about?

Two published methods, joined. Candidates are found as in RAKE (S. Rose, D. Engel, N. Cramer, W. Cowley, "Automatic
keyword extraction from individual documents", in: Text Mining: Applications and Theory, Wiley 2010, 1–20): the runs
of words between stop words and punctuation. They are weighed by the five word features of YAKE (R. Campos et al.,
"YAKE! Keyword extraction from single documents using multiple local features", Information Sciences 509, 2020,
257–289): case, position, frequency, relatedness to context, and spread over sentences. Nothing is learned, nothing
is loaded, the same text has always the same keywords.

Where it departs from them: a run of more than three words yields its windows of up to three; of phrases nested in
each other one is kept; words known to be common in the collection count for less (K. Spärck Jones, "A statistical
interpretation of term specificity", Journal of Documentation 28, 1972, 11–21). Stop lists: English always, and
German, French, Italian and Spanish by sentence. Languages written without spaces are beyond it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from math import log, prod
from statistics import fmean, median, pstdev

from jobs.workers.stop_words import stop_words_of

LONGEST_PHRASE = 3
LONGEST_WORD = 40
"""Characters; what is longer is a hash or an encoded blob."""

_BLANKED = re.compile(
    r"```.*?(?:```|\Z)"  # fenced code
    r"|!\[[^\]\n]*\]\([^)\s]*\)"  # images
    r"|(?<=\])\([^)\s]*\)"  # link targets
    r"|</?[A-Za-z!][^<>\n]{0,500}>"  # HTML tags
    r"|\b[A-Za-z][A-Za-z0-9+.-]{0,20}://\S+|\bwww\.\S+|\b\S{1,80}@\S+\.\w+",  # addresses
    re.DOTALL,
)
_SENTENCE_END = re.compile(r"[.!?…:]+(?=\s|$)|\n\s*\n|\n(?=\s*(?:[-*+|>#]|\d+[.)])\s)")
_WORD = re.compile(r"\w(?:[\w\u0300-\u036f'’.+#&-]*[\w\u0300-\u036f+#])?|\S")


@dataclass(frozen=True)
class Keyword:
    """A phrase as the text writes it, and how sure it is, from 1.0 downwards (see :func:`keywords`)."""

    keyword: str
    confidence: float


@dataclass
class _Word:
    """What YAKE looks at for one word."""

    count: int = 0
    capitals: int = 0
    acronyms: int = 0
    sentences: list[int] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def score(self, typical_count: float, top_count: int, sentence_total: int) -> float:
        """YAKE's S(t): the smaller, the more telling."""
        case = max(self.capitals, self.acronyms) / (1 + log(self.count))
        position = log(log(3 + median(self.sentences)))
        spread = len(self.sentences) / sentence_total
        variety = sum(len(side) / side.total() for side in (self.left, self.right) if side)
        relatedness = 1 + variety * self.count / top_count
        frequency = self.count / typical_count
        return relatedness * position / (case + frequency / relatedness + spread / relatedness)


@dataclass
class _Text:
    words: dict[str, _Word]
    phrases: Counter[tuple[str, ...]]
    alone: Counter[tuple[str, ...]]
    forms: dict[tuple[str, ...], Counter[str]]
    sentence_total: int


def keywords(
    text: str,
    limit: int = 10,
    *,
    title: str = "",
    tags: Collection[str] = (),
    common: Collection[str] = frozenset(),
) -> list[Keyword]:
    analysed = _analyse(_without_markup(text, title))
    if not analysed.words:
        return []
    scores = _word_scores(analysed)
    known = {_normal(tag.replace("_", " ").split()) for tag in tags}
    ranked = sorted(
        (
            (prod(scores[w] for w in p) / (n * (1 + sum(scores[w] for w in p))), i, p)
            for i, (p, n) in enumerate(analysed.phrases.items())
            if _normal(p) not in known
        ),
    )
    return [(" ".join(p), round(s,4), analysed.phrases[p]) for s, i, p in ranked][:limit]


def _without_markup(text: str, title: str) -> str:
    text = unicodedata.normalize("NFC", text)
    title = unicodedata.normalize("NFC", title).strip()
    if title:
        text = re.sub(rf"(?<!\w){re.escape(title)}(?!\w)", " | ", text)
    return _BLANKED.sub(" | ", text)


def _analyse(text: str) -> _Text:
    analysed = _Text({}, Counter(), Counter(), {}, 0)
    for number, sentence in enumerate(_SENTENCE_END.split(text)):
        tokens = [_trimmed(token) for token in _WORD.findall(sentence)]
        lower = [t.lower() for t in tokens]
        if not tokens:
            continue
        analysed.sentence_total += 1
        stop = stop_words_of(lower)
        content = [_is_content(w) and w not in stop for w in lower]
        run = []
        for i, w in enumerate(lower):
            if content[i]:
                word = analysed.words.setdefault(w, _Word())
                word.count += 1
                word.capitals += i > 0 and tokens[i][0].isupper()
                word.acronyms += len(w) > 1 and tokens[i].isupper()
                if not word.sentences or word.sentences[-1] != number:
                    word.sentences.append(number)
                if i and lower[i-1][0].isalnum(): word.left[lower[i - 1]] += 1
                if i + 1 < len(lower) and lower[i+1][0].isalnum(): word.right[lower[i + 1]] += 1
                run.append(tokens[i])
            elif run:
                _add(analysed, run); run = []
        if run: _add(analysed, run)
    return analysed

def _add(a, run):
    low=tuple(w.lower() for w in run)
    n=len(run)
    sizes=[n] if n<=LONGEST_PHRASE else range(1, LONGEST_PHRASE+1)
    sizes=range(1,min(n,3)+1)
    for k in sizes:
        for i in range(n-k+1):
            p=low[i:i+k]
            a.phrases[p]+=1
            a.forms.setdefault(p,Counter())[" ".join(run[i:i+k])]+=1
    a.alone[low]+=1

def _trimmed(t):
    for e in ("'s","’s"):
        if t.endswith(e): return t[:-2]
    return t
def _is_content(w):
    return not w[0].isdigit() and len(w)<=LONGEST_WORD and sum(map(str.isalpha,w))>=2

def _word_scores(a):
    counts=[w.count for w in a.words.values()]
    typ=fmean(counts)+pstdev(counts); top=max(counts)
    return {k:w.score(typ,top,a.sentence_total) for k,w in a.words.items()}
def _normal(p):
    return tuple(_singular(w.lower()) for w in p)
def _singular(w):
    if len(w)>4 and w.endswith("ies"): return w[:-3]+"y"
    if len(w)>3 and w.endswith("s") and not w.endswith("ss"): return w[:-1]
    return w
