"""What a user of the eval commands can put right: every error is one sentence that says where.

EvalError
├── TableError    a table that can't be read as asked
└── ScaleError    a scale that can't be one
"""


class EvalError(ValueError):
    """Something the caller gave can't be used."""


class TableError(EvalError):
    """A table that can't be read as asked, in one sentence that says where."""


class ScaleError(EvalError):
    """A scale that can't be one, in one sentence."""
