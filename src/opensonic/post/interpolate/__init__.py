"""Frames between frames: RIFE's flow network and the stream that it works in.

Importing this does not import PyTorch; `ifnet` does.
"""
