"""What a pickle would import and call, read off its opcodes; nothing of it is ever run."""

import bz2
import gzip
import io
import lzma
import pickletools
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

LIMIT = 256 << 20
"""Most bytes that are unpacked to look at one file."""

_CALLS = {"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"}
_TEXTS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_PUTS, _GETS = {"PUT", "BINPUT", "LONG_BINPUT"}, {"GET", "BINGET", "LONG_BINGET"}
_FORWARD = {"PROTO", "FRAME", "MEMOIZE", *_PUTS}
_PACKED = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}


@dataclass
class PickleReport:
    """`imports` as `module.name`, in order; `calls`: how many calls it makes; `complete`: whether all of it was read.

    `ends`: how many pickles were read to their end; there may be several in a file, and anything behind them.
    """

    imports: list[str] = field(default_factory=list)
    calls: int = 0
    complete: bool = True
    ends: int = 0


def scan(path: Path) -> PickleReport | None:
    """The report on a file that is, or holds, pickles (also packed ones, and those in zip archives); None for others."""
    with path.open("rb") as file:
        head = file.read(8)
        if head[:4] == b"PK\x03\x04":
            return _scan_zip(path)
        if _is_pickle(head):
            file.seek(0)
            return _scan(file)
    unpack: Any = next((found for magic, found in _PACKED.items() if head.startswith(magic)), None)
    if unpack is None and head[:1] == b"\x78":
        unpack = zlib.decompress
    if unpack is None:
        return _scan_old(path)
    return _scan_packed(path, unpack)


def _is_pickle(head: bytes) -> bool:
    return len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5


def _scan_packed(path: Path, unpack: Any) -> PickleReport | None:
    if path.stat().st_size > LIMIT // 4:
        return PickleReport(complete=False)
    try:
        content = unpack(path.read_bytes())
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return None
    return _scan(io.BytesIO(content)) if _is_pickle(content[:2]) else None


def _scan_old(path: Path) -> PickleReport | None:
    """Pickles of protocols 0 and 1 have no mark of their own: whatever parses to its end and imports something is one."""
    if path.stat().st_size > LIMIT:
        return None
    with path.open("rb") as file:
        report = _scan(file)
    return report if report.imports and (report.ends or path.suffix in (".pkl", ".pickle", ".joblib")) else None


def _scan_zip(path: Path) -> PickleReport | None:
    """The pickles inside an archive, as PyTorch writes them."""
    found: PickleReport | None = None
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    if not _is_pickle(file.read(2)):
                        continue
                with archive.open(entry) as file:
                    one = _scan(file)
                found = found or PickleReport()
                found.imports += [name for name in one.imports if name not in found.imports]
                found.calls += one.calls
                found.complete &= one.complete
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        return found and PickleReport(found.imports, found.calls, False)
    return found


def _scan(file: IO[bytes]) -> PickleReport:
    """Read pickles one after another, as they stand in one file."""
    report = PickleReport()
    try:
        while True:
            for name in _imports(file, report):
                if name not in report.imports:
                    report.imports.append(name)
            report.ends += 1
            if not file.read(1):
                return report
            file.seek(-1, 1)
    except Exception:  # arrays may lie between the opcodes (joblib), and what is damaged raises anything
        report.complete = False
        return report


def _imports(file: IO[bytes], report: PickleReport) -> Iterator[str]:
    texts: list[Any] = []  # as they would lie on the stack; other objects count only where they separate texts
    memo: dict[int, Any] = {}
    argument: Any
    for opcode, argument, _ in pickletools.genops(file):
        name = opcode.name
        if name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif name == "STACK_GLOBAL":
            module, attribute = texts[-2:] if len(texts) > 1 else ("?", "?")
            yield f"{module}.{attribute}"
        if name in _CALLS:
            report.calls += 1
        if name in _TEXTS:
            texts.append(argument)
        elif name == "MEMOIZE":
            memo[len(memo)] = texts[-1] if texts else "?"
        elif name in _PUTS:
            memo[argument] = texts[-1] if texts else "?"
        elif name in _GETS:
            texts.append(memo.get(argument, "?"))
        elif name not in _FORWARD:
            texts.append("?")
        del texts[:-4]


DANGEROUS = (
    "os.", "posix.", "nt.", "subprocess.", "sys.", "socket.", "shutil.", "runpy.", "importlib.", "pty.", "ctypes.",
    "builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__", "builtins.getattr", "builtins.open",
    "__builtin__.eval", "__builtin__.exec", "__builtin__.getattr", "webbrowser.", "pip.", "code.", "asyncio.",
    "multiprocessing.", "pickle.", "marshal.", "types.CodeType", "types.FunctionType", "urllib.", "http.", "requests.",
    "cloudpickle.", "dill.", "operator.attrgetter", "functools.partial", "signal.", "timeit.", "bdb.", "pdb.",
)  # fmt: skip
"""Beginnings of what lets a pickle do anything at all. What is missing here is not therefore harmless."""
