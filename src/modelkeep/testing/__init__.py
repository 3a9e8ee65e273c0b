"""Contract suites: what every plug-in must keep. Subclass one in your own tests; pytest does the rest."""

from modelkeep.testing.formats import FormatSuite
from modelkeep.testing.frameworks import FrameworkSuite
from modelkeep.testing.stores import StoreSuite

__all__ = ["FormatSuite", "FrameworkSuite", "StoreSuite"]
