"""Command templates: `python train.py --alpha {alpha}` with values put in as single arguments.

A template is split by the rules of a POSIX shell while it still has its placeholders, and values come in afterwards:
no value is ever read as syntax. What a shell alone can do (pipes, `&&`, variables, `cd`) runs through `bash -c`, with
each value quoted for the place it stands in. A placeholder inside text that some program would read as code
(`bash -c "… {x}"`, `$(… {x})`, `python -c`) cannot be made safe and is refused.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tidemill.errors import InvalidParameter

_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.\-]*)\}")
_OPERATORS = "|&;<>()\n"
_GLOBS = "*?["
_UNTRACKED = ("$(", "`", "<<", "$'", '$"', "((", "[[")
"""What nests other syntax, in which this file does not follow the quotes."""
_BUILTINS = frozenset(
    ". alias break builtin case cd command continue declare do done elif else esac eval exec exit export fi for function "
    "hash if in let local popd pushd read readonly return select set shift shopt source then time trap type ulimit umask "
    "unalias unset until wait while { } !".split()
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_INTERPRETERS = re.compile(
    r"(?:ba|da|z|k|mk|c|tc|a|fi)?sh|perl|ruby|node|nodejs|php|lua|julia|R|Rscript|ipython\d?|pypy\d?|python[\d.]*"
)
_ALWAYS_CODE = frozenset(["eval", "ssh", "source", ".", "trap", "watch"])
_FIRST_IS_CODE = frozenset(["awk", "gawk", "mawk", "sed"])
_CODE_LATER = frozenset(["su", "runuser", "script"])
_WITH_VALUE = frozenset(["-o", "+o", "-O", "+O", "-W", "-X", "-I"])
_CODE_OPTION = re.compile(r"-[A-Za-z]*[ceE]|--(?:command|eval|expr|expression|execute|run|print)")


@dataclass(frozen=True)
class Hole:
    """A placeholder. `quote` is what stands open around it: `"`, `'` or nothing."""

    name: str
    quote: str = ""


Piece = str | Hole


@dataclass
class Template:
    """A command with its placeholders. `commands` are its simple commands, each a list of words made of pieces."""

    text: str
    commands: list[list[list[Piece]]] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    """The text as it stands, cut at its placeholders: what a shell gets."""
    needs_shell: bool = False

    @property
    def names(self) -> set[str]:
        """The placeholders."""
        return {piece.name for piece in self.pieces if isinstance(piece, Hole)}


def parse(text: str) -> Template:
    """Understand a template. Raises InvalidParameter where a quote stays open or a value could never be safe."""
    template = _Scanner(text.strip()).scan()
    for command in template.commands:
        _check_code(template, command)
    if template.needs_shell and template.names:
        for sign in _UNTRACKED:
            if sign in template.text:
                raise InvalidParameter(
                    f"The command uses '{sign}' together with parameters, which cannot be quoted safely there: "
                    f"{text.strip()!r}. Put the shell part into a script file and pass the parameters to it."
                )
    return template


def argv(template: Template, values: Mapping[str, str], extra: Sequence[str] = ()) -> list[str]:
    """The command as arguments. `values` for every placeholder; `extra` arguments come last.

    Raises InvalidParameter for a placeholder without a value and for values that no argument can hold.
    """
    missing = sorted(template.names - set(values))
    if missing:
        raise InvalidParameter(
            f"The command needs {', '.join(missing)}, which the entry point does not declare: {template.text!r}."
        )
    for name, value in [*values.items(), *((word, word) for word in extra)]:
        if "\0" in value:
            raise InvalidParameter(f"The value of '{name}' holds a NUL character, which no argument can.")
    if not template.needs_shell:
        words = template.commands[0] if template.commands else []
        return [_filled(word, values) for word in words] + list(extra)
    script = "".join(piece if isinstance(piece, str) else _quoted(piece, values) for piece in template.pieces)
    tail = "".join(" " + shlex.quote(word) for word in extra)
    return ["bash", "-c", script + tail]


def _filled(word: Sequence[Piece], values: Mapping[str, str]) -> str:
    return "".join(piece if isinstance(piece, str) else values[piece.name] for piece in word)


def _quoted(hole: Hole, values: Mapping[str, str]) -> str:
    """The value as a shell reads it at its place: inside quotes they are closed before it and opened again after it."""
    return hole.quote + shlex.quote(values[hole.name]) + hole.quote


class _Scanner:
    """Goes once over a template, with the quotes of a POSIX shell."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._template = Template(text)
        self._command: list[list[Piece]] = []
        self._word: list[Piece] | None = None

    def scan(self) -> Template:
        while self._at < len(self._text):
            self._step()
        self._end_command()
        return self._template

    def _step(self) -> None:
        char = self._text[self._at]
        if char in "'\"":
            self._quotes(char)
        elif char == "\\":
            self._escape()
        elif char in " \t\r":
            self._end_word()
            self._take(char)
        elif char in _OPERATORS:
            self._template.needs_shell = True
            self._end_command()
            self._take(char)
        elif not self._brace(""):
            self._plain(char)

    def _plain(self, char: str) -> None:
        starts = self._word is None
        if char in "$`" or char in _GLOBS or (starts and char in "~#!"):
            self._template.needs_shell = True
        if starts and char == "#":
            raise InvalidParameter(f"The command has a comment: {self._text!r}. Leave it out, or quote the '#'.")
        self._put(char)
        self._take(char)

    def _quotes(self, quote: str) -> None:
        self._put("")
        self._take(quote)
        while self._at < len(self._text) and self._text[self._at] != quote:
            char = self._text[self._at]
            if quote == '"' and char == "\\" and self._text[self._at + 1 : self._at + 2] in ("$", "`", '"', "\\"):
                self._put(self._text[self._at + 1])
                self._take(self._text[self._at : self._at + 2])
            elif not self._brace(quote):
                if quote == '"' and char in "$`":
                    self._template.needs_shell = True
                self._put(char)
                self._take(char)
        if self._at >= len(self._text):
            raise InvalidParameter(f"The command has an opening {quote} without its closing one: {self._text!r}.")
        self._take(quote)

    def _escape(self) -> None:
        pair = self._text[self._at : self._at + 2]
        if len(pair) < 2:
            raise InvalidParameter(f"The command ends with a backslash: {self._text!r}.")
        if pair[1] != "\n":
            self._put(pair[1])
        else:
            self._end_word()
        self._take(pair)

    def _brace(self, quote: str) -> bool:
        """A placeholder, or a doubled brace that stands for one."""
        for double in ("{{", "}}"):
            if self._text.startswith(double, self._at):
                self._put(double[0])
                self._template.pieces.append(double[0])
                self._at += 2
                return True
        found = _HOLE.match(self._text, self._at)
        if found is None or self._text[: self._at].endswith("$"):
            return False
        hole = Hole(found[1], quote)
        self._put(hole)
        self._template.pieces.append(hole)
        self._at = found.end()
        return True

    def _put(self, piece: Piece) -> None:
        if self._word is None:
            self._word = []
        self._word.append(piece)

    def _take(self, raw: str) -> None:
        self._template.pieces.append(raw)
        self._at += len(raw)

    def _end_word(self) -> None:
        if self._word is None:
            return
        text = _literal(self._word)
        if not self._command and (text in _BUILTINS or _ASSIGNMENT.match(text)):
            self._template.needs_shell = True
        self._command.append(self._word)
        self._word = None

    def _end_command(self) -> None:
        self._end_word()
        if self._command:
            self._template.commands.append(self._command)
            self._command = []


