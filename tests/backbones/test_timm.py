"""timm's models give the features of plain timm, or are refused in one line; `vqa extract` takes them."""

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("timm")

import timm
from PIL import Image
from safetensors.torch import save_file

from tests.backbones import plain_timm
from tests.backbones.plain_timm import KINDS, REFUSED, WITH_CLASS_TOKEN
from tests.backbones.test_networks import run
from tests.conftest import REPO, vqa
from vqa.backbones import create, place, spec
from vqa.backbones.registry import check_settings
from vqa.backbones.timm_catalogue import NAMES, row, table
from vqa.cli.models import list_ as list_backbones
from vqa.config import BackboneSettings, Extraction
from vqa.features import shards
from vqa.features.identity import settings_of
from vqa.features.index import origin_of
from vqa.manifest import Video, write_manifest
from vqa.system.errors import RunError, UserError
from vqa.video import open_video

FAST = ("test_efficientnet", "test_mambaout", "test_vit")
EXTRACTED = (
    "convnext_atto", "deit_tiny_distilled_patch16_224", "edgenext_xx_small", "efficientnet_b0",
    "eva02_tiny_patch14_224", "mambaout_femto", "mobilenetv4_conv_small_035", "resnet10t",
    "swin_tiny_patch4_window7_224", "test_vit2",    "vit_small_patch14_reg4_dinov2", "xcit_nano_12_p16_224",
)  # fmt: skip


def agree(name: str, found: np.ndarray, expected: plain_timm.Plain) -> None:
    assert found.shape == expected.features.shape
    deviations = expected.features[:, expected.features.shape[1] // 2 :]
    assert np.median(deviations) > 1e-3 * expected.peak, "the random network tells nothing apart"
    np.testing.assert_allclose(found, expected.features, rtol=0, atol=1e-5 * expected.peak)


def compare(name: str, folder: Path) -> None:
    model = plain_timm.network(name)
    expected = plain_timm.plain(name, plain_timm.frames(name), model)
    torch.save(expected.state, folder / "w.pth")
    ours = create(f"timm/{name}", folder / "w.pth").optimise(torch.float32)
    agree(name, run(ours, expected.frames), expected)


@pytest.mark.parametrize("name", FAST)
def test_a_timm_model_of_each_layout_gives_the_plain_features(name, tmp_path):
    compare(name, tmp_path)


@pytest.mark.networks
@pytest.mark.parametrize("name", KINDS)
def test_every_family_of_timm_gives_the_plain_features(name, tmp_path):
    compare(name, tmp_path)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "test_vit" else pytest.mark.networks) for name in WITH_CLASS_TOKEN],
)
def test_a_class_token_stands_behind_the_plain_features_or_in_their_place(name, tmp_path):
    model = plain_timm.network(name)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    for class_token in ("append", "only"):
        expected = plain_timm.plain(name, plain_timm.frames(name), model, class_token)
        ours = create(f"timm/{name}", tmp_path / "w.pth", class_token=class_token).optimise(torch.float32)
        found = run(ours, expected.frames)
        assert found.shape == expected.features.shape
        np.testing.assert_allclose(found, expected.features, rtol=0, atol=1e-5 * expected.peak)


def test_the_class_token_is_what_timms_own_classifier_reads(tmp_path):
    model = plain_timm.network("test_vit")
    torch.save(model.state_dict(), tmp_path / "w.pth")
    seen = []
    model.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].numpy()))
    frames = plain_timm.frames("test_vit")
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    with torch.no_grad():
        model(torch.stack([transform(Image.fromarray(frame)) for frame in frames]))
    ours = create("timm/test_vit", tmp_path / "w.pth", class_token="only").optimise(torch.float32)
    np.testing.assert_allclose(run(ours, frames), seen[0], rtol=0, atol=1e-5 * np.abs(seen[0]).max())


@pytest.mark.parametrize("name", ["test_efficientnet", "test_vit2"])
def test_a_network_without_class_token_is_refused_in_one_line(name, tmp_path):
    torch.save(timm.create_model(name).state_dict(), tmp_path / "w.pth")
    with pytest.raises(UserError, match=rf"^backbone 'timm/{name}': has no class token; remove `class_token: append`$"):
        create(f"timm/{name}", tmp_path / "w.pth", class_token="append")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "pit_ti_224" else pytest.mark.networks) for name in REFUSED]
)
def test_a_model_without_maps_is_refused_in_one_line(name, tmp_path):
    torch.save(timm.create_model(name).state_dict(), tmp_path / "w.pth")
    with pytest.raises(UserError, match=rf"^backbone 'timm/{name}': .*choose another model$"):
        create(f"timm/{name}", tmp_path / "w.pth")


def extract(name: str, weights: Path, clip: Path, folder: Path, *more: str) -> None:
    write_manifest(folder / "manifest.csv", [Video("clip", str(clip), 1.0)])
    result = vqa(
        "extract", "--manifest", folder / "manifest.csv", "--output", folder / "shards", "--receipt", folder / "r.json",
        "--weights", weights, "--backbone", f"timm/{name}", "--precision", "float32", "--storage", "float32",
        *more,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "test_vit2" else pytest.mark.networks) for name in EXTRACTED]
)
def test_vqa_extract_writes_the_plain_features(name, tmp_path, make_clip):
    model = plain_timm.network(name)
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    clip = make_clip(tmp_path / "clip.mp4", frames=3, height=96, width=128)
    extract(name, tmp_path / "w.safetensors", clip, tmp_path)
    frames = np.stack(list(open_video(Video("clip", str(clip), 1.0)).frames()))
    found, attributes = shards.read(tmp_path / "shards" / "clip.h5")
    agree(name, found, plain_timm.plain(name, frames, model))
    assert attributes["backbone"] == f"timm/{name}" and timm.__version__ in attributes["preprocessing"]


