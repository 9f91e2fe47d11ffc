import io
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from _kerasblocks_cli import main
from _kerasblocks_cli.laws import laws
from kerasblocks.commands.check import Snippets
from kerasblocks.commands.check_report import LiveReport, report_for
from kerasblocks.commands.inputs import Inputs
from kerasblocks.commands.target import load
from kerasblocks.testing import Outcome
from kerasblocks.testing.checks import CHECKS

ROOT = Path(__file__).parents[2]
SCRIPT = Path(sysconfig.get_path("scripts")) / "kerasblocks"

LAYERS = """
import keras


class Scale(keras.layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.dense = keras.layers.Dense(2)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.dense(x) * self.factor


class Pair(keras.layers.Layer):
    def call(self, query, value=None, training=False):
        return query + value


class Named(keras.layers.Layer):
    def call(self, inputs):
        return inputs["a"] + keras.ops.cast(inputs["b"], inputs["a"].dtype)


class Plain:
    pass


def make():
    return Scale(3)


def interrupts():
    return Interrupting()


class Interrupting(keras.layers.Layer):
    def call(self, x):
        raise KeyboardInterrupt


three = lambda: 3
made = keras.layers.Dense(3)
number = 3
"""

# Without Keras, which takes seconds in a fresh process.
LIGHT = "def make():\n    return 'made'\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with modules of a user's in it."""
    files = {
        "mylayers.py": LAYERS,
        "sub/inner_layers.py": LAYERS,
        "sub/light.py": LIGHT,
        "sub/my-light.py": LIGHT,
        "sub/json.py": LIGHT,
        "mypack/__init__.py": "",
        "mypack/light.py": f"from . import other\n{LIGHT}",
        "mypack/inside.py": "from . import other\n" + LAYERS,
        "mypack/other.py": "",
        "mypack/lacks.py": "import no_such_thing_at_all\n",
        "mypack/fails.py": "def f():\n    return 1 / 0\nf()\n",
        "mypack/wrong.py": "x = (\n",
        "mypack/leaves.py": "raise SystemExit(3)\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)) or name == "mypack":
            del sys.modules[name]


def env():
    found = {**os.environ, "PYTHONPATH": str(ROOT)}
    found.pop("TF_CPP_MIN_LOG_LEVEL")
    return found


def fresh(code, folder):
    """Run code as it stands in a fresh Python process."""
    return subprocess.run(
        [sys.executable, "-W", "ignore"],
        input=code,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def snippets(output):
    """The snippet of each broken law in what the command printed."""
    found = {}
    for part in output.split("\n--- ")[1:]:
        head, _, code = part.partition("\n\n")
        lines = code.splitlines()
        end = [place for place, line in enumerate(lines) if line.endswith(" s)")]
        found[head.partition(":")[0]] = "\n".join(lines[: (end or [None])[0]])
    return found


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("mylayers", "expected package.module:Name or path/to/file.py:Name, got"),
        ("mylayers.py", "got 'mylayers.py'; did you mean mylayers.py:Scale?"),
        ("mylayers.Scale", "did you mean mylayers:Scale?"),
        ("mylayers:", "got 'mylayers:'"),
        ("my layers:Scale", "'my layers' is no module's name"),
        ("mylayer:Scale", "no module is called 'mylayer'; did you mean mylayers?"),
        ("kears.layers:Dense", "no module is called 'kears'; did you mean keras?"),
        ("qzxj:Dense", "no module is called 'qzxj'; looked in "),
        ("mypack.insid:Scale", "'mypack' has no module 'insid'; did you mean inside?"),
        ("mylayers.b:Scale", "'mylayers' is a module, not a package"),
        ("mylayers.Scale:x", "is a class, not a module; did you mean mylayers:Scale?"),
        ("mypack.lacks:A", "mypack.lacks is there, but what it imports is not: Module"),
        ("mypack/lacks.py:A", "named 'no_such_thing_at_all' [lacks.py:1 in <module>]"),
        (
            "mypack.fails:A",
            "mypack.fails fails as it is imported: ZeroDivisionError: division by zero "
            "[fails.py:2 in f]",
        ),
        ("mypack.wrong:A", "SyntaxError: '(' was never closed (wrong.py, line 1)"),
        ("mypack.leaves:A", "ends the process as it is imported (exit 3)"),
        ("sub/inner.py:A", "no file at sub/inner.py; did you mean sub/inner_layers.py"),
        ("sub/:A", "sub is a folder; expected a file (in it: inner_layers.py, json.py"),
        ("mylayers:Scael", "mylayers has no 'Scael'; did you mean Scale?"),
        (
            "mylayers:Zzz",
            "no 'Zzz'; its layers: Scale, Pair, Named, Interrupting",
        ),
        ("mypack:Scale", "mypack has no 'Scale'; its modules: fails, inside, lacks"),
        (
            "mylayers:keras",
            "mylayers:keras is a module; expected a class or a function",
        ),
        ("mylayers:made", "mylayers:made is a Dense already made; expected its class"),
        ("mylayers:number", "mylayers:number is of type int"),
        ("mylayers:Plain", "is a class, but no subclass of keras.layers.Layer"),
        ("mylayers:three", "three() returned 3; expected a keras.layers.Layer"),
        ("mylayers:Scale", "argument: 'factor'; give --arg factor=VALUE"),
    ],
)
def test_wrong_target_is_said_in_one_line(target, words, folder, capsys):
    assert main(["check", target, "--shape", "4"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("kerasblocks: error: ")
    assert error.count("\n") == 1
    assert words in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "expected the input's sizes without the batch, like --shape 16,16,3"),
        (["--shape", "4,a"], "--shape: expected positive sizes without the batch"),
        (["--shape", "4,0"], "any size will do, got '4,0'"),
        (["--shape", "a=4", "--shape", "4"], "name all inputs or none, got 'a=4' and"),
        (["--shape", "a=4", "--shape", "a=5"], "--shape: 'a' is given twice"),
        (["--shape", "=4"], "--shape: expected a name before '='"),
        (["--shape", "4", "--dtype", "float"], "expected one of float16, float32"),
        (
            ["--shape", "4", "--dtype", "a=int32"],
            "no --shape is given for an input 'a'",
        ),
        (
            ["--shape", "4", "--dtype", "int32", "--dtype", "int32"],
            "one for all inputs or one for each of the 1, got 2",
        ),
        (["--shape", "4", "--range", "0,5"], "--range: no input is of integers"),
        (["--shape", "4", "--dtype", "int8", "--range", "5"], "like 0,100, got '5'"),
        (["--shape", "4", "--dtype", "int8", "--range", "5,5"], "got '5,5'"),
        (["--shape", "4", "--arg", "factor"], "expected NAME=VALUE, got 'factor'"),
        (["--shape", "4", "--arg", "factor=true"], "write factor=True, as Python does"),
        (["--shape", "4", "--arg", "factor=(1,"], "factor=(1, is no Python value"),
        (["--shape", "4", "--arg", "a=1", "--arg", "a=2"], "'a' is given twice"),
        (["--shape", "4", "--arg", "facto=1"], "did you mean --arg factor=?"),
        (["--shape", "4", "--law", "biuld"], "no law is called 'biuld'; did you mean"),
        (["--shape", "4", "--law", "qq"], "kerasblocks check --list names them all"),
        (["--shape", "4", "--expect", "jit"], 'expected LAW="the reason why it is bro'),
        (["--shape", "4", "--expect", "jut=x"], "no law is called 'jut'; did you mean"),
    ],
)
def test_wrong_option_is_said_in_one_line(arguments, words, folder, capsys):
    assert main(["check", "mylayers:Scale", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("kerasblocks: error: ")
    assert error.count("\n") == 1
    assert words in error


def test_error_of_a_constructor_names_the_users_line(folder, capsys):
    (folder / "picky.py").write_text(
        "import keras\n"
        "class Picky(keras.layers.Layer):\n"
        "    def __init__(self, size):\n"
        "        raise ValueError('size must be even')\n"
    )
    assert main(["check", "picky:Picky", "--shape", "4", "--arg", "size=3"]) == 2
    assert capsys.readouterr().err == (
        "kerasblocks: error: Picky(size=3) fails: ValueError: size must be even "
        "[picky.py:4 in __init__]\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("mylayers:make --shape 4", "make(), input (None, 4) float32"),
        ("mypack/inside.py:make --shape ?,4", "input (None, None, 4) float32"),
        ("keras.layers:Flatten --shape ''", "Flatten(), input (None,) float32"),
        (
            "keras.layers:Embedding --shape 3 --dtype int32 --range 0,50 "
            "--arg input_dim=50 --arg output_dim=4",
            "Embedding(input_dim=50, output_dim=4), input (None, 3) int32",
        ),
        (
            "keras.layers:Add --shape 4 --shape 4",
            "Add(), input [(None, 4) float32, (None, 4) float32]",
        ),
        (
            "mylayers:Named --shape a=4 --shape b=4 --dtype b=int32",
            "Named(), input {'a': (None, 4) float32, 'b': (None, 4) int32}",
        ),
        (
            "mylayers:Pair --shape value=4 --shape query=1 --dtype float32",
            "Pair(), inputs query (None, 1) float32, value (None, 4) float32",
        ),
        (
            "keras.layers:MultiHeadAttention --shape 3,8 --shape 5,8 "
            "--arg num_heads=2 --arg key_dim=4",
            "inputs query (None, 3, 8) float32, value (None, 5, 8) float32",
        ),
    ],
)
def test_inputs_are_handed_over_as_the_layer_takes_them(
    arguments, words, folder, capsys
):
    arguments = [one.strip("'") for one in arguments.split()]
    assert main(["check", *arguments, "--law", "call"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert words in lines[0]
    assert lines[2] == f"passed    check_call  {laws()['check_call']}"
    assert lines[-1].partition(": ")[2].startswith("1 passed (")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            "--shape value=4",
            "Pair.call takes query and value; give --shape query=SIZES",
        ),
        ("--shape 4 --shape 4 --shape 4 --law call", ""),
    ],
)
def test_inputs_that_the_layer_does_not_take(arguments, words, folder, capsys):
    code = main(["check", "mylayers:Pair", *arguments.split()])
    captured = capsys.readouterr()
    assert words in captured.err
    assert code == (2 if words else 1)


