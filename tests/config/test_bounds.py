"""Where each number of a config ends, and what a study that leaves a key out is given."""

from typing import Any

import annotated_types
import pytest
from pydantic import BaseModel, ValidationError

from vqa.config import experiment, init, schema, stages

GIVEN: dict[type[BaseModel], dict[str, Any]] = {
    schema.DemoDataset: {"reader": "demo"},
    schema.NativeDataset: {"reader": "cvd2014", "path": "x"},
    schema.TableDataset: {"reader": "table", "path": "x"},
    schema.PresetDataset: {"reader": "lsvq", "path": "x"},
    schema.RawVideo: {"width": 1920, "height": 1080},
    experiment.Experiment: {"backbone": "resnet50"},
    init.Init: {"dataset": "lsvq", "experiment": "frames"},
}
# model, key, the last value that is allowed, the first that is not
BOUNDS = [
    (schema.TableDataset, "buckets", 1, 0),
    (schema.TableDataset, "buckets", 10_000, 10_001),
    (schema.TableDataset, "separator", "|", "||"),
    (schema.TableDataset, "separator", ";", ""),
    (schema.TableDataset, "extension", ".mp4", "mp4"),
    (schema.PresetDataset, "buckets", 1, 0),
    (schema.RawVideo, "width", 2, 0),
    (schema.RawVideo, "height", 2, 1),
    (schema.RawVideo, "fps", 0.001, 0),
    (schema.NativeDataset, "buckets", 1, 0),
    (schema.DemoDataset, "buckets", 1, 0),
    (schema.DemoDataset, "videos", 5, 4),
    (schema.DemoDataset, "videos", 10_000, 10_001),
    (schema.DemoDataset, "scenes", 1, 0),
    (schema.DemoDataset, "width", 64, 62),
    (schema.DemoDataset, "width", 66, 65),
    (schema.DemoDataset, "height", 64, 62),
    (schema.DemoDataset, "height", 66, 65),
    (schema.DemoDataset, "seconds", 0.001, 0),
    (schema.DemoDataset, "fps", 1, 0),
    (schema.DemoDataset, "fps", 240, 241),
    (schema.DemoDataset, "seed", 0, -1),
    (experiment.Experiment, "sampler", 0, -1),
    (experiment.Experiment, "batch_size", 1, 0),
    (experiment.Experiment, "epochs", 0, -1),
    (experiment.Experiment, "lr", 1e-30, 0),
    (experiment.Experiment, "lr", 1e30, 1e31),
    (experiment.Experiment, "modes", ["OO"], []),
    (experiment.Experiment, "datasets", ("any",), ()),
    (init.Init, "dataset", "lsvq", "a/b"),
    (init.Init, "experiment", "frames", "a b"),
    (stages.Extraction, "memory_mb", 100, 99),
    (stages.Extraction, "gpu_mb", 0, -1),
    (stages.Extraction, "jobs_per_gpu", 1, 0),
    (stages.Extraction, "threads", 1, 0),
    (stages.Extraction, "stall_seconds", 1, 0),
    (schema.BackboneSettings, "every", 1, 0),
    (schema.BackboneSettings, "node", "layer4.2", "layer4 2"),
    (experiment.Experiment, "backbone", "resnet50", "resnet50;"),
    (stages.Training, "epochs", 1, 0),
    (stages.Training, "lr", 1e-30, 0),
    (stages.Training, "lr", 1e30, 1e31),
    (stages.Run, "lr", 1e30, 1e38),
    (stages.Training, "weight_decay", 0, -1e-9),
    (stages.Training, "weight_decay", 1e30, 1e31),
    (stages.Training, "step_epochs", 1, 0),
    (stages.Training, "step_gamma", 1e-9, 0),
    (stages.Training, "step_gamma", 1, 1.001),
    (stages.Training, "patience", 0, -1),
    (stages.Training, "jobs_per_gpu", 1, 0),
    (stages.Training, "features_mb", 0, -1),
    (stages.Training, "threads", 1, 0),
    (stages.Run, "epochs", 0, -1),
    (stages.Run, "sampler", 0, -1),
    (stages.Run, "batch_size", 1, 0),
    (schema.Statistics, "margin", 1e-9, 0),
    (schema.Statistics, "margin", 1e9, float("inf")),
    (schema.Statistics, "alpha", 1e-9, 0),
    (schema.Statistics, "alpha", 0.499, 0.5),
    (schema.Plots, "dpi", 50, 49),
    (schema.Plots, "dpi", 1200, 1201),
]
# What a changed default would change in every study that leaves the key out: results, not convenience.
DEFAULTS: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (schema.DemoDataset, {"videos": 60, "scenes": 12, "width": 320, "height": 240, "seconds": 2.0, "fps": 24, "seed": 0,
                          "buckets": 4, "on_bad_video": "fail", "exclude": (), "permutations": None}),
    (schema.NativeDataset, {"buckets": 16, "on_bad_video": "fail"}),
    (schema.TableDataset, {"buckets": 8, "on_bad_video": "fail", "ids": "stem", "separator": ",", "test_sets": ()}),
    (schema.RawVideo, {"pixel_format": "yuv420p"}),
    (schema.BackboneSettings, {"weights": None, "node": None, "every": 1, "network": None, "cube_input": "crop112",
                               "class_token": "leave-out"}),
    (experiment.Experiment, {"sampler": 0, "head": "vsfa", "batch_size": 16, "epochs": None, "lr": None,
                         "modes": ("OO", "OS", "SO", "SS")}),
    (stages.Extraction, {"decoder": "pyav", "storage": "float16"}),
    (stages.Training, {"epochs": 2000, "lr": 1e-5, "weight_decay": 0.0, "schedule": "constant", "step_epochs": 200,
                       "step_gamma": 0.8, "selection": "best-val-srocc", "redraw": "run", "sample_test": True,
                       "label_scale": "dataset", "precision": "float32"}),
    (stages.Run, {"sampler": 0, "head": "vsfa", "batch_size": 16, "split": "random"}),
    (schema.Splits, {"method": "random"}),
    (schema.Statistics, {"margin": 0.02, "alpha": 0.05}),
]  # fmt: skip


def made(model: type[BaseModel], **keys: Any) -> BaseModel:
    return model(**GIVEN.get(model, {}) | keys)


@pytest.mark.parametrize("model,key,allowed,refused", BOUNDS)
def test_a_number_is_allowed_up_to_its_bound_and_refused_behind_it(model, key, allowed, refused):
    assert made(model, **{key: allowed})
    with pytest.raises(ValidationError, match=key):
        made(model, **{key: refused})


@pytest.mark.parametrize("model,expected", DEFAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_key_that_is_left_out_has_the_documented_value(model, expected):
    settings = made(model)
    assert {key: getattr(settings, key) for key in expected} == expected


def test_every_bounded_key_is_tried():
    """A bound that comes later gets its line above."""
    tried = {key for _, key, *_ in BOUNDS}
    for model in {*schema.SECTIONS.values(), stages.Run} - {schema.Study}:
        bounded = {
            key
            for key, field in model.model_fields.items()
            if any(isinstance(each, annotated_types.BaseMetadata) for each in field.metadata)
        }
        assert bounded <= tried, model.__name__
