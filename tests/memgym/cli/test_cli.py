"""The ``memgym`` command, end to end, as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from memgym.cli import app
from memgym.leaderboard.files import read_result
from memgym.registration import ENVIRONMENTS
from memgym.tasks import TASKS

SCRIPT = shutil.which("memgym", path=str(Path(sys.executable).parent))
COMMAND = [SCRIPT] if SCRIPT else [sys.executable, "-m", "memgym"]

ROW = {
    "id": "mira",
    "sessions": [
        {
            "id": "s1",
            "time": "2024-01-01",
            "turns": [
                {"id": "a", "speaker": "Mira", "text": "I moved to Lisbon [/b] [red]."},
                {"id": "b", "speaker": "Ben", "text": "Nice!"},
            ],
        }
    ],
    "questions": ["Where does Mira [/] live?"],
    "answers": ["Lisbon"],
    "evidence": [["a"]],
    "facts": [{"subject": "Mira", "relation": "home [/]", "value": "Lisbon", "source": "a"}],
}

Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run ``memgym`` in an empty folder and check the exit code; ``rows.json`` lies there."""
    (tmp_path / "rows.json").write_text(json.dumps([ROW]))
    environment = {name: value for name, value in os.environ.items() if name not in ("MEMGYM_DATA", "FORCE_COLOR")}

    def run_command(
        *arguments: str, stdin: str = "", code: int = 0, columns: str = "160"
    ) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={**environment, "COLUMNS": columns, "PYTHONUTF8": "1"},
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run_command


ON_ROWS = ("--set", "task=custom", "--set", "path=rows.json")


def test_the_package_is_the_command(run: Run) -> None:
    command = [sys.executable, "-m", "memgym", "envs", "--help"]
    asked = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout == run("envs", "--help").stdout


def test_envs_lists_environments_tasks_and_suites(run: Run) -> None:
    listing = run("envs").stdout
    for name in (*ENVIRONMENTS, *TASKS, "quick-v2"):
        assert name in listing


def test_tasks_and_suites_of_ones_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tasks.py").write_text(
        "from memgym.episodes import Episode, Question, Section\n"
        "from memgym.tasks import ProceduralTask\n"
        "class Lamp(ProceduralTask):\n"
        "    'Which colour [/b] the lamp has.'\n"
        "    name = 'lamp'\n"
        "    def generate(self, rng, split, index):\n"
        "        question = Question('q1', 'What colour is the lamp?', ('red',), evidence=('s1',))\n"
        "        return Episode(f'lamp-{index}', (question,), (Section('s1', 'The lamp is red.'),))\n"
    )
    (tmp_path / "mine.toml").write_text(
        "name = 'mine-v1'\n[[entries]]\nname = 'lamps'\nenv_id = 'memgym/Longcontext-v1'\n"
        "kwargs = {task = 'mine.tasks:Lamp'}\nepisodes = 2\n"
    )
    listing = run("envs", "--tasks", "mine.tasks").stdout
    assert "mine.tasks:Lamp" in listing
    assert "Which colour [/b] the lamp has." in listing
    assert "cannot load the tasks of module 'mime'" in run("envs", "--tasks", "mime", code=2).stderr
    assert "The lamp is red." in run("inspect", "mine.tasks:Lamp", "--index", "3").stdout
    played = run("play", "memgym/MemoryBank-v1", "--set", "task=mine.tasks:Lamp", stdin="/auto\n" * 9).stdout
    assert "The episode is over" in played

    done = run("evaluate", "baselines:Lexical", "--suite", "mine.toml", "--out", "out")
    assert "mine-v1: answer score" in done.stdout
    refused = run("verify", "out", code=2).stderr
    assert "entry 'lamps': task 'mine.tasks:Lamp' is none of memgym's: --trust-code imports and runs it" in refused
    assert ": verified" in run("verify", "out", "--trust-code").stdout
    lamps = ("--env", "memgym/MemoryBank-v1", "--set", "task=mine.tasks:Lamp", "--episodes", "1")
    run("evaluate", "baselines:Lexical", *lamps)
    (path,) = (tmp_path / "results").iterdir()
    assert path.name.startswith("MemoryBank-v1_task_mine.tasks_Lamp")


