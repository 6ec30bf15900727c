"""The study config: typed, one source of truth. Imports no torch."""

from vqa.config.datasets import (
    Dataset,
    DemoDataset,
    LabelFile,
    LabelsDataset,
    NativeDataset,
    PresetDataset,
    RawVideo,
    TableDataset,
    VsfaInfoDataset,
)
from vqa.config.load import dataset, load, parse, to_yaml, validate
from vqa.config.names import MODES, HeadName, Mode, NativeReader, Precision, SplitMethod
from vqa.config.schema import (
    BackboneSettings,
    Experiment,
    Extraction,
    Run,
    Study,
    Training,
    identity,
)

__all__ = [
    "MODES", "BackboneSettings", "Dataset", "DemoDataset", "Experiment", "Extraction", "HeadName", "LabelFile",
    "LabelsDataset", "Mode", "NativeDataset", "NativeReader", "Precision", "PresetDataset", "RawVideo", "Run",
    "SplitMethod", "Study", "TableDataset", "Training", "VsfaInfoDataset", "dataset", "identity", "load", "parse",
    "to_yaml", "validate",
]  # fmt: skip
