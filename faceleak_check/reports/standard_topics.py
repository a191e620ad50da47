"""What each text asks for, topic by topic in our own words, and which kinds of checks speak to it.

Clauses are numbered where the contents list of the published text is open to everybody; elsewhere the topic is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from faceleak_check.policy.report_keys import StandardName
from faceleak_check.records import CheckKind
from faceleak_check.reports.about import MATCHED
from faceleak_check.reports.standard_figures import FigureKind

__all__ = ["STANDARDS", "Standard", "Topic"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """One thing that a text asks for.

    Attributes:
        clause: Which part of the text.
        asks: What it asks for, in our words.
        kinds: The kinds of checks whose figures are evidence towards it; none where nothing that a gate measures is.
        figures: Which figures of those cases.
        is_shared: Whether equal figures of several cases are told once.
    """

    clause: str
    asks: str
    kinds: frozenset[CheckKind | None] = frozenset()
    figures: tuple[FigureKind, ...] = ("outcome",)
    is_shared: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Standard:
    """A text and its topics."""

    title: str
    topics: tuple[Topic, ...]


_Kinds = frozenset[CheckKind | None]

_RATES: _Kinds = frozenset({"rate"})
_PEOPLE: _Kinds = frozenset({"people"})
_NEAREST: _Kinds = frozenset({"nearest"})
_COPIES: _Kinds = frozenset({"copies"})
_EXCESS: _Kinds = frozenset({"excess"})
_MEMBERS: _Kinds = frozenset({"members"})
_AWAKE: _Kinds = frozenset({"awake"})
_ALL: _Kinds = frozenset(get_args(CheckKind))

_GDPR = Standard(
    title="GDPR, Recital 26",
    topics=(
        Topic(
            clause="singling out",
            asks="whether a person can be picked out of the data, directly or indirectly",
            kinds=_PEOPLE | _RATES | _NEAREST | _COPIES,
        ),
        Topic(
            clause="means reasonably likely to be used",
            asks="every means that the holder or anybody else is reasonably likely to use to identify a person; "
            "here: comparing faces by a recogniser, or pictures with pictures",
            kinds=_ALL,
            figures=("recogniser",),
            is_shared=True,
        ),
        Topic(
            clause="objective factors: technology",
            asks="the technology there is now, and where it is going; here: how well the recogniser used finds "
            "altered pictures of people that it knows",
            kinds=_AWAKE,
        ),
        Topic(
            clause="objective factors: cost and time",
            asks="what identifying a person would cost, and how long it would take",
        ),
        Topic(
            clause="anonymous information",
            asks="that people are not, or no longer, identifiable; here: matches beyond those that chance gives",
            kinds=_EXCESS | _MEMBERS,
        ),
    ),
)

_EDPB = Standard(
    title="EDPB Opinion 28/2024 on AI models",
    topics=(
        Topic(
            clause="anonymity: extraction from the model",
            asks="that the likelihood of extracting training data from the model itself, probabilistically too, is "
            "insignificant; a gate on generated images does not look into the model",
        ),
        Topic(
            clause="anonymity: personal data obtained from queries",
            asks="that the likelihood of obtaining training data from the model's output, on purpose or not, is "
            "insignificant",
            kinds=_RATES | _NEAREST | _COPIES | _EXCESS,
        ),
        Topic(
            clause="anonymity: of any data subject",
            asks="that this holds for every single person whose data were used, and not on average",
            kinds=_PEOPLE | _NEAREST,
        ),
        Topic(
            clause="testing and resistance to attacks",
            asks="tests against known attacks, such as membership inference, regurgitation of training data and "
            "reconstruction",
            kinds=_MEMBERS | _COPIES,
        ),
        Topic(
            clause="documentation",
            asks="records by which an authority can check the claim: what was tested, how, and with what result",
            kinds=_ALL,
            figures=("sets",),
            is_shared=True,
        ),
    ),
)

_ISO_27559 = Standard(
    title="ISO/IEC 27559:2022",
    topics=(
        Topic(
            clause="6 Context assessment",
            asks="who gets the data, for what, under which controls, and what could threaten them",
        ),
        Topic(
            clause="7.3 Attack modelling",
            asks="the risk of the average record and of the one most at risk",
            kinds=_RATES | _NEAREST,
        ),
        Topic(
            clause="8.2 Assessing identifiability: quantifying",
            asks="a figure of how identifiable people are, against a threshold set beforehand",
            kinds=_RATES | _PEOPLE | _EXCESS,
        ),
        Topic(
            clause="8.2 Assessing identifiability: adversarial testing",
            asks="attempts to identify people, as somebody with a motive would make them",
            kinds=_MEMBERS | _COPIES | _AWAKE,
        ),
        Topic(
            clause="8.3 Mitigation: re-evaluation",
            asks="that the figure is measured anew after a change",
            kinds=_ALL,
            figures=("previous",),
        ),
        Topic(
            clause="9 De-identification governance",
            asks="who decides, by which rules, before and after the data are made available; here: accepted matches",
            kinds=MATCHED | _COPIES,
            figures=("waived",),
        ),
    ),
)

_ISO_19795 = Standard(
    title="ISO/IEC 19795-1:2021",
    topics=(
        Topic(
            clause="system under test",
            asks="what was tested: the recogniser in its exact version, and how it was set",
            kinds=_ALL,
            figures=("recogniser",),
            is_shared=True,
        ),
        Topic(
            clause="false match rate",
            asks="the rate with its threshold, the uncertainty, and the comparisons it was found on",
            kinds=_ALL,
            figures=("fmr",),
            is_shared=True,
        ),
        Topic(
            clause="false positive identification rate",
            asks="the same for a search in a gallery, at the gallery's size",
            kinds=_ALL,
            figures=("fpir",),
            is_shared=True,
        ),
        Topic(
            clause="false non-match rate",
            asks="how often two pictures of one person are not matched; the canaries are altered copies of one "
            "picture, which are easier to match than two pictures",
            kinds=_AWAKE,
        ),
        Topic(
            clause="failures to acquire and to enrol",
            asks="how many images could not be used, and why",
            kinds=_ALL,
            figures=("failures",),
            is_shared=True,
        ),
        Topic(
            clause="test population",
            asks="how many people and images took part",
            kinds=_ALL,
            figures=("population",),
            is_shared=True,
        ),
        Topic(
            clause="uncertainty",
            asks="an interval beside each rate",
            kinds=_RATES | _EXCESS | _MEMBERS,
            figures=("interval",),
        ),
    ),
)

STANDARDS: Mapping[StandardName, Standard] = {
    "gdpr-recital-26": _GDPR,
    "edpb-28-2024": _EDPB,
    "iso-27559": _ISO_27559,
    "iso-19795-1": _ISO_19795,
}
