"""Weight files: those of the package, and those of the published Sonic model.

`package` holds the files that lie in the package. The rest is the store of the published model:
`records` says what there is and whose it is, `expected` which tensors each file must hold,
`places` finds the files, `fetch` and `pull` get them, `pickles` and `single_file` make one form of
what was published in several.
"""

from opensonic.weights.package import (
    RECORDS,
    WeightFile,
    open_file,
    open_session,
    weights_path,
)

__all__ = ["RECORDS", "WeightFile", "open_file", "open_session", "weights_path"]
