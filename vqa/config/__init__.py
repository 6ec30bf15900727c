"""The study config: typed, one source of truth. Imports no torch."""

from vqa.config.backbones import BackboneSettings, ImportedFeatures, NameList
from vqa.config.base import identity
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
from vqa.config.experiment import Experiment
from vqa.config.load import dataset, load, parse, read, to_yaml, validate
from vqa.config.names import MODES, Mode, NativeReader, Precision
from vqa.config.schema import Statistics, Study
from vqa.config.stages import Extraction, Run, Training

__all__ = [
    "MODES", "BackboneSettings", "Dataset", "DemoDataset", "Experiment", "Extraction", "ImportedFeatures", "LabelFile",
    "LabelsDataset", "Mode", "NameList", "NativeDataset", "NativeReader", "Precision", "PresetDataset", "RawVideo",
    "Run", "Statistics", "Study", "TableDataset", "Training", "VsfaInfoDataset", "dataset", "identity", "load",
    "parse", "read", "to_yaml", "validate",
]  # fmt: skip
