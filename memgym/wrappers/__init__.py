"""Wrappers, in Gymnasium's style: shaping, fixed-size features, actions of numbers, and recording.

:class:`Features` turns an observation into arrays, and :class:`ScoreAction`, :class:`KeepAction` or :class:`PickAction`
turns numbers into our JSON, so that Stable-Baselines3, CleanRL or TorchRL learn one phase as they are::

    import gymnasium as gym
    import memgym
    from memgym.wrappers import Features, PickAction

    env = PickAction(Features(gym.make("memgym/RMMReranker-v1", difficulty="easy"), items=20))

What cannot be said in numbers stays with text policies: the text of a memory that is written anew (``read``,
``extract`` beyond whole turns, ``UPDATE`` beyond a candidate's own text) and answers. There the environment's operators
play, or a frozen policy, by the make-arguments (``reader="mypackage:Reader"``).
"""

from memgym.wrappers.actions import KeepAction, PickAction, ScoreAction
from memgym.wrappers.features import Features
from memgym.wrappers.items import Items
from memgym.wrappers.recording import RecordEpisode
from memgym.wrappers.shaping import PotentialShaping

__all__ = ["Features", "Items", "KeepAction", "PickAction", "PotentialShaping", "RecordEpisode", "ScoreAction"]
