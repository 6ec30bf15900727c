import numpy as np
import pytest
import torch
from torchvision.models import resnet50

from vqa.backbones import create, spec
from vqa.backbones.layout import pool
from vqa.backbones.resnet3d import ResNet3D
from vqa.backbones.weights import _url, place
from vqa.demo.scenes import Scene
from vqa.system.errors import RunError, UserError


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for name in ("efficientnet_lite0", "resnet3d18"):
        place(name, folder / f"{name}.pth")
    torch.manual_seed(0)
    torch.save(resnet50(weights=None).state_dict(), folder / "resnet50.pth")
    return folder


def frames(*shape: int) -> torch.Tensor:
    """Pictures with natural statistics, (..., height, width, 3) uint8."""
    count = int(np.prod(shape[:-3]))
    views = [Scene(0, number, *shape[-3:-1]).frame(0.0, np.zeros(2)) for number in range(count)]
    return torch.from_numpy((np.array(views) * 255).astype(np.uint8).reshape(shape))


def test_pooling_is_mean_and_unbiased_std():
    maps = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    flat = maps.double().flatten(2).numpy()
    expected = np.concatenate([flat.mean(-1), flat.std(-1, ddof=1)], axis=1)
    np.testing.assert_allclose(pool(maps), expected, atol=1e-6)
    assert torch.equal(pool(torch.ones(1, 3, 1, 1)), torch.tensor([[1.0, 1, 1, 0, 0, 0]]))


def test_resnet50_features_equal_a_plain_forward_pass(weights):
    found = create("resnet50", weights / "resnet50.pth")(frames(2, 96, 128, 3))
    network = resnet50(weights=None).eval()
    network.load_state_dict(torch.load(weights / "resnet50.pth", weights_only=True))
    x = frames(2, 96, 128, 3).permute(0, 3, 1, 2).double() / 255
    x = (
        (x - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    ).float()
    with torch.no_grad():
        x = network.maxpool(network.relu(network.bn1(network.conv1(x))))
        x = network.layer4(network.layer3(network.layer2(network.layer1(x))))
    expected = torch.cat([x.mean((2, 3)), x.flatten(2).std(2)], 1)
    assert found.shape == (2, 4096)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.max().item())


@pytest.mark.parametrize("name,shape,size", [
    ("efficientnet_lite0", (3, 64, 96, 3), 2560),
    ("resnet50", (2, 64, 96, 3), 4096),
    ("resnet3d18", (1, 16, 112, 112, 3), 1024),
])  # fmt: skip
def test_optimised_features_agree_with_plain_ones(weights, name, shape, size):
    plain = create(name, weights / f"{name}.pth")(frames(*shape))
    assert plain.shape == (shape[0], size) and plain.dtype == torch.float32
    fast = create(name, weights / f"{name}.pth").optimise(torch.float32)(frames(*shape))
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-4 * plain.abs().max().item())
    half = create(name, weights / f"{name}.pth").optimise(torch.bfloat16)(frames(*shape))
    # Depthwise convolutions lose more: few products average their rounding out.
    assert torch.cosine_similarity(half, plain).min() > (0.998 if name == "efficientnet_lite0" else 0.999)


def published_3d(depth: int, shortcut: str, classes: int, prefix: str) -> dict:
    torch.manual_seed(0)
    trunk = ResNet3D(depth, shortcut)
    width = 512 if depth < 50 else 2048
    state = trunk.state_dict() | {"fc.weight": torch.zeros(classes, width), "fc.bias": torch.zeros(classes)}
    return {"epoch": 200, "arch": "resnet", "state_dict": {prefix + key: value for key, value in state.items()}}


@pytest.mark.parametrize(
    "release,classes,prefix", [(2018, 400, "module."), (2020, 700, ""), (2020, 1039, ""), (2018, 400, "")]
)
def test_both_3d_checkpoint_layouts_load(tmp_path, release, classes, prefix):
    data = published_3d(101, "B", classes, prefix)
    assert len(data["state_dict"]) == 626
    torch.save(data, tmp_path / "r3d.pth")
    extractor = create(f"resnet3d101-{release}", tmp_path / "r3d.pth")
    with torch.inference_mode():
        assert extractor.trunk(torch.zeros(1, 3, 16, 112, 112)).shape == (1, 2048, 1, 4, 4)
    assert extractor(frames(1, 16, 112, 112, 3)).shape == (1, 4096)


@pytest.mark.parametrize("depth,shortcut,width", [(18, "A", 512), (34, "A", 512), (34, "B", 512), (50, "B", 2048)])
def test_other_depths_and_shortcuts_load(tmp_path, depth, shortcut, width):
    torch.save(published_3d(depth, shortcut, 400, "module."), tmp_path / "r3d.pth")
    extractor = create(f"resnet3d{depth}-2018", tmp_path / "r3d.pth")
    with torch.inference_mode():
        assert extractor.trunk(torch.randn(1, 3, 16, 64, 64)).shape == (1, width, 1, 2, 2)