def test_failed_call_stops_the_rest_and_hints_at_arguments(folder, capsys):
    assert main(["check", "mylayers:Pair", "--shape", "4", "--shape", "4"]) == 1
    output = capsys.readouterr().out
    assert "as arguments they are --shape query=SIZES --shape value=SIZES" in output
    assert f"{len(CHECKS) - 1} not tried, since a plain call fails" in output
    assert "n/a" not in output


def test_broken_and_expected_and_unexpected(folder, capsys):
    command = ["check", "mylayers:make", "--shape", "4", "--law", "call"]
    both = [*command, "--law", "sublayer_policies"]
    assert main(both) == 1
    output = capsys.readouterr().out
    assert "\nFAILED    check_sublayer_policies  With `dtype=`" in output
    assert "\n--- check_sublayer_policies: With `dtype=`" in output
    assert "\nfix: " in output
    assert output.endswith("only this again: --law sublayer_policies\n")

    expect = ["--expect", "check_sublayer_policies=it is float32 on purpose"]
    assert main([*both, *expect]) == 0
    output = capsys.readouterr().out
    assert "expected  check_sublayer_policies  fails as expected: it is float" in output
    assert "make: 1 passed, 1 failed as expected (" in output

    assert main([*command, "--expect", "call=it never works"]) == 1
    output = capsys.readouterr().out
    assert "PASSED    check_call  passes, though expected to fail: it never" in output
    assert "remove this --expect" in output


