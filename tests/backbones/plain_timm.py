"""The plain way to a timm model's features, to compare ours with: the whole model as timm makes it, its own
`forward_features`, its own transforms, and what is known of each model's maps, written by hand.
"""

from dataclasses import dataclass

import numpy as np
import timm
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import functional

from tests.backbones.plain import Plain, picture, randomise, unset


@dataclass(frozen=True)
class Kind:
    """channels: the axis of the maps that holds them. beside: tokens in front that are no place of the picture.
    own_size: the model takes pictures of one size only.
    """

    channels: int = 1
    beside: int = 0
    own_size: bool = False


CNN, LAST = Kind(), Kind(3)
FIXED, FIXED_LAST = Kind(own_size=True), Kind(3, own_size=True)


def tokens(beside: int) -> Kind:
    return Kind(2, beside, own_size=True)


# A small model of each family, and of each way to its maps.
KINDS = {
    "beit_base_patch16_224": tokens(1), "botnet26t_256": FIXED, "cait_xxs24_224": tokens(1),
    "coat_lite_tiny": tokens(1), "coatnet_nano_rw_224": FIXED, "convformer_s18": CNN, "convit_tiny": tokens(1),
    "convmixer_768_32": CNN, "convnext_atto": CNN, "convnextv2_atto": CNN, "cs3darknet_focus_s": CNN,
    "davit_tiny": CNN, "deit_tiny_distilled_patch16_224": tokens(2), "densenet121": CNN, "dla46_c": FIXED,
    "dpn48b": CNN, "eca_nfnet_l0": CNN, "edgenext_xx_small": CNN, "efficientformer_l1": tokens(0),
    "efficientformerv2_s0": FIXED, "efficientnet_b0": CNN, "efficientvit_b0": CNN, "efficientvit_m0": FIXED,
    "ese_vovnet19b_dw": CNN, "eva02_tiny_patch14_224": tokens(1), "fasternet_t0": CNN, "fastvit_t8": CNN,
    "focalnet_tiny_srf": CNN, "gcvit_xxtiny": FIXED, "ghostnet_050": CNN, "gmlp_s16_224": tokens(0),
    "hgnet_tiny": CNN, "hiera_tiny_224": tokens(0), "hrnet_w18_small": FIXED, "inception_next_atto": CNN,
    "inception_v3": CNN, "mambaout_femto": LAST, "maxvit_pico_rw_256": FIXED, "mixer_s32_224": tokens(0),
    "mobilenetv3_small_050": CNN, "mobilenetv4_conv_small_035": CNN, "mobileone_s0": CNN, "mobilevit_xxs": CNN,
    "mobilevitv2_050": CNN, "mvitv2_tiny": tokens(0), "nest_tiny": FIXED, "nf_regnet_b0": CNN,
    "poolformerv2_s12": CNN, "pvt_v2_b0": CNN, "regnetx_002": CNN, "repvgg_a0": CNN, "repvit_m0_9": CNN,
    "res2net50_14w_8s": CNN, "resnest14d": CNN, "resnet10t": CNN, "resnetv2_18": CNN, "rexnet_100": CNN,
    "selecsls42": CNN, "sequencer2d_s": FIXED_LAST, "skresnet18": CNN, "swin_s3_tiny_224": FIXED_LAST,
    "swin_tiny_patch4_window7_224": FIXED_LAST, "swinv2_cr_tiny_ns_224": FIXED, "swinv2_tiny_window8_256": FIXED_LAST,
    "test_efficientnet": CNN, "test_mambaout": LAST, "test_resnet": CNN, "test_vit": tokens(1),
    "test_vit2": tokens(1), "tf_efficientnetv2_b0": CNN, "tiny_vit_5m_224": CNN,
    "tnt_s_legacy_patch16_224": tokens(1), "tresnet_m": FIXED, "twins_svt_small": tokens(0), "vgg11": CNN,
    "visformer_tiny": FIXED, "vit_base_patch16_siglip_224": tokens(0), "vit_base_patch32_clip_224": tokens(1),
    "vit_relpos_small_patch16_224": tokens(0), "vit_small_patch14_dinov2": tokens(1),
    "vit_small_patch14_reg4_dinov2": tokens(5), "vit_small_patch16_dinov3": tokens(5),
    "vit_tiny_patch16_224": tokens(1), "volo_d1_224": tokens(1), "xception41": CNN, "xcit_nano_12_p16_224": tokens(1),
}  # fmt: skip
# With weights of the usual size, rounding in these grows to more than what is compared.
GENTLE = ("efficientvit_m0", "fastvit_t8", "repvit_m0_9", "visformer_tiny")
# Whose first token is the class's; test_vit2 has a register alone.
WITH_CLASS_TOKEN = tuple(name for name, kind in KINDS.items() if kind.beside and name != "test_vit2")
# What `forward_features` gives of these cannot be pooled.
REFUSED = ("crossvit_9_240", "efficientvim_m1", "pit_ti_224")


def network(name: str, seed: int = 0) -> nn.Module:
    """The whole model with random values, classifier and all."""
    with unset():
        model = timm.create_model(name).eval()
    randomise(model, seed)
    if name in GENTLE:
        with torch.no_grad():
            for value in model.parameters():
                value.mul_(0.5 if value.ndim > 1 else 1)
    return model


def frames(name: str, seed: int = 0) -> np.ndarray:
    """[2, H, W, 3] uint8: small where the network takes any size."""
    if KINDS[name].own_size:
        return picture("vit_b_32", seed).repeat(2, 0)
    return picture("inception_v3" if name.startswith("inception_v3") else "resnet18", seed)


def plain(name: str, pictures: np.ndarray, model: nn.Module, class_token: str = "leave-out") -> Plain:
    """Mean and unbiased std of what `forward_features` gives of the pictures as timm's evaluation feeds them.

    class_token: the first token behind them, or in their place.
    """
    kind, config = KINDS[name], timm.data.resolve_model_data_config(model)
    if kind.own_size:
        transform = timm.data.create_transform(**config, is_training=False)
        pixels = torch.stack([transform(Image.fromarray(each)) for each in pictures])
    else:
        scaled = torch.from_numpy(pictures).movedim(-1, 1) / 255
        pixels = functional.normalize(scaled, list(config["mean"]), list(config["std"]))
    with torch.no_grad():
        maps = model.forward_features(pixels).double().numpy()
    maps = np.moveaxis(maps, kind.channels, 1)
    flat = maps.reshape(*maps.shape[:2], -1)
    token, flat = flat[..., 0], flat[..., kind.beside :]
    pooled = [flat.mean(-1), flat.std(-1, ddof=1)]
    kept = {"leave-out": pooled, "append": [*pooled, token], "only": [token]}[class_token]
    features = np.concatenate(kept, axis=1)
    return Plain(model.state_dict(), pictures, features, np.abs(flat).max())
