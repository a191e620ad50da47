"""What a CLIP screen asks: the class to take out, and what else a picture may show.

A picture's value is the softmax over *all* classes, summed over those to take out. So each alternative is a class
of its own: a picture needs to resemble one of them, not their mean. And both sides have as many classes, so that
neither wins by numbers.

To take out a picture by mistake hides a leak; to keep one by mistake costs somebody a look. Where a picture may be
either, its class therefore stands among the others: a painted face is a face (it can be a portrait of somebody),
and so is one that is half hidden; a teenager is no child.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from faceleak_check.policy.screens import ClipKeys

__all__ = ["TEMPLATES", "Classes", "classes_of"]

TEMPLATES = (
    "a photo of {}.",
    "a close-up photo of {}.",
    "a cropped photo of {}.",
    "a blurry photo of {}.",
    "a low resolution photo of {}.",
    "a black and white photo of {}.",
    "a computer-generated image of {}.",
)
"""The sentences in which a class is put; pictures under test are crops, small, grey, and generated."""

_CHILD = ("a baby", "a toddler", "a child", "a little boy", "a little girl")
_NO_CHILD = ("a man", "a woman", "an elderly person", "a teenager", "an object without a person")
_NON_FACE = (
    "an object",
    "an animal",
    "a vehicle",
    "a building",
    "a landscape",
    "a texture",
    "a page of text",
    "the back of a head",
)
_FACE = (
    "the face of a man",
    "the face of a woman",
    "the face of a child",
    "the face of an elderly person",
    "a face seen from the side",
    "a face with glasses",
    "a face that is partly hidden",
    "a painted or drawn face of a person",
)
_KNOWN: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {"child": (_CHILD, _NO_CHILD), "non_face": (_NON_FACE, _FACE)}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Classes:
    """The classes of a zero-shot classifier; each is a tuple of texts that all describe it.

    Attributes:
        rejected: The classes to take out.
        others: What else a picture may show.
        question: What the value is the probability of, with every text that decides it.
    """

    rejected: tuple[tuple[str, ...], ...]
    others: tuple[tuple[str, ...], ...]
    question: str

    @property
    def all(self) -> tuple[tuple[str, ...], ...]:
        """The rejected classes, then the others."""
        return self.rejected + self.others


def classes_of(rule: str, keys: ClipKeys) -> Classes:
    """The classes of a rule: the policy's own texts, or those that are known for it.

    Args:
        rule: The screen's name in the policy.
        keys: Its keys, which have no `clip_problem`.
    """
    if keys.prompts and keys.against:
        return Classes(
            rejected=(keys.prompts,),
            others=tuple((text,) for text in keys.against),
            question=f"{rule}: {_listed(keys.prompts)}, taken together; not one of {_listed(keys.against)}",
        )
    rejected, others = _KNOWN[rule]
    return Classes(
        rejected=tuple(map(_in_sentences, rejected)),
        others=tuple(map(_in_sentences, others)),
        question=f"{rule}: one of {_listed(rejected)}; not one of {_listed(others)}; each in {_listed(TEMPLATES)}",
    )


def _in_sentences(noun: str) -> tuple[str, ...]:
    return tuple(template.format(noun) for template in TEMPLATES)


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(f'"{text}"' for text in texts)
