"""PyTorch: an exported graph (`pt2`), the weights alone (`safetensors`), or a pickled module where that was asked for.

Files as MLflow's flavor `pytorch` has them (`data/model.pt2`, `data/model.pth`), and `data/model.safetensors`, which MLflow
has not. Weights are data: from an exported graph or a safetensors file they are read into a module that the caller hands
in, and nobody need be trusted. The graph itself is rebuilt by `torch.export.load`, which unpickles and evaluates what it
finds (its documentation says so), and therefore needs `allow_pickle=True`, as a pickle does.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.errors import InvalidParameter
from tidemill.flavors.framework import framework
from tidemill.flavors.weights import exported_weights
from tidemill.models.flavor import Predict, Saved
from tidemill.models.format import inside
from tidemill.models.trust import demand

_FORMATS = ("pt2", "safetensors", "pickle")


class PyTorch:
    """The flavor `pytorch`: a `torch.nn.Module`."""

    name = "pytorch"

    def save(self, model: Any, folder: Path, *, serialization_format: str = "pt2", example: Any = None) -> Saved:
        """Write `model`; `example` is what `pt2` runs it with: an array, a tensor, or a tuple of them."""
        torch = framework("torch", "torch")
        if serialization_format not in _FORMATS:
            raise InvalidParameter(
                f"serialization_format is '{serialization_format}'; it must be one of {', '.join(_FORMATS)}."
            )
        if not isinstance(model, torch.nn.Module):
            raise InvalidParameter(f"A {type(model).__name__} is no torch.nn.Module.")
        data = folder / "data"
        data.mkdir()
        needs, pyfunc = ["torch"], {"loader_module": "mlflow.pytorch", "data": "data", "config": {"device": None}}
        if serialization_format == "safetensors":
            framework("safetensors.torch", "torch").save_model(model, str(data / "model.safetensors"))
            needs.append("safetensors")
        elif serialization_format == "pt2":
            _export(model, data / "model.pt2", example)
        else:
            (data / "pickle_module_info.txt").write_text("pickle")  # what MLflow reads it with
            torch.save(model, data / "model.pth", pickle_module=framework("cloudpickle", "models"))
            needs.append("cloudpickle")
        native = {"model_data": "data", "pytorch_version": str(torch.__version__)}
        return Saved(None if serialization_format == "safetensors" else pyfunc, native, needs)

    def load(self, folder: Path, config: Mapping[str, Any], *, allow_pickle: bool = False, module: Any = None) -> Any:
        """The module, for evaluation. `module`: an instance of its class, which gets the weights and is returned."""
        torch = framework("torch", "torch")
        data = inside(folder, config.get("model_data") or config.get("data") or "data", "model_data")
        if (data / "model.safetensors").exists():
            if module is None:
                raise InvalidParameter("The folder holds weights alone; hand in what they are for: module=YourClass().")
            framework("safetensors.torch", "torch").load_model(
                module, str(inside(data, "model.safetensors", "model_data"))
            )
            return module.eval()
        if (data / "model.pt2").exists():
            path = inside(data, "model.pt2", "model_data")
            if module is not None:
                module.load_state_dict(exported_weights(path))
                return module.eval()
            demand(allow_pickle, "an exported PyTorch graph (without trust: module=YourClass() takes its weights)")
            return torch.export.load(path).module()
        demand(allow_pickle, "a pickled PyTorch module")
        loaded = torch.load(inside(data, "model.pth", "model_data"), map_location="cpu", weights_only=False)
        return loaded.eval()

    def would_run(self, folder: Path, config: Mapping[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
        """What loading runs beyond pickles, for an audit: (file, in words, names)."""
        data = inside(folder, config.get("model_data") or config.get("data") or "data", "model_data")
        if not (data / "model.pt2").exists():
            return []
        text = (
            "an exported graph, parts of which are unpickled and evaluated; not if module=YourClass() takes its weights"
        )
        return [((data / "model.pt2").relative_to(folder.resolve()).as_posix(), text, ("torch.export.load",))]

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predict:
        """A frame to a frame, an array to an array; params are arguments of the module's `forward`."""
        torch = framework("torch", "torch")

        def predict(data: Any, params: dict[str, Any] | None) -> Any:
            with torch.no_grad():
                found = native(torch.from_numpy(_as_array(data)), **(params or {}))
            if not isinstance(found, torch.Tensor):
                raise InvalidParameter(f"The model gave a {type(found).__name__}; a pyfunc's must be a tensor.")
            if not hasattr(data, "columns"):
                return found.cpu().numpy()
            import pandas as pd

            return pd.DataFrame(found.cpu().numpy(), index=data.index)

        return predict


def _export(model: Any, path: Path, example: Any) -> None:
    if example is None:
        raise InvalidParameter(
            "PyTorch exports a module by running it: give input_example (an array or tensor, or a tuple of them), "
            "or save the weights alone with serialization_format='safetensors'."
        )
    torch = framework("torch", "torch")
    given = example if isinstance(example, tuple) else (example,)
    inputs = tuple(one if isinstance(one, torch.Tensor) else torch.from_numpy(_as_array(one)) for one in given)
    # The first dimension is the batch; one row alone would say that there is never more than one.
    free = tuple({0: torch.export.Dim.AUTO} if one.dim() and len(one) > 1 else None for one in inputs)
    torch.export.save(torch.export.export(model, inputs, dynamic_shapes=free), path)


def _as_array(data: Any) -> Any:
    """Arrays as they are, the numbers of a frame in single precision, which is what modules have for weights."""
    import numpy as np

    array = data.to_numpy(dtype=np.float32) if hasattr(data, "columns") else np.asarray(data)
    return np.require(array, requirements="W")  # a tensor shares its memory, and nothing says that it is read-only


flavor = PyTorch()
