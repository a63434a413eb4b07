"""SVD-XT as one file with Stability AI's own names: VAE and image encoder under diffusers' names.

`svd_xt.safetensors` and `svd_xt_1_1.safetensors` hold the decoder as `first_stage_model.decoder.*`,
the encoder as `conditioner.embedders.3.encoder.*` (it has the quantising convolution, which
`first_stage_model` lacks) and OpenCLIP's picture tower as
`conditioner.embedders.0.open_clip.model.visual.*`. Their UNet, `model.diffusion_model.*`, is not
read: Sonic's replaces it. diffusers' converters know neither the temporal decoder nor the tower, so
the table is here. A copy of what is needed is made by moving bytes, without PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opensonic.errors import WeightsError
from opensonic.weights.conversion import (
    Converted,
    Described,
    conversions,
    find_fresh,
    write_copy,
)
from opensonic.weights.expected import Shapes, clip_vision, vae
from opensonic.weights.headers import Header, read_header

NETWORKS = {"vae": vae, "image_encoder": clip_vision}
"""What a single file is read for, and the tensors that come out."""

ENCODERS = ("conditioner.embedders.3.encoder", "first_stage_model")
"""Where the VAE's encoder may lie, with its quantising convolution."""

_DECODER = "first_stage_model.decoder"
_TOWER = "conditioner.embedders.0.open_clip.model.visual"

_VAE_NAMES = (
    (r"\.mid_block\.attentions\.0\.group_norm\.", r".mid.attn_1.norm."),
    (r"\.mid_block\.attentions\.0\.to_([qkv])\.", r".mid.attn_1.\1."),
    (r"\.mid_block\.attentions\.0\.to_out\.0\.", r".mid.attn_1.proj_out."),
    (r"\.mid_block\.resnets\.0\.", r".mid.block_1."),
    (r"\.mid_block\.resnets\.1\.", r".mid.block_2."),
    (r"\.(down|up)_blocks\.(\d)\.resnets\.(\d)\.", r".\1.\2.block.\3."),
    (r"\.(down|up)_blocks\.(\d)\.(down|up)samplers\.0\.", r".\1.\2.\3sample."),
    (r"\.temporal_res_block\.norm1\.", ".time_stack.in_layers.0."),
    (r"\.temporal_res_block\.conv1\.", ".time_stack.in_layers.2."),
    (r"\.temporal_res_block\.norm2\.", ".time_stack.out_layers.0."),
    (r"\.temporal_res_block\.conv2\.", ".time_stack.out_layers.3."),
    (r"\.spatial_res_block\.", "."),
    (r"\.time_mixer\.mix_factor", ".mix_factor"),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
    (r"\.conv_norm_out\.", ".norm_out."),
    (r"\.time_conv_out\.", ".conv_out.time_mix_conv."),
)

