"""The verbs. Each takes and returns plain values; none prints, parses or reads the environment."""

from modelkeep.verbs.exports import advise as advise
from modelkeep.verbs.exports import export as export
from modelkeep.verbs.files import convert as convert
from modelkeep.verbs.files import diff as diff
from modelkeep.verbs.files import doctor as doctor
from modelkeep.verbs.files import dumps as dumps
from modelkeep.verbs.files import formats as formats
from modelkeep.verbs.files import inspect as inspect
from modelkeep.verbs.files import load as load
from modelkeep.verbs.files import loads as loads
from modelkeep.verbs.files import save as save
from modelkeep.verbs.files import verify as verify
from modelkeep.verbs.weights import load_weights as load_weights