@pytest.mark.parametrize(
    ("target", "importing"),
    [
        ("mypack/light.py:make", "from mypack.light import make"),
        ("sub/light.py:make", "from light import make"),
        ("sub/my-light.py:make", 'make = runpy.run_path("sub/my-light.py")["make"]'),
        ("sub/json.py:make", 'make = runpy.run_path("sub/json.py")["make"]'),
    ],
)
def test_snippet_imports_the_target_from_where_it_is(target, importing, folder):
    found = load(target)
    module = found.factory.__module__
    snippet = found.runnable(f"from {module} import make\n\nlayer = make()")
    assert importing in snippet.splitlines()
    assert ("sys.path" in snippet) == target.startswith("sub/")
    done = fresh(snippet.replace("import keras", "") + "\nprint(layer)", folder)
    assert done.stdout == "made\n", done.stderr


@pytest.mark.slow
def test_a_stranger_checks_a_file(folder):
    arguments = ["sub/inner_layers.py:Scale", "--shape", "4", "--arg", "factor=3"]
    done = subprocess.run(
        [SCRIPT, "check", *arguments],
        env=env(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "Scale(factor=3), input (None, 4) float32"
    assert [line[10:].split(" ")[0] for line in lines[2 : 2 + len(CHECKS)]] == [
        check.__name__ for check in CHECKS
    ]
    assert lines[2].startswith("passed    check_call ")
    assert lines[-2].startswith("Scale: ")
    code = snippets(done.stdout)["check_sublayer_policies"]
    shown = fresh(code, folder)
    assert shown.returncode == 1
    assert "AssertionError" in shown.stderr
    assert not (folder / ".hypothesis").exists()


@pytest.mark.slow
def test_where_a_call_does_not_show_it_the_law_is_the_snippet(folder):
    inputs = Inputs((None, 4), "float32", "")
    details = {"arguments": {"factor": 3}, "input_range": None, "seed": 0}
    give = Snippets(load("sub/inner_layers.py:Scale"), inputs, details)
    law = "check_sublayer_policies"
    raising, silent = "import keras\n1 / 0", "import keras\nprint('well')"
    assert "1 / 0" in give(Outcome(law, "failed", "raised x", "", raising))
    assert "well" in give(Outcome(law, "failed", "it differs", "", silent))
    code = give(Outcome(law, "failed", "raised x", "", silent))
    assert code.endswith(
        "from kerasblocks.testing import case, checks\n"
        "from inner_layers import Scale\n\n"
        f"checks.{law}(case(Scale, (None, 4), arguments={{'factor': 3}}))"
    )
    shown = fresh(code, folder)
    assert shown.returncode == 1
    assert f"Broken: {law}: " in shown.stderr


def test_interrupted_check_says_what_was_found(folder, capsys):
    command = "check mylayers:interrupts --shape 4 --law config_is_json --law call"
    assert main(command.split()) == 130
    output = capsys.readouterr().out
    assert "interrupts: interrupted: 0 of 2 laws were tried" in output


def test_help_and_list_do_not_wait_for_keras():
    for option in "--help", "--list":
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-X", "importtime", SCRIPT, "check", option],
            env=env(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert time.monotonic() - begun < 4
        assert done.returncode == 0
        imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
        assert "_kerasblocks_cli" in imported
        assert not {"keras", "hypothesis", "rich"} & imported


def test_list_names_the_laws_as_they_are(capsys):
    assert main(["check", "--list"]) == 0
    assert laws() == {
        check.__name__: str(check.__doc__).partition("\n")[0] for check in CHECKS
    }
    assert capsys.readouterr().out.count("\n") == len(CHECKS)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_live_part_goes_away(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    report = report_for(
        "Mine",
        {"check_call": "It is called. " * 5, "check_jit": "It is compiled."},
        lambda outcome: outcome.snippet,
        stream=stream,
    )
    assert isinstance(report, LiveReport)
    report.begin("Mine(), input (None, 4)")
    report.outcome(Outcome("check_call", "passed"))
    report.outcome(Outcome("check_jit", "failed", "it raised", "mend.", "x = 1\ny = 2"))
    report.stop()
    report.end(1.0)
    text = stream.getvalue()
    assert "\x1b[32mpassed" in text
    assert "check_jit\x1b" in text or "check_jit " in text
    assert "\x1b[2K" in text.rpartition("0/2")[2]
    ends = text.splitlines()[-2:]
    assert "Mine: 1 passed, 1 failed (1.0 s)" in ends[0]
    assert "only this again: --law jit" in ends[1]


def test_signal_of_ctrl_c_is_130(folder):
    (folder / "waits.py").write_text(
        "import sys, time\nprint('here', flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [SCRIPT, "check", "waits:A", "--shape", "4"],
        env=env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == "kerasblocks: error: interrupted\n"
    assert process.returncode == 130