# ------------------------------------------------------------------ play


def test_a_person_plays_by_numbers(run: Run) -> None:
    script = "1 9\nall\n/state\nu 1\n1\n1\nLisbon\n"  # a typo at extract and one at update, each mended at once
    shown = run("play", "memgym/MemoryBank-v1", *ON_ROWS, stdin=script).stdout
    assert "  1. Mira: I moved to Lisbon [/b] [red]." in shown
    assert "? there is no turn 9: they are 1 to 2: once more" in shown
    assert shown.count("phase: update") == 2  # shown once more by /state
    assert "? 'u' is no number of a candidate: once more" in shown
    assert "» answer 'Lisbon' scored 1.00; right: Lisbon" in shown
    assert "The episode is over.\n1.00 of 1 answers right, 100%.\nSum of rewards: 1.40" in shown


def test_what_is_typed_wrongly_twice_is_played_and_explained(run: Run) -> None:
    shown = run("play", "memgym/MemoryBank-v1", *ON_ROWS, stdin="I have no idea\nno\nnone\nParis\n").stdout
    assert "! not usable: no JSON object found" in shown
    assert "» answer 'Paris' scored 0.00; right: Lisbon" in shown
    assert "0.00 of 1 answers right" in shown


def test_a_number_of_any_length_can_be_typed(run: Run) -> None:
    script = "9" * 5000 + "\nall\nall\n1\nLisbon\n"
    shown = run("play", "memgym/MemoryBank-v1", *ON_ROWS, stdin=script).stdout
    assert f"? there is no turn {'9' * 40}… (4,960 more): they are 1 to 2: once more" in " ".join(shown.split())
    assert "The episode is over." in shown


def test_a_memory_in_ones_own_words_and_json_are_taken(run: Run) -> None:
    typed = '= Mira lives in Lisbon\n{"operations": [{"id": "c1", "op": "ADD"}]}\nm1\nLisbon\n'
    shown = run("play", "memgym/MemoryBank-v1", *ON_ROWS, stdin=typed).stdout
    assert "1. m1 2024-01-01: Mira lives in Lisbon" in shown
    assert "! not usable" not in shown


def test_the_game_wraps_at_words_and_finds_data_by_its_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "rows.json").rename(tmp_path / "kept" / "rows.json")
    shown = run("play", "memgym/MemoryBank-v1", *ON_ROWS, "--data", "kept", columns="30").stdout
    assert "  1. Mira: I moved to Lisbon" in map(str.rstrip, shown.splitlines())
    assert max(map(len, shown.splitlines())) <= 30


def test_the_autopilot_plays_to_the_end(run: Run) -> None:
    shown = run("play", "memgym/Longcontext-v1", "--seed", "3", stdin="/auto\n" * 10).stdout
    assert "Sum of rewards: " in shown
    assert "! not usable" not in shown


@pytest.mark.parametrize("stdin", ["", "/quit\n"])
def test_leaving_the_game(run: Run, stdin: str) -> None:
    shown = run("play", "memgym/Longcontext-v1", "--index", "3", stdin=stdin).stdout
    assert "phase: read" in shown
    assert "[budget] 0 of 1024 tokens used, counted by 'chars'" in shown
    assert "Left before the end.\nSum of rewards: 0.00" in shown


def test_the_end_of_input_ends_a_memory(run: Run) -> None:
    shown = run("play", "memgym/Longcontext-v1", "--index", "3", stdin="my notes\nin two lines").stdout
    assert "my notes\nin two lines" in shown.split("phase: ")[2]
    assert "Left before the end" in shown


# ------------------------------------------------------------------ evaluate, table, verify


