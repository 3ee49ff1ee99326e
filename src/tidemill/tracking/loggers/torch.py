"""Plain PyTorch: norms of gradients and parameters while a model trains, and what the model consists of."""

from typing import Any

from tidemill.errors import InvalidParameter, MissingDependency
from tidemill.tracking.caution import caution
from tidemill.tracking.loggers.writer import RunWriter, Writer

SUMMARY = "model_summary.txt"


class Watch:
    """What `watch` answers; `remove` ends it. As a context manager it ends with the block."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def remove(self) -> None:
        """Log no more. The training is left as it was."""
        self._handle.remove()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def watch(
    model: Any, every: int = 100, layers: bool = False, run_id: str | None = None, writer: Writer | None = None
) -> Watch:
    """Log, at every `every`-th step of any optimizer of this model's parameters, from the first on:

    - `gradients/norm` and `parameters/norm`: the L2 norms over all of them (`layers=True`: of each tensor as well, as
      `gradients/<name>/norm`), as the optimizer sees them, so after clipping;
    - `learning_rate`, with several groups of parameters `learning_rate/<group>`.

    The step counts optimizer steps. Steps that are not logged cost less than a microsecond. Goes to the active run, or
    to `run_id`. Raises MissingDependency without torch, InvalidParameter for `every` below 1.
    """
    torch = _torch()
    if every < 1:
        raise InvalidParameter(f"'every' must be 1 or more, not {every}.")
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    target = writer or RunWriter(run_id=run_id)
    names = {id(tensor): name for name, tensor in model.named_parameters()}
    state = {"step": 0, "failed": False}

    def before_step(optimizer: Any, *_: Any) -> None:
        first = optimizer.param_groups[0]["params"]
        if state["failed"] or not first or id(first[0]) not in names:
            return
        step = state["step"]
        state["step"] += 1
        if step % every == 0:
            tensors = [tensor for group in optimizer.param_groups for tensor in group["params"]]
            try:
                target.metrics(_measured(torch, optimizer, tensors, names if layers else {}), step)
            except Exception as failure:  # the training is worth more than its norms
                state["failed"] = True
                caution(f"gradients could not be logged: {failure}")

    return Watch(register_optimizer_step_pre_hook(before_step))


def _measured(torch: Any, optimizer: Any, tensors: list[Any], names: dict[int, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with torch.no_grad():
        for kind, pairs in (
            ("gradients", [(one, one.grad) for one in tensors if one.grad is not None]),
            ("parameters", [(one, one) for one in tensors]),
        ):
            if not pairs:
                continue
            first = pairs[0][1].device
            norms = [torch.linalg.vector_norm(_dense(value)).float().to(first) for _, value in pairs]
            sizes = torch.stack(norms)
            found[f"{kind}/norm"] = torch.linalg.vector_norm(sizes).item()
            if names:
                each = zip(pairs, sizes.tolist(), strict=True)
                found.update({f"{kind}/{names[id(one)]}/norm": size for (one, _), size in each if id(one) in names})
    groups = optimizer.param_groups
    for place, group in enumerate(groups):
        found["learning_rate" if len(groups) == 1 else f"learning_rate/{place}"] = group.get("lr")
    return found


def _dense(tensor: Any) -> Any:
    return tensor.coalesce().values() if tensor.is_sparse else tensor


def summary(model: Any) -> str:
    """A table of the model's modules with the shapes of their own parameters, and how many there are in all."""
    rows = [("module", "kind", "parameters", "shapes")]
    for name, module in model.named_modules():
        own = list(module.parameters(recurse=False))
        if own or not list(module.children()):
            shapes = ", ".join(map(_shape, own))
            rows.append((name or "(model)", type(module).__name__, f"{sum(map(_count, own)):,}", shapes))
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    lines = [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip() for row in rows]
    everything = list(model.parameters())
    trained = sum(_count(one) for one in everything if one.requires_grad)
    total = sum(map(_count, everything))
    size = sum(_count(one) * one.element_size() for one in everything if not _is_lazy(one)) / 1e6
    return "\n".join([*lines, "", f"{total:,} parameters ({size:.1f} MB), {trained:,} of them trained", ""])


def log_summary(model: Any, run_id: str | None = None, writer: Writer | None = None) -> None:
    """Write `summary(model)` as the run's file `model_summary.txt`, and the numbers of parameters as params."""
    target = writer or RunWriter(run_id=run_id)
    everything = list(model.parameters())
    target.text(summary(model), SUMMARY)
    target.params(
        {
            "model_parameters": sum(map(_count, everything)),
            "model_trained_parameters": sum(_count(one) for one in everything if one.requires_grad),
        }
    )


def _shape(tensor: Any) -> str:
    return "not known yet" if _is_lazy(tensor) else "x".join(map(str, tensor.shape)) or "scalar"


def _count(tensor: Any) -> int:
    return 0 if _is_lazy(tensor) else int(tensor.numel())


def _is_lazy(tensor: Any) -> bool:
    """Whether this belongs to a lazy module that has not been called yet."""
    return type(tensor).__name__.startswith("Uninitialized")


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise MissingDependency("torch", "torch", "Watching a model") from None
    return torch
