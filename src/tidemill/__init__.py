"""Tidemill: the whole life of a machine-learning model in one small package.

The public names, each imported from its own module when it is first used (PEP 562), so that `import tidemill` costs
next to nothing. Nothing inside the package imports this table.
"""

from importlib import import_module

TYPE_CHECKING = False  # what type checkers take for true; importing `typing` for it would be most of our cost
if TYPE_CHECKING:
    from typing import Any

    from tidemill import artifacts as artifacts
    from tidemill import catboost as catboost
    from tidemill import data as data
    from tidemill import entities as entities
    from tidemill import exceptions as exceptions
    from tidemill import fastai as fastai
    from tidemill import keras as keras
    from tidemill import lightgbm as lightgbm
    from tidemill import lightning as lightning
    from tidemill import models as models
    from tidemill import onnx as onnx
    from tidemill import optuna as optuna
    from tidemill import projects as projects
    from tidemill import prophet as prophet
    from tidemill import pyfunc as pyfunc
    from tidemill import pytorch as pytorch
    from tidemill import serving as serving
    from tidemill import sklearn as sklearn
    from tidemill import spacy as spacy
    from tidemill import spark as spark
    from tidemill import statsmodels as statsmodels
    from tidemill import tracking as tracking
    from tidemill import transformers as transformers
    from tidemill import xgboost as xgboost
    from tidemill.evaluation.checks import MetricThreshold as MetricThreshold
    from tidemill.evaluation.evaluate import evaluate as evaluate
    from tidemill.evaluation.measures import make_metric as make_metric
    from tidemill.evaluation.result import EvaluationResult as EvaluationResult
    from tidemill.evaluation.result import validate_evaluation_results as validate_evaluation_results
    from tidemill.exceptions import MlflowException as MlflowException
    from tidemill.projects.submit import run as run
    from tidemill.tracking import client as client
    from tidemill.tracking.autolog.frameworks import autolog as autolog
    from tidemill.tracking.client import Client as Client
    from tidemill.tracking.client import MlflowClient as MlflowClient
    from tidemill.tracking.fluent import active_run as active_run
    from tidemill.tracking.fluent import create_experiment as create_experiment
    from tidemill.tracking.fluent import delete_experiment as delete_experiment
    from tidemill.tracking.fluent import delete_experiment_tag as delete_experiment_tag
    from tidemill.tracking.fluent import delete_logged_model as delete_logged_model
    from tidemill.tracking.fluent import delete_logged_model_tag as delete_logged_model_tag
    from tidemill.tracking.fluent import delete_run as delete_run
    from tidemill.tracking.fluent import delete_tag as delete_tag
    from tidemill.tracking.fluent import end_run as end_run
    from tidemill.tracking.fluent import finalize_logged_model as finalize_logged_model
    from tidemill.tracking.fluent import get_artifact_uri as get_artifact_uri
    from tidemill.tracking.fluent import get_experiment as get_experiment
    from tidemill.tracking.fluent import get_experiment_by_name as get_experiment_by_name
    from tidemill.tracking.fluent import get_logged_model as get_logged_model
    from tidemill.tracking.fluent import get_parent_run as get_parent_run
    from tidemill.tracking.fluent import get_run as get_run
    from tidemill.tracking.fluent import get_tracking_uri as get_tracking_uri
    from tidemill.tracking.fluent import initialize_logged_model as initialize_logged_model
    from tidemill.tracking.fluent import is_tracking_uri_set as is_tracking_uri_set
    from tidemill.tracking.fluent import last_active_run as last_active_run
    from tidemill.tracking.fluent import load_table as load_table
    from tidemill.tracking.fluent import log_artifact as log_artifact
    from tidemill.tracking.fluent import log_artifacts as log_artifacts
    from tidemill.tracking.fluent import log_dict as log_dict
    from tidemill.tracking.fluent import log_figure as log_figure
    from tidemill.tracking.fluent import log_image as log_image
    from tidemill.tracking.fluent import log_input as log_input
    from tidemill.tracking.fluent import log_inputs as log_inputs
    from tidemill.tracking.fluent import log_metric as log_metric
    from tidemill.tracking.fluent import log_metrics as log_metrics
    from tidemill.tracking.fluent import log_model_params as log_model_params
    from tidemill.tracking.fluent import log_outputs as log_outputs
    from tidemill.tracking.fluent import log_param as log_param
    from tidemill.tracking.fluent import log_params as log_params
    from tidemill.tracking.fluent import log_table as log_table
    from tidemill.tracking.fluent import log_text as log_text
    from tidemill.tracking.fluent import search_experiments as search_experiments
    from tidemill.tracking.fluent import search_logged_models as search_logged_models
    from tidemill.tracking.fluent import search_runs as search_runs
    from tidemill.tracking.fluent import set_experiment_tag as set_experiment_tag
    from tidemill.tracking.fluent import set_experiment_tags as set_experiment_tags
    from tidemill.tracking.fluent import set_logged_model_tags as set_logged_model_tags
    from tidemill.tracking.fluent import set_tag as set_tag
    from tidemill.tracking.fluent import set_tags as set_tags
    from tidemill.tracking.fluent import set_tracking_uri as set_tracking_uri
    from tidemill.tracking.fluent import start_run as start_run
    from tidemill.tracking.media import Image as Image
    from tidemill.tracking.registry import model_card as model_card
    from tidemill.tracking.registry import register_model as register_model
    from tidemill.tracking.registry import search_model_versions as search_model_versions
    from tidemill.tracking.registry import search_registered_models as search_registered_models
    from tidemill.tracking.registry import set_model_version_tag as set_model_version_tag
    from tidemill.tracking.run import ActiveRun as ActiveRun
    from tidemill.tracking.start import set_experiment as set_experiment
    from tidemill.tracking.system import disable_system_metrics_logging as disable_system_metrics_logging
    from tidemill.tracking.system import enable_system_metrics_logging as enable_system_metrics_logging
    from tidemill.tracking.system import set_system_metrics_node_id as set_system_metrics_node_id
    from tidemill.tracking.system import (
        set_system_metrics_samples_before_logging as set_system_metrics_samples_before_logging,
    )
    from tidemill.tracking.system import set_system_metrics_sampling_interval as set_system_metrics_sampling_interval