def test_evaluate_table_and_verify_one_environment(run: Run, tmp_path: Path) -> None:
    (tmp_path / "my_policy.py").write_text(
        "import memgym\n"
        "class Lexical(memgym.PhasePolicy):\n"
        "    def __init__(self, reply='Lisbon'):\n"
        "        self.reply = reply\n"
        "    def answer(self, observation):\n"
        "        return self.reply\n"
    )
    options = ("--env", "memgym/MemoryBank-v1", *ON_ROWS, "--trials", "2", "--out", "out")
    done = run("evaluate", "my_policy:Lexical", "baselines:Lexical", *options)
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 2
    assert all(f"out/{file.name}" in done.stdout for file in files)
    result = read_result(next(file for file in files if "my_policy" in file.name))
    answers = [answer.scores["answer"] for e in result.of("custom") for step in e.steps for answer in step.answers]
    assert answers == [1.0, 1.0]
    names = [f"out/{file.name}" for file in files]
    for shown in (done.stdout, run("table", *names).stdout):
        rows = {line.split()[0]: line for line in shown.splitlines() if ":Lexical " in line}
        assert rows.keys() == {"my_policy:Lexical", "baselines:Lexical"}
        assert "1.000" in rows["my_policy:Lexical"]
    assert run("verify", *names, "--data", ".").stdout.count(": verified") == 2

    run("evaluate", "my_policy:Lexical", *options, "--policy-set", "reply=Porto")
    assert len(list((tmp_path / "out").iterdir())) == 3

    content = files[0].read_text()
    files[0].write_text(content.replace('"answer":"', '"answer":"not '))
    shown = run("verify", *names, "--data", ".", code=1).stdout
    assert f"{names[0]}: NOT verified" in shown
    assert "answers is" in shown
    assert f"{names[1]}: verified" in shown


def test_verify_takes_data_from_the_readers_folder(run: Run, tmp_path: Path) -> None:
    run("evaluate", "baselines:KeepAll", "--env", "memgym/Longcontext-v1", *ON_ROWS, "--out", "out")
    (name,) = (str(path.relative_to(tmp_path)) for path in (tmp_path / "out").iterdir())
    (tmp_path / "data").mkdir()
    (tmp_path / "rows.json").rename(tmp_path / "data" / "rows.json")
    assert "rows.json does not exist" in run("verify", name, "--data", ".", code=2).stderr
    assert ": verified" in run("verify", name, "--set", "path=data/rows.json").stdout
    assert ": verified" in run("verify", name, "--data", "data").stdout


def test_modules_of_the_present_folder_are_not_imported_where_files_of_others_are_read(
    run: Run, tmp_path: Path
) -> None:
    run("evaluate", "baselines:NoMemory", "--env", "memgym/Longcontext-v1", *ON_ROWS, "--out", "out")
    for name in ("baselines", "msgspec", "canary", "hnswlib", "bm25s"):
        (tmp_path / f"{name}.py").write_text("from pathlib import Path\nPath('canary was run').touch()\n")
    (name,) = (str(path.relative_to(tmp_path)) for path in (tmp_path / "out").iterdir())
    assert ": verified" in run("verify", name, "--data", ".").stdout
    assert ": reproduced" in run("reproduce", name, "--data", ".").stdout
    run("table", name)
    run("compare", name, name)
    assert not (tmp_path / "canary was run").exists()


