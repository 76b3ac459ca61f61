"""The wording of ``icl``: requests around an invented verb and an invented noun, and talk beside them."""

from __future__ import annotations

REQUESTS = (
    "Could you {verb} the {noun}{tail}?",
    "I would like to {verb} my {noun}{tail}.",
    "How do I {verb} a {noun}{tail}?",
    "Is there any way to {verb} this {noun}{tail}?",
    "Somebody should {verb} the {noun}{tail}.",
    "My {noun} is broken, please {verb} it{tail}.",
    "We forgot to {verb} the {noun}{tail}.",
    "It is time to {verb} our {noun}{tail}.",
    "Who can {verb} the old {noun}{tail}?",
    "Do not {verb} the {noun} until I am back{tail}.",
    "They asked me to {verb} every {noun}{tail}.",
    "What does it cost to {verb} one {noun}{tail}?",
    "Remind me to {verb} the {noun}{tail}.",
    "Why must we {verb} the {noun}{tail}?",
    "This {noun} is new, can you {verb} it{tail}?",
    "First {verb} the {noun}, then call me{tail}.",
    "I tried to {verb} the {noun} but it went wrong{tail}.",
    "Nobody told us how to {verb} such a {noun}{tail}.",
    "You promised to {verb} the {noun}{tail}.",
    "Let us {verb} another {noun}{tail}.",
    "Before you {verb} it, have a look at the {noun}{tail}.",
    "The {noun} cannot wait, so {verb} it today{tail}.",
    "Am I allowed to {verb} the {noun}{tail}?",
    "With this {noun} in hand, how should I {verb} it{tail}?",
)

TAILS = (
    "",
    "",
    " before noon",
    " by Friday",
    " as soon as possible",
    " once more",
    " without any tools",
    " for {person}",
    " the way {person} does",
    " on behalf of {person}",
    " in {town}",
    " while I am in {town}",
    " like they do in {town}",
    " for {number} days",
    " {number} times a week",
    " at {number} percent",
)

CHATTER = (
    "{person} talked about the {noun} all evening.",
    "In {town} they {verb} all day long.",
    "I saw a {noun} in {town} once.",
    "A {noun}? Never heard of it.",
    "My neighbour says that to {verb} is bad luck.",
    "{person} knows {number} jokes about it.",
    "The shop in {town} was closed again.",
    "There were {number} people in front of me.",
    "You should ask {person} to {verb} it.",
    "It rained for {number} days in {town}.",
    "A {noun} costs more in {town}.",
    "Long live whoever can {verb}.",
)
"""Utterances that get no label; some use words of the classes."""

QUESTIONS = (
    'Which label belongs to "{utterance}"?',
    'What is the label of "{utterance}"?',
    'How would "{utterance}" be labelled?',
    'Give the label for "{utterance}".',
)
