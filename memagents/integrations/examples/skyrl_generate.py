"""What SkyRL's trainer does with a batch before it learns: its data set, our generator, its validator; on a CPU.

A small model of ours stands where SkyRL's inference engines are, which need GPUs.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skyrl.train.dataset.dataset import PromptDataset
from skyrl.train.generators.utils import prepare_generator_input
from skyrl.train.utils.trainer_utils import validate_generator_output

from memagents.backends.base import Completion, Sampling
from memagents.backends.transformers_backend import TransformersBackend
from memagents.integrations.skyrl import MemgymGenerator


class Engine:
    """Answers prompts in tokens, as SkyRL's client of its inference engines does."""

    def __init__(self, model: TransformersBackend):
        self._model = model

    async def generate(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return an answer for each prompt of a request."""
        await asyncio.sleep(0)
        params = request["sampling_params"]
        sampling = Sampling(max_tokens=params["max_tokens"], temperature=params["temperature"])
        said: list[Completion] = self._model.generate(request["prompt_token_ids"], sampling)
        return {
            "responses": [each.text for each in said],
            "response_ids": [each.token_ids for each in said],
            "stop_reasons": [each.finish_reason for each in said],
            "response_logprobs": [each.log_probs for each in said],
        }


def batch_of(indices: Sequence[int], group_size: int, tokenizer: Any) -> Any:
    """Return what SkyRL's trainer gives a generator: episodes by their index, each so many times."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.jsonl"
        prompts = [[{"role": "user", "content": f"episode {index}"}] for index in indices]
        rows = [{"prompt": prompt, "index": index} for prompt, index in zip(prompts, indices, strict=True)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        dataset = PromptDataset(str(path), tokenizer, max_prompt_length=64, num_workers=1)
    drawn = dataset.collate_fn([dataset[row] for row in range(len(dataset))])
    sampling = {"temperature": 1.0, "top_p": 1.0}
    return prepare_generator_input(drawn, group_size, sampling, "memgym", "train", global_step=1)[0]


def main(episodes: str = "4", group_size: str = "4") -> None:
    """Generate a batch, and let SkyRL validate it."""
    model = TransformersBackend.from_pretrained("tiny_reader", dtype="float32", device="cpu")
    batch = batch_of(range(int(episodes)), int(group_size), model.tokenizer)
    generator = MemgymGenerator("tiny_reader", Engine(model), model.tokenizer)
    output = asyncio.run(generator.generate(batch))
    validate_generator_output(len(batch["prompts"]), output, step_wise=True)
    returned = [reward for reward, last in zip(output["rewards"], output["is_last_step"], strict=True) if last]
    print(f"{len(output['rewards'])} rows of {len(returned)} rollouts, mean return {sum(returned) / len(returned):.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
