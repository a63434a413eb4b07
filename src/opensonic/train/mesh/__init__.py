"""Training of the face mesh: `fit`, `export`, `evaluate`; see docs/training-face-mesh.md."""
