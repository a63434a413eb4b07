"""Noise levels and the Euler step of SVD's sampler.

Karras et al., arXiv 2206.00364: levels of equation 5 (rho 7) and the first-order step of algorithm
1; v-prediction preconditioning as in SVD (arXiv 2311.15127, appendix D). 700 is SVD's highest noise
level. The order of rounding in half precision is the published one.
"""

from __future__ import annotations

import numpy as np
import torch

SIGMA_MAX = 700.0
SIGMA_MIN = 0.002
RHO = 7.0


def karras_sigmas(n_steps: int) -> torch.Tensor:
    """Give the noise levels of `n_steps` steps: (n_steps + 1,) float32, falling, ending in 0."""
    ramp = np.linspace(0, 1, n_steps)
    high, low = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    sigmas = (high + ramp * (low - high)) ** RHO
    return torch.from_numpy(np.append(sigmas, 0.0).astype(np.float32))


def timestep(sigma: torch.Tensor) -> torch.Tensor:
    """Give the time that the UNet is told for a noise level: 0.25 ln sigma, same shape."""
    return 0.25 * sigma.log()


def scale_input(latents: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Scale noisy latents, any shape, to unit variance; `sigma` is () float32."""
    return latents / (sigma**2 + 1) ** 0.5


def euler_step(
    prediction: torch.Tensor, latents: torch.Tensor, sigma: torch.Tensor, sigma_next: torch.Tensor
) -> torch.Tensor:
    """Go from one noise level to the next.

    Args:
        prediction: The UNet's v, any shape.
        latents: Noisy latents of the same shape and dtype.
        sigma: () float32, the level of `latents`.
        sigma_next: () float32, the level to reach.

    Returns:
        Latents of the same shape and dtype; the sum is made in float32.
    """
    noisy = latents.float()
    clean = prediction * (-sigma / (sigma**2 + 1) ** 0.5) + noisy / (sigma**2 + 1)
    return (noisy + (noisy - clean) / sigma * (sigma_next - sigma)).to(latents.dtype)