def test_compressed_results_and_their_comparison(run: Run, tmp_path: Path) -> None:
    options = ("--env", "memgym/RMMReranker-v1", "--set", "difficulty=easy", "--split", "test", "--episodes", "3")
    run("evaluate", "baselines:NoMemory", "baselines:Lexical", *options, "--gzip", "--out", "out")
    lexical, nothing = (f"out/{path.name}" for path in sorted((tmp_path / "out").iterdir()))
    assert "baselines.Lexical.seed0" in lexical
    assert lexical.endswith(".jsonl.gz")
    assert run("verify", lexical, nothing).stdout.count(": verified") == 2
    assert "Lexical" in run("table", lexical, nothing).stdout
    shown = run("compare", nothing, lexical, "--score", "evidence_recall", columns="80").stdout
    assert "…" not in shown.replace(" … ", "")
    assert "evidence_recall: " in shown
    (line,) = (line for line in shown.splitlines() if line.startswith("persona"))
    before, after, difference = (float(value) for value in line.split()[3:6])
    assert before == 0.0
    found = read_result(tmp_path / lexical).of("persona")
    scores = [answer.scores for e in found for step in e.steps for answer in step.answers]
    recalls = [score["evidence_recall"] for score in scores if "evidence_recall" in score]
    recall = sum(recalls) / len(recalls)
    assert after == difference == pytest.approx(recall, abs=5e-4)

    run("evaluate", "baselines:Lexical", *options[:-1], "2", "--out", "fewer")
    (fewer,) = (f"fewer/{path.name}" for path in (tmp_path / "fewer").iterdir())
    refused = run("compare", fewer, lexical, code=2).stderr
    assert refused == "error: entry 'persona': episodes is 2 and 3\n"


def test_evaluate_a_suite(run: Run, tmp_path: Path) -> None:
    done = run("evaluate", "baselines:NoMemory", "--suite", "quick-v2")
    (path,) = (tmp_path / "results").iterdir()
    assert path.name == "quick-v2.baselines.NoMemory.seed0.jsonl"
    assert read_result(path).header.suite == "quick-v2"
    assert "160/160" in done.stdout
    assert "quick-v2: answer score" in done.stdout


def test_many_settings_do_not_make_a_name_that_no_file_can_have(run: Run, tmp_path: Path) -> None:
    knobs = {"sessions": 8, "updates": 0, "turns": 2, "people": 3, "questions": 6, "memory_tokens": 500, "answer_k": 3}
    knobs |= {"related_k": 1, "retrieve_k": 5, "difficulty": "easy", "instructions": "false", "action_tokens": 512}
    settings = [argument for name, value in knobs.items() for argument in ("--set", f"{name}={value}")]
    options = ("--env", "memgym/MemoryBank-v1", *settings, "--episodes", "1")
    for distance in (1, 2):
        run("evaluate", "baselines:Lexical", *options, "--set", f"distance={distance}")
    names = [path.name for path in (tmp_path / "results").iterdir()]
    assert len(names) == 2
    assert all(name.startswith("MemoryBank-v1") and name.endswith(".jsonl") and len(name) < 200 for name in names)


def test_evaluate_on_published_data(run: Run, tmp_path: Path, data_dir: Path) -> None:
    data = ("--data", str(data_dir))
    options = ("--set", "task=memagent", "--set", "path=eval_50.json.gz", "--episodes", "8")
    run("evaluate", "baselines:Lexical", "--env", "memgym/Longcontext-v1", *options, *data)
    (path,) = (tmp_path / "results").iterdir()
    assert [episode.index for episode in read_result(path).episodes] == list(range(8))
    assert str(data_dir) not in path.read_text()
    assert ": verified" in run("verify", f"results/{path.name}", *data).stdout


# ------------------------------------------------------------------ inspect


def test_inspect_marks_evidence_and_facts(run: Run) -> None:
    shown = run("inspect", "custom", "--set", "path=rows.json").stdout
    assert "» a        Mira: I moved to Lisbon [/b] [red]." in shown
    assert "  b        Ben: Nice!" in shown
    assert "home [/]" in shown
    assert "Where does Mira [/] live?" in shown
    generated = run("inspect", "multihop", "--index", "2", "--split", "test", "--set", "length=1000").stdout
    assert "multihop-test-2" in generated
    assert "»" in generated


def test_inspect_shows_signs_that_steer_as_letters(run: Run, tmp_path: Path) -> None:
    paint, title = "\x1b[31m", "\x1b]0;t\x07"
    row = {
        "id": f"a{paint}",
        "sessions": [
            {"id": title, "time": paint, "turns": [{"id": title, "speaker": paint, "text": f"Rome{paint}\n!"}]}
        ],
        "questions": [f"Where{title}?"],
        "answers": [f"Rome{paint}"],
        "evidence": [[title]],
        "facts": [{"subject": paint, "relation": paint, "value": f"Rome{paint}", "source": title}],
        "lures": [{"subject": paint, "relation": paint, "value": paint, "source": title}],
    }
    (tmp_path / "row.json").write_text(json.dumps([row]))
    shown = run("inspect", "custom", "--set", "path=row.json").stdout
    assert not set("\x1b\x07") & set(shown)
    assert r"Rome\x1b[31m" in shown


