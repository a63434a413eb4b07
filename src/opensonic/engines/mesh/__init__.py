"""The mesh engine: a rig fitted once per portrait, and a warp per frame."""
