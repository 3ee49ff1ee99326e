"""What the journals on this disk say of a run that a program goes on with."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tidemill.api import codec, runs
from tidemill.journal import format, segments, state
from tidemill.types.metrics import Metric
from tidemill.types.page import Tag
from tidemill.types.runs import CreateRun, Run, RunData


def has_run(root: Path, target: str, run_id: str) -> bool:
    """Whether a journal here, still to be sent to `target`, creates the run."""
    return any(True for _ in _creations(root, target, run_id))


def created(root: Path, target: str, run: Run) -> Run:
    """`run` with what its creation says, where that still waits in a journal; else as it is."""
    for arg in _creations(root, target, run.info.run_id):
        info = msgspec.structs.replace(
            run.info,
            experiment_id=arg.experiment_id,
            run_name=arg.run_name,
            user_id=arg.user_id,
            start_time=arg.start_time,
        )
        tags = {tag.key: tag.value for tag in arg.tags} | {"mlflow.runName": arg.run_name}
        data = RunData(run.data.metrics, run.data.params, [Tag(key, value) for key, value in tags.items()])
        return Run(info, data, run.inputs, run.outputs)
    return run


def with_last_points(root: Path, target: str, run: Run) -> Run:
    """`run` with the last point of each metric, in the journals here and in what is known already."""
    latest = {metric.key: metric for metric in run.data.metrics}
    for record, texts in _waiting(root, target):
        if record.kind != format.POINTS:
            continue
        point = format.read_points(record.payload)
        if texts.get(point.run) != run.info.run_id:
            continue
        for slot, value in zip(point.keys, point.values, strict=True):
            key = texts[slot]
            known = latest.get(key)
            if known is None or (point.step, point.timestamp) >= (known.step, known.timestamp):
                latest[key] = Metric(key, value, point.timestamp, point.step)
    return Run(run.info, RunData(list(latest.values()), run.data.params, run.data.tags), run.inputs, run.outputs)


def _creations(root: Path, target: str, run_id: str) -> Iterator[CreateRun]:
    for record, _ in _waiting(root, target):
        if record.kind == format.CALL:
            name, body = format.read_call(record.payload)
            if name == runs.create.name:
                arg = codec.decode_request(runs.create, body)
                if arg.run_id == run_id:
                    yield arg


def _waiting(root: Path, target: str) -> Iterator[tuple[format.Record, dict[int, str]]]:
    """Every record that is still to be sent, with what the slots of its segment mean."""
    for folder in state.journals(root):
        known = state.load(folder)
        if state.read_target(folder) != target or state.is_sent(folder, known):
            continue
        for number in segments.numbers(folder):
            if number >= known.segment:
                yield from _records(folder, number, known.offset if number == known.segment else 0)


def _records(folder: Path, number: int, sent: int) -> Iterator[tuple[format.Record, dict[int, str]]]:
    texts: dict[int, str] = {}
    try:
        for found in segments.read(folder, number):
            if isinstance(found, format.Damage):
                return
            if found.kind == format.DEFINE:
                slot, text = format.read_define(found.payload)
                texts[slot] = text
            elif found.end > sent:
                yield found, texts
    except FileNotFoundError:
        return  # sent and removed this moment