# ------------------------------------------------------------------ wrong arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["play", "memgym/MemoryBnk-v1"], "'memgym envs' lists the environments"),
        (["play", "recall"], "It is a task: make memgym/Longcontext-v1 or memgym/MemoryBank-v1 with task=recall"),
        (["evaluate", "baselines:Lexical", "--env", "CartPole-v1"], "no memgym environment"),
        (["play", "CartPole-v1"], "'CartPole-v1' is no memgym environment"),
        (["evaluate", "baselines:Lexical", "--env", "CartPole-v1", "--set", "task=multihop"], "no memgym environment"),
        (["play", "memgym/Longcontext-v1", "--set", "vector_reward=true"], "one sum of rewards; drop 'vector_reward'"),
        (["evaluate", "http://ex*mple..com", "--suite", "quick-v2"], "argument 'url' must look like"),
        (["leaderboard", "rows.json", "--html", "x", "--title", "\udcff"], "--title '\\udcff' is no text"),
        (["play", "memgym/Longcontext-v1", "--set", "hops"], "--set takes KEY=VALUE, not 'hops'"),
        (["play", "memgym/Longcontext-v1", "--set", "hopps=2"], "Did you mean 'hops'?"),
        (["play", "memgym/Longcontext-v1", "--set", "instructions=False"], "must be True or False, not 'False'"),
        (["play", "memgym/Longcontext-v1", "--index", "-1"], "episode index -1 is out of range"),
        (["evaluate", "baselines:Lexical"], "give either --suite NAME, or --env ENV_ID, or --round FILE"),
        (["evaluate", "baselines:Lexical", "--suite", "quick-v1"], "Did you mean 'quick-v2'?"),
        (["evaluate", "baselines:Lexcial", "--suite", "quick-v2"], "cannot load policy 'baselines:Lexcial'"),
        (["evaluate", "baselines:Lexical", "--suite", "quick-v2", "--policy-set", "k=1"], "takes an option 'k'"),
        (["evaluate", "baselines:Lexical", "--suite", "quick-v2", "--trials", "2"], "go with --env"),
        (["evaluate", "baselines:Lexical", "--suite", "quick-v2", "--out", "rows.json"], "rows.json cannot be written"),
        (["evaluate", "baselines:Lexical", "--env", "memgym/Longcontext-v1", "--split", "tset"], "'tset'"),
        (["evaluate", "baselines:Lexical", "--env", "memgym/Longcontext-v1", "--set", "task=custom"], "'path'"),
        (["table", "rows.json"], "rows.json: not a memgym result file"),
        (["verify", "nowhere.json"], "nowhere.json: cannot be read"),
        (["serve", "--mcp", "bank", "--set", "task=multihop"], "--set and --mcp exclude each other"),
        (["serve", "--mcp", "bank", "--idle", "600"], "--idle and --mcp exclude each other"),
        (["serve", "--openenv", "memgym/Longcontext-v1", "--recipe", "x"], "--recipe and --openenv exclude each other"),
        (["inspect", "mulithop"], "Did you mean 'multihop'?"),
        (["inspect", "custom", "--set", "path=rows.json", "--index", "1"], "episode index 1 is out of range"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_wrong_arguments_are_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, as there are many."""
    (tmp_path / "rows.json").write_text(json.dumps([ROW]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # so that the path is as before when the test is over
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_the_exit_code_of_wrong_arguments(run: Run) -> None:
    done = run("play", "memgym/MemoryBnk-v1", code=2)
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "No such option" in run("evaluate", "--sweet", "quick-v2", code=2).stderr
