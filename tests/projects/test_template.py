"""Values in commands are single arguments, whatever they hold and wherever they stand."""

import subprocess
import sys

import pytest

from tidemill.errors import InvalidParameter
from tidemill.projects.template import argv, parse

NASTY = [
    "; rm -rf ~",
    "$(touch owned)",
    "`touch owned`",
    "a b\tc",
    "'",
    '"',
    "'\"'; touch owned; '\"",
    "\\",
    "a\nb",
    "&& touch owned",
    "| touch owned",
    "> owned",
    "${HOME}",
    "$HOME",
    "*",
    "~",
    "{x}",
    "{{x}}",
    "-rf",
    "#",
    "!x",
    "",
    "é日本",
]
SHOW = f'{sys.executable} -c "import sys; print(ascii(sys.argv[1:]))"'


def printed(command: list[str], folder: str) -> object:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return eval(done.stdout)


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize(
    "template, shape",
    [
        ("{show} {x} end", ["{v}", "end"]),
        ("{show} --x={x}", ["--x={v}"]),
        ('{show} "--x={x}"', ["--x={v}"]),
        ("{show} 'a {x} b'", ["a {v} b"]),
        ("{show} {x}{x}", ["{v}{v}"]),
        ("true && {show} {x}", ["{v}"]),
        ('true && {show} "a {x} b"', ["a {v} b"]),
        ("true && {show} 'a {x} b'", ["a {v} b"]),
        ("true; {show} --x={x} | cat", ["--x={v}"]),
        ("Y=1 {show} {x} $Y", ["{v}", "{y}"]),
    ],
)
def test_a_value_is_one_argument(template, shape, value, tmp_path):
    parsed = parse(template.replace("{show}", SHOW))
    found = printed(argv(parsed, {"x": value}), str(tmp_path))
    expected = [one.replace("{v}", value) for one in shape if one != "{y}"]
    assert found == expected
    assert list(tmp_path.iterdir()) == []


def test_no_shell_where_none_is_needed():
    assert argv(parse("python train.py --alpha {alpha}"), {"alpha": "; rm -rf ~"}) == [
        "python", "train.py", "--alpha", "; rm -rf ~",
    ]  # fmt: skip
    assert argv(parse("python t.py {a-b} '{{x}}'"), {"a-b": "1"}) == ["python", "t.py", "1", "{x}"]


@pytest.mark.parametrize("value", NASTY)
def test_arguments_that_are_not_declared_come_last(value, tmp_path):
    for template in (SHOW, f"true && {SHOW}"):
        assert printed(argv(parse(template), {}, ["--x", value]), str(tmp_path)) == ["--x", value]


@pytest.mark.parametrize(
    "template",
    [
        'bash -c "python train.py {x}"',
        "bash -lc 'echo {x}'",
        "sh -c {x}",
        "/bin/sh -ec 'echo {x}'",
        "env A=1 bash -c 'echo {x}'",
        "python -c 'print({x})'",
        'Rscript -e "f({x})"',
        "perl -e '{x}'",
        "node --eval '{x}'",
        "eval {x}",
        "eval echo {x}",
        "ssh host echo {x}",
        "true && bash -c 'echo {x}'",
        "echo $(cat {x})",
        "echo `cat {x}`",
        'echo "$(cat {x})"',
        "cat <<EOF\n{x}\nEOF",
        "echo $(( {x} + 1 ))",
        "[[ {x} -eq 1 ]] && true",
        "echo $'{x}'",
        "sudo -u a bash -o errexit -c 'echo {x}'",
        "su user -c 'echo {x}'",
        "awk '{{print {x}}}' file",
        "sed -e s/a/{x}/",
        "python -W ignore -c {x}",
    ],
)
def test_values_inside_code_are_refused(template):
    with pytest.raises(InvalidParameter):
        parse(template)


@pytest.mark.parametrize(
    "template",
    [
        "bash -c 'echo \"$1\"' _ {x}",
        "python -c 'import sys' {x}",
        "python train.py -e {x}",
        "python -m train -c {x}",
        "python -W ignore train.py -e {x}",
        "Rscript train.R -e {x}",
        "train --model R -c x {x}",
    ],
)
def test_arguments_behind_code_and_of_scripts_are_fine(template):
    assert argv(parse(template), {"x": "; rm"})[-1] == "; rm"


@pytest.mark.parametrize("template", ["python 'train.py", 'python "a', "python a\\"])
def test_open_quotes_are_refused(template):
    with pytest.raises(InvalidParameter):
        parse(template)


def test_what_a_placeholder_needs():
    with pytest.raises(InvalidParameter, match="does not declare"):
        argv(parse("python {x}"), {})
    with pytest.raises(InvalidParameter, match="NUL"):
        argv(parse("python {x}"), {"x": "a\0b"})
    assert not parse("python ${HOME}").names
