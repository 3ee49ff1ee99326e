from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import tidemill
from tidemill.errors import InvalidParameter

spacy = pytest.importorskip("spacy")

TEXTS = ["The tide is coming in.", "The mill stands still."]


@pytest.fixture(scope="module")
def categorizer() -> Any:
    """A blank English pipeline whose text categorizer has learned four sentences."""
    nlp = spacy.blank("en")
    step = nlp.add_pipe("textcat")
    for label in ("water", "land"):
        step.add_label(label)
    about = [("The sea is wide.", "water"), ("A river runs.", "water"), ("A hill.", "land"), ("The field.", "land")]
    examples = [
        spacy.training.Example.from_dict(
            nlp.make_doc(text), {"cats": {"water": found == "water", "land": found == "land"}}
        )
        for text, found in about
    ]
    nlp.initialize(lambda: examples)
    for _ in range(3):
        nlp.update(examples)
    return nlp


def test_mlflow_loads_what_tidemill_saves(categorizer: Any, peer: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": TEXTS})
    tidemill.spacy.save_model(categorizer, tmp_path / "m", input_example=frame)
    native, pyfunc = peer.loads("spacy", tmp_path / "m", frame, "[model(text).cats for text in given['text']]")
    assert native == [one for (one,) in pyfunc]
    assert native == [pytest.approx(categorizer(text).cats) for text in TEXTS]


SAVE = """
import mlflow.spacy, spacy

nlp = spacy.load(pipeline)
mlflow.spacy.save_model(nlp, folder, pip_requirements=["spacy"])
result = [nlp(text).cats for text in given]
"""


def test_tidemill_loads_what_mlflow_saves(categorizer: Any, peer: Any, tmp_path: Path) -> None:
    categorizer.to_disk(tmp_path / "pipeline")
    said = peer.run(SAVE, folder=tmp_path / "m", pipeline=tmp_path / "pipeline", given=TEXTS)
    assert [tidemill.spacy.load_model(tmp_path / "m")(text).cats for text in TEXTS] == said
    model = tidemill.pyfunc.load_model(tmp_path / "m")
    assert model.predict(pd.DataFrame({"text": TEXTS}))["predictions"].tolist() == [pytest.approx(one) for one in said]
    with pytest.raises(InvalidParameter, match="one column"):
        model.predict(pd.DataFrame({"text": TEXTS, "more": TEXTS}))


def test_a_pipeline_without_categories_is_no_pyfunc(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    tidemill.spacy.save_model(nlp, tmp_path / "m")
    assert len(list(tidemill.spacy.load_model(tmp_path / "m")("One. Two.").sents)) == 2
    with pytest.raises(InvalidParameter, match="cannot be called"):
        tidemill.pyfunc.load_model(tmp_path / "m")
    with pytest.raises(InvalidParameter, match="no pipeline of spaCy's"):
        tidemill.spacy.save_model("en", tmp_path / "n")