_CLIP_NAMES = (
    (r"^visual_projection\.weight$", "proj"),
    (r"^vision_model\.embeddings\.class_embedding$", "class_embedding"),
    (r"^vision_model\.embeddings\.patch_embedding\.weight$", "conv1.weight"),
    (r"^vision_model\.embeddings\.position_embedding\.weight$", "positional_embedding"),
    (r"^vision_model\.pre_layrnorm\.", "ln_pre."),
    (r"^vision_model\.post_layernorm\.", "ln_post."),
    (r"^vision_model\.encoder\.layers\.(\d+)\.", r"transformer.resblocks.\1."),
    (r"\.layer_norm([12])\.", r".ln_\1."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
    (r"\.self_attn\.[qkv]_proj\.(weight|bias)$", r".attn.in_proj_\1"),
    (r"\.self_attn\.out_proj\.", ".attn.out_proj."),
)


@dataclass(frozen=True)
class Source:
    """Where a tensor comes from in the single file.

    Attributes:
        name: In the file.
        shapes: Shapes that it may have there.
        third: Which third of its rows is taken (query, key, value), None for all.
        transposed: Whether rows and columns are swapped.
    """

    name: str
    shapes: tuple[tuple[int, ...], ...]
    third: int | None = None
    transposed: bool = False


def sources(network: str, names: Shapes) -> dict[str, Source]:
    """Give where each tensor of a network comes from.

    Args:
        network: Key of `NETWORKS`.
        names: Of the tensors in the file, which decide where the VAE's encoder lies.
    """
    wanted = NETWORKS[network]()
    if network == "image_encoder":
        return {name: _tower_source(name, shape) for name, shape in wanted.items()}
    encoder = next((e for e in ENCODERS if f"{e}.quant_conv.weight" in names), ENCODERS[0])
    return {name: _vae_source(name, shape, encoder) for name, shape in wanted.items()}


def _vae_source(name: str, shape: tuple[int, ...], encoder: str) -> Source:
    root, _, rest = name.partition(".")
    if root == "quant_conv":
        return Source(f"{encoder}.{name}", (shape,))
    rest = f".{rest}"
    if root == "decoder":  # counted from the other end
        rest = re.sub(r"\.up_blocks\.(\d)", lambda m: f".up_blocks.{3 - int(m[1])}", rest)
    for pattern, new in _VAE_NAMES:
        rest = re.sub(pattern, new, rest)
    shapes: tuple[tuple[int, ...], ...] = (shape,)
    if ".attn_1." in rest and len(shape) == 2:  # a convolution of one pixel there
        shapes = ((*shape, 1, 1), shape)
    return Source((_DECODER if root == "decoder" else f"{encoder}.encoder") + rest, shapes)


def _tower_source(name: str, shape: tuple[int, ...]) -> Source:
    new = name
    for pattern, replacement in _CLIP_NAMES:
        new = re.sub(pattern, replacement, new)
    full = f"{_TOWER}.{new}"
    if new == "proj":
        return Source(full, (shape[::-1],), transposed=True)
    if ".in_proj_" in new:
        part = "qkv".index(re.sub(r".*\.([qkv])_proj\..*", r"\1", name))
        return Source(full, ((3 * shape[0], *shape[1:]),), third=part)
    return Source(full, (shape,))


def single_file_problems(path: Path, network: str) -> list[str]:
    """Say what a single file lacks for a network, from its header alone.

    Args:
        path: The file.
        network: Key of `NETWORKS`.

    Raises:
        WeightsError: It is no whole safetensors file.
    """
    shapes = read_header(path).shapes
    problems = []
    for source in sources(network, shapes).values():
        if source.name not in shapes:
            problems.append(f"{source.name} is missing")
        elif shapes[source.name] not in source.shapes:
            problems.append(
                f"{source.name} has the shape {shapes[source.name]}, expected {source.shapes[0]}"
            )
    return list(dict.fromkeys(problems))


def extract_network(
    path: Path, network: str, cache: Path, *, say: Callable[[str], None] = lambda _: None
) -> Converted:
    """Copy one network out of a single file into the cache folder, once, with diffusers' names.

    Args:
        path: The single file.
        network: Key of `NETWORKS`.
        cache: Folder for the copy.
        say: Called with one line for the user when a copy is made.

    Raises:
        WeightsError: The file is damaged or lacks a tensor, or the copy cannot be written.
    """
    targets = conversions(path, cache, beside=False, part=network)
    if fresh := find_fresh(targets, path):
        return Converted(fresh, made=False)
    if problems := single_file_problems(path, network):
        raise WeightsError(
            f"{path}: is no SVD-XT checkpoint with a usable {network} ({problems[0]}"
            f"{f' and {len(problems) - 1} more' if problems[1:] else ''})"
        )
    say(f"the {network} in {path.name} is copied once to {targets[0]}")
    header, wanted = read_header(path), NETWORKS[network]()
    found = sources(network, header.shapes)
    described = [Described(n, header.dtypes[s.name], wanted[n]) for n, s in found.items()]
    write_copy(targets[0], path, described, _contents(path, header, found.values()))
    return Converted(targets[0], made=True)


def _contents(path: Path, header: Header, found: Iterable[Source]) -> Iterator[bytes]:
    """Give the bytes of each tensor: whole, a third of its rows, or with its sides swapped."""
    with path.open("rb") as file:
        for source in found:
            first, last = header.places[source.name]
            if source.third is not None:
                length = (last - first) // 3
                first += source.third * length
                last = first + length
            file.seek(first)
            contents = file.read(last - first)
            if source.transposed:
                rows, columns = header.shapes[source.name]
                values = np.frombuffer(contents, np.uint8).reshape(rows, columns, -1)
                contents = values.swapaxes(0, 1).tobytes()
            yield contents
