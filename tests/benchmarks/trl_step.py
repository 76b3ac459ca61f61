"""The rival of a single-turn step: TRL's ``GRPOTrainer``, taken apart into generation and update."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence

from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer


class _ClockedTrainer(GRPOTrainer):
    """Notes how long each step takes to generate and score."""

    def _generate_and_score_completions(self, inputs):
        start = time.process_time()
        scored = super()._generate_and_score_completions(inputs)
        self.collecting = [*getattr(self, "collecting", ()), time.process_time() - start]
        assert scored["completion_mask"].sum() == scored["completion_mask"].numel()  # none ended early
        return scored


class _Clock(TrainerCallback):
    def __init__(self):
        self.steps: list[float] = []

    def on_step_begin(self, args, state, control, **kwargs):
        self.start = time.process_time()

    def on_step_end(self, args, state, control, **kwargs):
        self.steps.append(time.process_time() - self.start)


def trl_steps(
    path: str, prompts: Sequence[str], group: int, tokens: int, bf16: bool, steps: int, score: Callable[[str], float]
) -> list[tuple[float, float]]:
    """Return ``(seconds to collect, seconds to update)``, of CPU time, of each step.

    Activations are not recomputed, which is faster than TRL's default; completions are forced to their full length; a
    prompt's completions make a micro-batch.

    Args:
        path: model directory.
        prompts: one per group.
        group: completions per prompt.
        tokens: per completion.
        bf16: autocast over float32 weights, TRL's default; else float32.
        steps: to take.
        score: from a completion's text to its reward.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=group,
            gradient_accumulation_steps=len(prompts),
            num_generations=group,
            max_completion_length=tokens,
            generation_kwargs={"min_new_tokens": tokens},
            bf16=bf16,
            gradient_checkpointing=False,
            max_steps=steps,
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        clock = _Clock()
        trainer = _ClockedTrainer(
            AutoModelForCausalLM.from_pretrained(path, dtype="float32"),
            reward_funcs=lambda completions, **_: [score(text) for text in completions],
            args=config,
            train_dataset=Dataset.from_dict({"prompt": list(prompts)}),
            processing_class=AutoTokenizer.from_pretrained(path),
            callbacks=[clock],
        )
        trainer.train()
        return [(collect, whole - collect) for collect, whole in zip(trainer.collecting, clock.steps, strict=True)]
