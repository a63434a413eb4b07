"""The Sonic model (Ji et al., arXiv 2411.16331): the published diffusion engine, piece by piece.

Built on diffusers' and transformers' own networks. PyTorch is imported by the modules in here, and
by nothing that `import opensonic` touches.
"""
