"""The post-processors that come with the program."""

from vscan_tui.scanning.postprocessing.protocol import LoadedPostProcessors, load_postprocessors
from vscan_tui.scanning.postprocessing.rpc import RpcGrinder
from vscan_tui.scanning.postprocessing.tls import TlsInspector


def all_postprocessors() -> LoadedPostProcessors:
    """The built-in ones, then those of installed packages."""
    return load_postprocessors([RpcGrinder(), TlsInspector()])