__version__ = "0.1.0"

_HOME = {
    "tidemill.evaluation.checks": "MetricThreshold",
    "tidemill.evaluation.evaluate": "evaluate",
    "tidemill.evaluation.measures": "make_metric",
    "tidemill.evaluation.result": "EvaluationResult validate_evaluation_results",
    "tidemill.tracking.client": "Client MlflowClient",
    "tidemill.tracking.autolog.frameworks": "autolog",
    "tidemill.exceptions": "MlflowException",
    "tidemill.projects.submit": "run",
    "tidemill.tracking.media": "Image",
    "tidemill.tracking.registry": """
        model_card register_model search_model_versions search_registered_models set_model_version_tag
    """,
    "tidemill.tracking.run": "ActiveRun",
    "tidemill.tracking.start": "set_experiment",
    "tidemill.tracking.system": """
        disable_system_metrics_logging enable_system_metrics_logging set_system_metrics_node_id
        set_system_metrics_samples_before_logging set_system_metrics_sampling_interval
    """,
    "tidemill.tracking.fluent": """
        active_run create_experiment delete_experiment delete_experiment_tag delete_logged_model
        delete_logged_model_tag delete_run delete_tag end_run finalize_logged_model get_artifact_uri get_experiment
        get_experiment_by_name get_logged_model get_parent_run get_run get_tracking_uri initialize_logged_model
        is_tracking_uri_set last_active_run load_table log_artifact log_artifacts log_dict log_figure log_image
        log_input log_inputs log_metric log_metrics log_model_params log_outputs log_param log_params log_table
        log_text search_experiments search_logged_models search_runs set_experiment_tag set_experiment_tags
        set_logged_model_tags set_tag set_tags set_tracking_uri start_run
    """,
}
_HOME_OF = {name: home for home, names in _HOME.items() for name in names.split()}
_MODULES = {
    "artifacts": "tidemill.artifacts",
    "client": "tidemill.tracking.client",
    "data": "tidemill.data",
    "entities": "tidemill.entities",
    "exceptions": "tidemill.exceptions",
    "lightgbm": "tidemill.lightgbm",
    "sklearn": "tidemill.sklearn",
    "statsmodels": "tidemill.statsmodels",
    "fastai": "tidemill.fastai",
    "keras": "tidemill.keras",
    "lightning": "tidemill.lightning",
    "optuna": "tidemill.optuna",
    "projects": "tidemill.projects",
    "pyfunc": "tidemill.pyfunc",
    "catboost": "tidemill.catboost",
    "models": "tidemill.models",
    "onnx": "tidemill.onnx",
    "prophet": "tidemill.prophet",
    "serving": "tidemill.serving",
    "spacy": "tidemill.spacy",
    "spark": "tidemill.spark",
    "pytorch": "tidemill.pytorch",
    "transformers": "tidemill.transformers",
    "tracking": "tidemill.tracking",
    "xgboost": "tidemill.xgboost",
}


def __getattr__(name: str) -> "Any":
    if name in _HOME_OF:
        found = getattr(import_module(_HOME_OF[name]), name)
    elif name in _MODULES:
        found = import_module(_MODULES[name])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF, *_MODULES])
