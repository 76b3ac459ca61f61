"""An engine that makes a process group if it finds none, as vLLM does; as a script, a run that torchrun can spread.

``python ranks.py RECIPE [key=value …] [--resume]`` trains.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.distributed as dist

from grpo.distributed import leave
from memagents import validation
from memagents.backends.base import TrainableBackend
from memagents.backends.transformers_backend import TransformersBackend
from memagents.training import Run
from memagents.training_recipes import read_training_recipe
from memgym.playing import Job, Played


class Engine(TransformersBackend):
    """Samples from weights of its own."""

    @classmethod
    def load(cls, model: str) -> Engine:
        if not dist.is_initialized():
            path = os.path.join(tempfile.mkdtemp(), "store")
            dist.init_process_group("gloo", init_method=f"file://{path}", rank=0, world_size=1)
        engine = cls.from_pretrained(model, device="cpu")
        engine.model, engine.model_name = None, model
        return engine

    @torch.no_grad()
    def update_weights(self, named_tensors: Iterable[tuple[str, torch.Tensor]] = ()) -> None:
        mine = dict(self._base.named_parameters())
        for name, tensor in named_tensors:
            mine.pop(name).copy_(tensor)
        assert not mine, f"not handed over: {sorted(mine)}"


class Resident(TransformersBackend):
    """Samples from the trained model and from nothing else."""

    load = classmethod(TransformersBackend.from_pretrained.__func__)
    sample_from_copy = TrainableBackend.sample_from_copy


def main(recipe: str, *settings: str) -> None:
    torch.set_num_threads(1)
    played: list[int] = []
    play = validation.play

    def noted(policy: object, env: object, jobs: Sequence[Job], **options: object) -> Iterator[Played]:
        played.extend(job.index for job in jobs)
        return play(policy, env, jobs, **options)

    validation.play = noted
    resume = "--resume" in settings
    run = Run(read_training_recipe(recipe, [setting for setting in settings if setting != "--resume"]))
    run.train(resume)
    os.write(1, f"rank {run.world.rank} of {run.world.size} validated with {played}\n".encode())
    leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
