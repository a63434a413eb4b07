"""A hub on this machine."""

from tests.model_hub import home, hub, other_hub, published, small  # noqa: F401 - fixtures