def test_the_two_releases_differ_in_normalisation(tmp_path):
    torch.save(published_3d(18, "B", 400, ""), tmp_path / "r3d.pth")
    cube = frames(1, 16, 112, 112, 3)
    old, new = (create(f"resnet3d18-{release}", tmp_path / "r3d.pth")(cube) for release in (2018, 2020))
    assert not torch.allclose(old, new, rtol=0.1)


def test_crop_takes_the_centre_of_the_resized_frame(tmp_path):
    torch.save(published_3d(18, "B", 400, ""), tmp_path / "r3d.pth")
    prepare = create("resnet3d18-2018", tmp_path / "r3d.pth").prepare
    wide = np.zeros((224, 448, 3), np.uint8)
    wide[:, 112:336] = 200
    assert prepare(wide).shape == (112, 112, 3)
    assert prepare(wide)[5:-5, 5:-5].min() > 195
    native = create("resnet3d18-2018", tmp_path / "r3d.pth", cube_input="native").prepare
    assert native(wide).shape == wide.shape


@pytest.mark.parametrize(
    "name,node,size",
    [("torchvision/resnet18", None, 1024), ("torchvision/resnet18", "layer3", 512), ("torchvision/r3d_18", None, 1024)],
)
def test_torchvision_models_by_name_and_node(tmp_path, name, node, size):
    from torchvision import models

    torch.save(models.get_model(name.split("/")[1], weights=None).state_dict(), tmp_path / "w.pth")
    extractor = create(name, tmp_path / "w.pth", node=node)
    shape = (1, 16, 112, 112, 3) if extractor.clip_length == 16 else (1, 64, 64, 3)
    assert extractor(frames(*shape)).shape == (1, size)


def test_torchvision_model_or_node_that_does_not_exist_is_a_user_error(tmp_path):
    from torchvision import models

    with pytest.raises(UserError, match="no such model"):
        create("torchvision/nonet", tmp_path / "w.pth")
    torch.save(models.resnet18(weights=None).state_dict(), tmp_path / "w.pth")
    with pytest.raises(UserError, match="no node 'nowhere'"):
        create("torchvision/resnet18", tmp_path / "w.pth", node="nowhere")


def test_wrong_checkpoint_says_what_does_not_fit(tmp_path, weights):
    with pytest.raises(UserError, match=r"165 missing: layer1.0.bn3.bias, .*32 of another shape: conv1.weight"):
        create("resnet50", weights / "resnet3d18.pth")
    state = torch.load(weights / "resnet50.pth", weights_only=True)
    state["conv1.weight"] = torch.zeros(64, 3, 3, 3)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"1 of another shape: conv1.weight \(64, 3, 3, 3\) for \(64, 3, 7, 7\)"):
        create("resnet50", tmp_path / "w.pth")


def test_a_pickle_with_code_is_not_executed(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"state_dict": Evil()}, tmp_path / "w.pth")
    with pytest.raises(UserError):
        create("resnet50", tmp_path / "w.pth")
    assert not (tmp_path / "executed").exists()


def test_seeded_weights_repeat_and_are_labelled_untrained(tmp_path, weights):
    place("resnet3d18", tmp_path / "again.pth")
    first, second = (torch.load(p, weights_only=True) for p in (weights / "resnet3d18.pth", tmp_path / "again.pth"))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert (tmp_path / "again.pth").read_bytes() == (weights / "resnet3d18.pth").read_bytes()
    assert not spec("resnet3d18").pretrained and "untrained" in spec("resnet3d18").note


def test_manual_weights_say_where_to_get_them(tmp_path):
    with pytest.raises(UserError, match=r"resnet-101-kinetics\.pth.*backbones\.resnet3d101-2018\.weights"):
        place("resnet3d101-2018", tmp_path / "w.pth")
    assert not list(tmp_path.iterdir())


def test_fetched_weights_are_checked_against_the_hash_in_their_name(tmp_path, monkeypatch):
    source = tmp_path / "resnet50-5e884898.pth"  # SHA-256 of "password" begins with 5e884898
    source.write_bytes(b"password")
    monkeypatch.setattr("vqa.backbones.weights._url", lambda backbone: source.as_uri())
    place("resnet50", tmp_path / "good.pth")
    assert (tmp_path / "good.pth").read_bytes() == b"password"
    source.write_bytes(b"tampered")
    with pytest.raises(RunError, match="SHA-256 begins with"):
        place("resnet50", tmp_path / "bad.pth")
    source.unlink()
    with pytest.raises(RunError, match="cannot be fetched"):
        place("resnet50", tmp_path / "bad.pth")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.pth"]


def test_resnet50_is_fetched_with_its_v1_weights():
    assert _url("resnet50").endswith("resnet50-0676ba61.pth")
    assert _url("torchvision/resnet18").endswith("resnet18-f37072fd.pth")


def test_unknown_backbone_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'resnet50'"):
        spec("resnet500")
