"""Measures of the field that need networks of others, whose weights are not in the package.

`observers` gives them to whoever walks through a video; it imports PyTorch only where it is needed.
Sizes of the networks come from their files. LSE-C and LSE-D: `syncnet`, `lse`, `mfcc`, `lip_crops`;
CSIM: `embedding`, `identity`; LPIPS: `lpips`, `likeness`; FID and FVD: `inception`, `i3d`,
`frechet`.
"""
