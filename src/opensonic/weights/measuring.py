"""The files of the networks that the field measures videos with, for `opensonic evaluate`.

None is needed to make a video, and `models pull` fetches one when it is named. Most originals lie
on servers of their own; the copies on the hub that are named here are pinned to the SHA-256 under
which the hub shows them. SFace lies with its makers, so the hub is asked.
"""

from __future__ import annotations

from opensonic.weights import expected_measuring
from opensonic.weights.model_file import Licence, ModelFile

SYNCNET_LICENCE = Licence(
    name="MIT (SyncNet's code; none is stated for its weights)",
    url="https://www.robots.ox.ac.uk/~vgg/software/lipsync/",
    who="ask the authors for more than research: the weights were learned from broadcasts",
)
INSIGHTFACE_LICENCE = Licence(
    name="InsightFace's, of its models",
    url="https://github.com/deepinsight/insightface",
    who="anybody for non-commercial research",
)
SFACE_LICENCE = Licence(
    name="Apache-2.0",
    url="https://huggingface.co/opencv/face_recognition_sface/blob/main/LICENSE",
    who="anybody",
)
TORCHVISION_LICENCE = Licence(
    name="BSD 3-Clause (torchvision)",
    url="https://github.com/pytorch/vision/blob/main/LICENSE",
    who="anybody; the weights were learned from ImageNet, whose pictures are for research",
)
LPIPS_LICENCE = Licence(
    name="BSD 2-Clause",
    url="https://github.com/richzhang/PerceptualSimilarity/blob/master/LICENSE",
    who="anybody",
)
INCEPTION_LICENCE = Licence(
    name="Apache-2.0 (TensorFlow's Inception, as pytorch-fid carries it)",
    url="https://github.com/mseitzer/pytorch-fid/blob/master/LICENSE",
    who="anybody; the weights were learned from ImageNet, whose pictures are for research",
)
I3D_LICENCE = Licence(
    name="Apache-2.0 (DeepMind's I3D)",
    url="https://github.com/google-deepmind/kinetics-i3d/blob/master/LICENSE",
    who="anybody; the weights were learned from Kinetics' videos",
)

_FOLDER = "measuring"
_AUXILIARY = "chunyu-li/LatentSync"

MEASURING_FILES: tuple[ModelFile, ...] = (
    ModelFile(
        name="syncnet",
        use="SyncNet: LSE-C and LSE-D, how well lips fit the sound",
        repository=_AUXILIARY,
        remote="auxiliary/syncnet_v2.model",
        folder=_FOLDER,
        comfy=("syncnet_v2.model", "auxiliary/syncnet_v2.model", "data/syncnet_v2.model"),
        licence=SYNCNET_LICENCE,
        shapes=expected_measuring.syncnet,
        sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
        purpose="evaluate",
        optional=True,
    ),
    ModelFile(
        name="arcface",
        use="ArcFace R50: CSIM, whether it is the same person",
        repository="public-data/insightface",
        remote="models/buffalo_l/w600k_r50.onnx",
        folder=_FOLDER,
        comfy=("insightface/models/buffalo_l/w600k_r50.onnx", "w600k_r50.onnx"),
        licence=INSIGHTFACE_LICENCE,
        size=174_383_860,
        sha256="4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
        purpose="evaluate",
        optional=True,
    ),
    ModelFile(
        name="sface",
        use="SFace: CSIM where ArcFace is not there; its figures are not those of papers",
        repository="opencv/face_recognition_sface",
        remote="face_recognition_sface_2021dec.onnx",
        folder=_FOLDER,
        comfy=("face_recognition_sface_2021dec.onnx",),
        licence=SFACE_LICENCE,
        purpose="evaluate",
        optional=True,
    ),
    ModelFile(
        name="alexnet",
        use="AlexNet: LPIPS, how alike pictures look",
        repository="CSWRY/VOSR",
        remote="torch_cache/checkpoints/alexnet-owt-7be5be79.pth",
        folder=_FOLDER,
        comfy=("alexnet-owt-7be5be79.pth", "hub/checkpoints/alexnet-owt-7be5be79.pth"),
        licence=TORCHVISION_LICENCE,
        shapes=expected_measuring.alexnet,
        spare=("classifier.",),
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        purpose="evaluate",
        optional=True,
    ),
    ModelFile(
        name="lpips",
        use="LPIPS 0.1: how AlexNet's channels count; torchmetrics carries the same file",
        repository="chaofengc/IQA-PyTorch-Weights",
        remote="LPIPS_v0.1_alex-df73285e.pth",
        folder=_FOLDER,
        licence=LPIPS_LICENCE,
        shapes=expected_measuring.lpips,
        size=6009,
        sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
        purpose="evaluate",
        optional=True,
    ),
    ModelFile(
        name="inception",
        use="Inception v3: FID, how alike two sets of pictures are",
        repository="RaphaelLiu/EvalCrafter-Models",
        remote="pt_inception-2015-12-05-6726825d.pth",
        folder=_FOLDER,
        comfy=(
            "pt_inception-2015-12-05-6726825d.pth",
            "hub/checkpoints/pt_inception-2015-12-05-6726825d.pth",
        ),
        licence=INCEPTION_LICENCE,
        shapes=expected_measuring.inception,
        spare=("fc.",),
        size=95_628_359,
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        purpose="evaluate",
        optional=True,
    ),
    ModelFile(
        name="i3d",
        use="I3D: FVD, how alike two sets of clips are",
        repository=_AUXILIARY,
        remote="auxiliary/i3d_torchscript.pt",
        folder=_FOLDER,
        comfy=("i3d_torchscript.pt", "auxiliary/i3d_torchscript.pt"),
        licence=I3D_LICENCE,
        size=51_235_320,
        sha256="bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
        purpose="evaluate",
        optional=True,
    ),
)
"""Records of the files, in the order in which they are shown."""