def _literal(word: Sequence[Piece]) -> str:
    return "".join(piece if isinstance(piece, str) else "\0" for piece in word)


def _check_code(template: Template, command: Sequence[Sequence[Piece]]) -> None:
    """Refuse placeholders in an argument that a program of this command reads as code."""
    program, code, skip = "", "", False
    for word in command:
        text = _literal(word)
        if code and "\0" in text and (code == "all" or not text.startswith("-")):
            raise InvalidParameter(
                f"A parameter stands inside code that another program reads: {template.text!r}. Its value could become "
                "code too. Pass it as an argument behind the code, or put the code into a file."
            )
        name = text.rsplit("/", 1)[-1]
        if skip:
            skip = False
        elif code == "next":
            if not text.startswith("-"):
                return  # what comes behind the code are its arguments
        elif program and _CODE_OPTION.fullmatch(text):
            code = "next"
        elif program in _CODE_LATER or (program and text in _WITH_VALUE):
            skip = program not in _CODE_LATER
        elif program and not text.startswith("-"):
            return  # a script's file: what follows are its arguments
        elif name in _ALWAYS_CODE:
            code = "all"
        elif name in _FIRST_IS_CODE:
            code = "next"
        elif name in _CODE_LATER or _INTERPRETERS.fullmatch(name):
            program = name
