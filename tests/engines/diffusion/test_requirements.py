import pytest

from opensonic.engines.diffusion.requirements import require_sonic
from opensonic.errors import SettingsError, WeightsError
from opensonic.settings import Settings


@pytest.mark.parametrize("budget", ["lots", "-5GB", "0GB", ""])
def test_a_budget_that_is_none_is_refused_before_weights_are_looked_for(budget):
    with pytest.raises(SettingsError, match=f"memory '{budget}': expected"):
        require_sonic(Settings(memory_budget=budget))


def test_a_budget_that_is_one_is_not():
    with pytest.raises(WeightsError, match="files of the Sonic model are missing"):
        require_sonic(Settings(memory_budget="5GB"))
