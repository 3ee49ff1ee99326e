from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import tidemill
from tidemill.errors import InvalidParameter, NotFound, Untrusted

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
tokenizers = pytest.importorskip("tokenizers")

WORDS = ["[PAD]", "[UNK]", "[MASK]", "[CLS]", "[SEP]", "the", "tide", "comes", "in", "mill", "turns"]


def _tokenizer() -> Any:
    words = tokenizers.models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]")
    made = tokenizers.Tokenizer(words)
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    names = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "mask_token": "[MASK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
    }
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)


def _pipeline(task: str) -> Any:
    """A tiny model of random weights, made from a configuration: nothing is downloaded."""
    torch.manual_seed(1)
    small = {"vocab_size": len(WORDS), "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(**small, intermediate_size=8)
    kinds = {
        "text-classification": transformers.BertForSequenceClassification,
        "token-classification": transformers.BertForTokenClassification,
        "fill-mask": transformers.BertForMaskedLM,
        "feature-extraction": transformers.BertModel,
    }
    if task == "text-generation":
        gpt = transformers.GPT2Config(
            vocab_size=len(WORDS), n_embd=8, n_layer=1, n_head=2, n_positions=32, bos_token_id=3, eos_token_id=4
        )
        return transformers.pipeline(task, model=transformers.GPT2LMHeadModel(gpt).eval(), tokenizer=_tokenizer())
    return transformers.pipeline(task, model=kinds[task](config).eval(), tokenizer=_tokenizer())


GENERATE = {"max_new_tokens": 4, "do_sample": False}
TASKS = {
    "text-classification": ["the tide comes in", "the mill turns"],
    "token-classification": ["the tide comes in", "the mill turns"],
    "fill-mask": ["the [MASK] comes in", "the [MASK] turns"],
    "text-generation": ["the tide", "the mill turns"],
    "feature-extraction": ["the tide comes in"],
}


def _close(one: Any, other: Any) -> None:
    if one and isinstance(one[0], list) and isinstance(one[0][-1], float):
        assert [row[:-1] for row in one] == [row[:-1] for row in other] or isinstance(one[0][0], float)
        np.testing.assert_allclose([row[-1] for row in one], [row[-1] for row in other], rtol=1e-4)
    else:
        assert one == other


def _plain(said: Any) -> Any:
    said = said.to_numpy(dtype=object) if isinstance(said, pd.DataFrame) else said
    return said.tolist() if hasattr(said, "tolist") else said


@pytest.mark.parametrize("task", TASKS)
def test_mlflow_loads_what_tidemill_saves(task: str, peer: Any, tmp_path: Path) -> None:
    pipeline, options = _pipeline(task), GENERATE if task == "text-generation" else None
    tidemill.transformers.save_model(pipeline, tmp_path / "m", model_config=options)
    predict = "model(given, **options)".replace("options", repr(options or {}))
    native, pyfunc = peer.loads("transformers", tmp_path / "m", TASKS[task], predict)
    assert len(native) == len(TASKS[task])
    _close(pyfunc, _plain(tidemill.pyfunc.load_model(tmp_path / "m").predict(TASKS[task])))


SAVE = """
import mlflow.transformers, transformers

model = transformers.pipeline(task, model=saved + "/model", tokenizer=saved + "/components/tokenizer")
mlflow.transformers.save_model(model, folder, pip_requirements=["transformers"], model_config=options)
result = mlflow.pyfunc.load_model(folder).predict(given)
"""


@pytest.mark.parametrize("task", TASKS)
def test_tidemill_loads_what_mlflow_saves(task: str, peer: Any, tmp_path: Path) -> None:
    options = GENERATE if task == "text-generation" else None
    tidemill.transformers.save_model(_pipeline(task), tmp_path / "ours")
    said = peer.run(
        SAVE, folder=tmp_path / "m", saved=str(tmp_path / "ours"), task=task, given=TASKS[task], options=options
    )
    assert tidemill.transformers.load_model(tmp_path / "m").task == task
    loaded = tidemill.pyfunc.load_model(tmp_path / "m")
    _close(said, _plain(loaded.predict(TASKS[task])))


def test_one_text_a_frame_and_params(tmp_path: Path) -> None:
    pipeline = _pipeline("text-generation")
    tidemill.transformers.save_model(pipeline, tmp_path / "m", input_example=["the tide"], model_config=GENERATE)
    model = tidemill.pyfunc.load_model(tmp_path / "m")
    [said] = model.predict("the tide")
    assert said == pipeline("the tide", **GENERATE)[0]["generated_text"]
    assert model.predict(pd.DataFrame({"text": ["the tide"]})) == [said]
    shorter = tidemill.pyfunc.load_model(tmp_path / "m", model_config={"max_new_tokens": 1})
    assert len(shorter.predict("the tide")[0]) < len(said)


def test_parts_and_a_task(tmp_path: Path) -> None:
    pipeline = _pipeline("fill-mask")
    parts = {"model": pipeline.model, "tokenizer": pipeline.tokenizer}
    tidemill.transformers.save_model(parts, tmp_path / "m", task="fill-mask")
    said = tidemill.transformers.load_model(tmp_path / "m")("the [MASK] turns")
    assert said[0]["token_str"] == pipeline("the [MASK] turns")[0]["token_str"]
    with pytest.raises(InvalidParameter, match="no pipeline"):
        tidemill.transformers.save_model("gpt2", tmp_path / "n")


def test_weights_are_data(tmp_path: Path) -> None:
    tidemill.transformers.save_model(_pipeline("fill-mask"), tmp_path / "m")
    weights = tmp_path / "m" / "model" / "model.safetensors"
    assert weights.exists()
    torch.save({}, weights.with_name("pytorch_model.bin"))
    weights.unlink()
    with pytest.raises(Untrusted, match="weights in pickles"):
        tidemill.transformers.load_model(tmp_path / "m")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pipeline_model_type", "pipeline"),
        ("pipeline_model_type", "Mine"),
        ("components", ["../.."]),
        ("model_binary", "no"),
    ],
)
def test_a_folder_cannot_name_other_classes(name: str, value: Any, tmp_path: Path) -> None:
    tidemill.transformers.save_model(_pipeline("fill-mask"), tmp_path / "m")
    file = tmp_path / "m" / "MLmodel"
    said = yaml.safe_load(file.read_text())
    said["flavors"]["transformers"][name] = value
    file.write_text(yaml.safe_dump(said))
    with pytest.raises((InvalidParameter, NotFound)):
        tidemill.transformers.load_model(tmp_path / "m")
