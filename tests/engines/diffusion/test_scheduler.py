import torch

from opensonic.engines.diffusion.scheduler import (
    euler_step,
    karras_sigmas,
    scale_input,
    timestep,
)


def test_golden_tables_and_step(golden, error):
    for name in golden.names("g_scheduler*"):
        case = golden.tensors(name)
        tables = [int(key.split("_")[1]) for key in case if key.startswith("sigmas_")]
        assert tables
        for n_steps in tables:
            sigmas = karras_sigmas(n_steps)
            reference = case[f"sigmas_{n_steps}"]
            assert torch.allclose(sigmas, reference, rtol=1e-5, atol=0)
            times = case[f"timesteps_{n_steps}"]
            assert torch.allclose(timestep(sigmas[:-1]), times, rtol=1e-5, atol=1e-6)
        sigmas = karras_sigmas(25)
        assert error(scale_input(case["in.x"], sigmas[7]), case["scaled_input_i7"]) < 1e-5
        stepped = euler_step(case["in.v"], case["in.x"], sigmas[7], sigmas[8])
        assert error(stepped, case["prev_sample_i7"]) < 1e-5


def test_half_precision_is_rounded_where_the_published_program_rounds():
    prediction = torch.tensor([0.3333], dtype=torch.float16)
    latents = torch.tensor([123.4], dtype=torch.float16)
    sigma, after = torch.tensor(3.7), torch.tensor(2.9)
    product = (prediction.float() * (-sigma / (sigma**2 + 1) ** 0.5)).half()
    clean = product.float() + latents.float() / (sigma**2 + 1)
    expected = latents.float() + (latents.float() - clean) / sigma * (after - sigma)
    stepped = euler_step(prediction, latents, sigma, after)
    assert stepped.dtype == torch.float16
    assert torch.equal(stepped, expected.half())
    assert scale_input(latents, sigma).dtype == torch.float16


def test_last_step_gives_the_clean_picture():
    latents, prediction = torch.randn(4), torch.randn(4)
    sigma = karras_sigmas(10)[-2]
    clean = prediction * (-sigma / (sigma**2 + 1) ** 0.5) + latents / (sigma**2 + 1)
    stepped = euler_step(prediction, latents, sigma, torch.tensor(0.0))
    assert torch.allclose(stepped, clean, atol=1e-6)
