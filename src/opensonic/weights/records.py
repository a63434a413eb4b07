"""Every published file: where it is had, whose it is, what it is for.

Those of the Sonic model stand here, those of the networks that measure videos in `measuring`. One
record per file. Nothing of it lies in the package; `opensonic models pull` fetches it after its
licences were shown and agreed to. Sizes and SHA-256 are written down where they are known; else
what the hub reports is checked on the way and noted beside the files (`ledger`), and from then on
verified.

Our layout is the original's `checkpoints/` folder, so that an existing one can be used as it is;
`places` says where else is looked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from opensonic.weights import expected, expected_unet
from opensonic.weights.expected import Shapes
from opensonic.weights.measuring import MEASURING_FILES
from opensonic.weights.model_file import HUB, Licence, ModelFile

_SONIC, _SVD, _SVD_1_1, _WHISPER = (
    "LeonJoe13/Sonic",
    "stabilityai/stable-video-diffusion-img2vid-xt",
    "stabilityai/stable-video-diffusion-img2vid-xt-1-1",
    "openai/whisper-tiny",
)

SONIC_LICENCE = Licence(
    name="CC BY-NC-SA 4.0",
    url="https://creativecommons.org/licenses/by-nc-sa/4.0/",
    who="anybody for non-commercial use, with attribution, and changed copies under the same terms",
)
SVD_LICENCE = Licence(
    name="Stability AI's licence of SVD-XT",
    url=f"{HUB}/{_SVD}",
    who="depends on the version: non-commercial or community terms; read them on that page, "
    "commercial use may need an agreement with Stability AI",
)
SVD_1_1_LICENCE = replace(SVD_LICENCE, name=f"{SVD_LICENCE.name} 1.1", url=f"{HUB}/{_SVD_1_1}")
WHISPER_LICENCE = Licence(
    name="MIT", url="https://github.com/openai/whisper/blob/main/LICENSE", who="anybody"
)
RIFE_LICENCE = Licence(
    name="MIT (RIFE), handed on with Sonic",
    url="https://github.com/hzwer/ECCV2022-RIFE/blob/main/LICENSE",
    who="anybody; the repository that it is fetched from is under CC BY-NC-SA 4.0",
)
DETECTOR_LICENCE = Licence(
    name="CC BY-NC-SA 4.0 as part of Sonic's repository; its own is not stated there",
    url=SONIC_LICENCE.url,
    who="at most those who may use Sonic; OpenSonic's own detector serves everybody",
)

RIFE = "flownet"
"""Record of the file of the network between frames."""
_SVD_FOLDER = "stable-video-diffusion-img2vid-xt"
_SINGLE = ("vae", "vae_config", "image_encoder", "image_encoder_config")


def _sonic(name: str, use: str, shapes: Callable[[], Shapes]) -> ModelFile:
    return ModelFile(
        name=name,
        use=use,
        repository=_SONIC,
        remote=f"Sonic/{name}.pth",
        comfy=(f"sonic/{name}.pth",),
        licence=SONIC_LICENCE,
        shapes=shapes,
    )


def _svd(
    name: str, use: str, folder: str, file: str, shapes: Callable[[], Shapes] | None = None
) -> ModelFile:
    plain = file.replace(".fp16", "")
    return ModelFile(
        name=name,
        use=use,
        repository=_SVD,
        remote=f"{folder}/{file}",
        folder=_SVD_FOLDER,
        others=() if plain == file else (f"{folder}/{plain}",),
        licence=SVD_LICENCE,
        shapes=shapes,
        spare=("vision_model.embeddings.position_ids",),
    )


def _whisper(name: str, use: str, file: str, shapes: Callable[[], Shapes] | None) -> ModelFile:
    return ModelFile(
        name=name,
        use=use,
        repository=_WHISPER,
        remote=file,
        folder="whisper-tiny",
        comfy=(f"sonic/whisper-tiny/{file}",),
        licence=WHISPER_LICENCE,
        shapes=shapes,
        spare=("model.decoder.", "proj_out."),
    )


def _single(name: str, file: str, repository: str, licence: Licence) -> ModelFile:
    return ModelFile(
        name=name,
        use="VAE and image encoder in one file, as Stability AI and ComfyUI name them",
        repository=repository,
        remote=file,
        comfy=(f"checkpoints/{file}", f"{_SVD_FOLDER}/{file}"),
        licence=licence,
        optional=True,
        instead=_SINGLE,
    )


_FILES: tuple[ModelFile, ...] = (
    _sonic("unet", "draws the frames: SVD-XT's UNet with audio attention", expected_unet.unet),
    _sonic("audio2token", "turns Whisper's states into audio tokens", expected.audio2token),
    _sonic("audio2bucket", "reads from the sound how much moves", expected.audio2bucket),
    ModelFile(
        name=RIFE,
        use="RIFE: draws the frames between frames; without it optical flow does, but in compat",
        repository=_SONIC,
        remote="RIFE/flownet.pkl",
        comfy=("sonic/RIFE/flownet.pkl",),
        licence=RIFE_LICENCE,
        shapes=expected.rife,
        spare=("block_tea.",),
        prefix="module.",
        optional=True,
    ),
    _svd(
        "vae",
        "turns pictures into latents and back",
        "vae",
        "diffusion_pytorch_model.fp16.safetensors",
        expected.vae,
    ),
    _svd("vae_config", "sizes of the VAE", "vae", "config.json"),
    _svd(
        "image_encoder",
        "CLIP ViT-H/14: what the picture shows",
        "image_encoder",
        "model.fp16.safetensors",
        expected.clip_vision,
    ),
    _svd("image_encoder_config", "sizes of the image encoder", "image_encoder", "config.json"),
    _whisper("whisper", "hears the speech", "model.safetensors", expected.whisper_encoder),
    _whisper("whisper_config", "sizes of Whisper", "config.json", None),
    _whisper("whisper_preprocessor", "what Whisper hears", "preprocessor_config.json", None),
    ModelFile(
        name="yoloface",
        use="the published face detector, for compat only; OpenSonic has its own",
        repository=_SONIC,
        remote="yoloface_v5m.pt",
        comfy=("sonic/yoloface_v5m.pt",),
        licence=DETECTOR_LICENCE,
        optional=True,
    ),
    _single("svd_xt", "svd_xt.safetensors", _SVD, SVD_LICENCE),
    _single("svd_xt_1_1", "svd_xt_1_1.safetensors", _SVD_1_1, SVD_1_1_LICENCE),
)

MODEL_FILES = {file.name: file for file in (*_FILES, *MEASURING_FILES)}
"""Every published file by name."""

SONIC_NETWORKS = tuple(file.name for file in _FILES if file.shapes)
"""Names of the files with the networks of the Sonic model, in the order of the records."""

REQUIRED = tuple(name for name in SONIC_NETWORKS if not MODEL_FILES[name].optional)
"""Names of the files without which the Sonic model does not run."""

MEASURING = tuple(file.name for file in MEASURING_FILES)
"""Names of the files that only `opensonic evaluate` uses; they are fetched when they are named."""

PULLED = tuple(file.name for file in _FILES if file.shapes or not file.optional)
"""Names of the files that are fetched unless others are named: with RIFE, which most videos gain
from, and with the settings files, so that the folder serves other programs too."""