def test_vqa_extract_appends_the_class_token_and_says_so(tmp_path, make_clip):
    save_file(plain_timm.network("test_vit").state_dict(), tmp_path / "w.safetensors")
    clip = make_clip(tmp_path / "clip.mp4", frames=3, height=96, width=128)
    extract("test_vit", tmp_path / "w.safetensors", clip, tmp_path, "--class-token", "append")
    found, attributes = shards.read(tmp_path / "shards" / "clip.h5")
    assert found.shape == (3, 3 * 64) and origin_of(attributes)["class_token"] == "append"


@pytest.fixture
def hub(monkeypatch):
    """timm's hub, which gives a model's seeded values in place of the published ones."""
    published = timm.create_model("test_vit").state_dict()

    def load(model_id, *_, **__):
        if "test_vit" not in model_id:
            raise OSError("no route to host\nat all")
        return published

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", load)
    return published


def test_published_weights_are_fetched_as_tensors_alone(hub, tmp_path):
    place("timm/test_vit", tmp_path / "w.pth")
    state = torch.load(tmp_path / "w.pth", weights_only=True)
    assert state.keys() == hub.keys() and all(torch.equal(state[key], hub[key]) for key in hub)
    create("timm/test_vit", tmp_path / "w.pth")
    place("timm/test_vit.r160_in1k", tmp_path / "again.pth")
    assert (tmp_path / "again.pth").read_bytes() == (tmp_path / "w.pth").read_bytes()


@pytest.mark.parametrize("name,error,words", [
    ("test_resnet", RunError, "cannot be fetched .OSError: no route to host at all"),
    ("test_vi", UserError, "has no such model; did you mean 'timm/test_vit'"),
    ("test_vit.of_nobody", UserError, "has no such weights; after 'test_vit.' it knows r160_in1k"),
    ("resnet10", UserError, "has no such model"),
    ("vit_base_patch16_xp_224", UserError, "timm publishes no weights of"),
])  # fmt: skip
def test_weights_that_cannot_be_had_leave_one_line_and_no_file(hub, tmp_path, name, error, words):
    with pytest.raises(error, match=words) as raised:
        place(f"timm/{name}", tmp_path / "w.pth")
    assert "\n" not in str(raised.value) and not list(tmp_path.iterdir())


def test_a_checkpoint_with_another_classifier_gives_the_same_features(tmp_path):
    model = plain_timm.network("test_vit")
    state = model.state_dict()
    torch.save(state, tmp_path / "first.pth")
    state |= {key: torch.zeros(7, *value.shape[1:]) for key, value in state.items() if key.startswith("head.")}
    torch.save({"state_dict": state}, tmp_path / "other.pth")
    frames = plain_timm.frames("test_vit")
    first, other = (run(create("timm/test_vit", tmp_path / f"{name}.pth"), frames) for name in ("first", "other"))
    assert np.array_equal(first, other)
    del state["norm.weight"]
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"1 missing: norm\.weight"):
        create("timm/test_vit", tmp_path / "other.pth")


def test_without_timm_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(UserError, match=r"pip install 'vqa\[timm\]'"):
        create("timm/test_vit", tmp_path / "w.pth")


def test_names_with_a_tag_are_one_path_component():
    found = spec("timm/vit_small_patch14_dinov2.lvd142m")
    assert (found.slug, found.clip_length) == ("timm-vit_small_patch14_dinov2.lvd142m", 1)


def test_a_class_token_counts_only_where_it_is_asked_for():
    name, extraction = "timm/test_vit", Extraction()
    before = settings_of(name, BackboneSettings(), extraction)
    assert "class_token" not in before
    after = settings_of(name, BackboneSettings(class_token="append"), extraction)
    assert after == before | {"class_token": "append"}
    with pytest.raises(UserError, match=r"backbones\.resnet50\.class_token: only: resnet50 has no class token"):
        check_settings("resnet50", None, "crop112", "only")


def test_a_name_that_cannot_be_and_a_node_are_refused_before_timm_is_asked():
    with pytest.raises(UserError, match=r"'timm/test_vit\.a\.b' is unknown"):
        spec("timm/test_vit.a.b")
    with pytest.raises(UserError, match=r"backbones\.timm/test_vit\.node"):
        check_settings("timm/test_vit", "blocks", "crop112")


def test_the_command_lists_what_has_weights_and_where(capsys):
    list_backbones.main(["backbones", "--match", "convnext"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines == sorted(set(lines), key=lines.index) and all("convnext" in line.split("  ")[0] for line in lines)
    assert any(line.startswith("torchvision/convnext_tiny ") for line in lines)
    (found,) = (line for line in lines if line.startswith("timm/convnext_tiny.fb_in22k "))
    assert found.endswith("timm's, weights at timm/convnext_tiny.fb_in22k")


TABLE = (REPO / "workflow/documentation/networks-timm.md").read_text()


def test_the_documented_networks_are_those_that_are_compared():
    assert {*NAMES} == {name for name in KINDS if not name.startswith("test_")} | {*REFUSED}
    assert [line.split(" ")[1] for line in TABLE.splitlines() if line.startswith("| ")][2:] == [*NAMES]


@pytest.mark.parametrize("name", ["mambaout_femto", "pit_ti_224", "vit_tiny_patch16_224"])
def test_the_documentation_says_what_is_computed(name):
    assert row(name) in TABLE.splitlines(), "run `python -m vqa.backbones.timm_catalogue` and keep its output"


@pytest.mark.networks
def test_the_whole_table_is_what_is_computed():
    assert table() == TABLE, "run `python -m vqa.backbones.timm_catalogue` and keep its output"
