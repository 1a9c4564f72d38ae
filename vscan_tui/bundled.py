"""Where the data files are that come with the program."""

import pathlib

_PACKAGE = pathlib.Path(__file__).resolve().parent


def bundled(name: str) -> pathlib.Path:
    """Return the path of a bundled file or folder, such as `port-table`.

    An installed package carries its data in a folder of its own; in a source
    checkout the same folder lies beside the package.  The path is returned
    whether or not something is there.
    """
    installed = _PACKAGE / "data"
    folder = installed if installed.is_dir() else _PACKAGE.parent / "data"
    return folder / name
