"""Errors that a user reads: one sentence each, and the exit code of the command line.

Every error that Septum raises on purpose is a :class:`SeptumError`. Its text says what was expected,
what arrived, in which file, and what to do. The exit codes are part of the public interface:

====  =====================================================================
code  meaning
====  =====================================================================
0     everything asked for was done
1     some inputs failed, the others were done (a folder of studies)
2     the command line itself is wrong
3     the input cannot be used
4     the output cannot be written
5     the model bundle, recipe or data set cannot be used
6     something that this action needs is not installed
70    something that Septum did not foresee
130   interrupted
====  =====================================================================
"""

from __future__ import annotations

from enum import StrEnum

#: The exit code where some inputs failed, and the others were done.
SOME_FAILED = 1


class Remedy(StrEnum):
    """What a user can give to mend an error; the command line names the option by which it is given."""

    SPACING = "spacing"
    STACK = "stack"
    LABELS = "labels"
    OVERWRITE = "overwrite"
    MEASURE = "measure"


class SeptumError(Exception):
    """Base of all errors with a message meant for the user.

    Args:
        *arguments: the message.
        remedy: what the user can give to mend it, if there is an argument or an option for that.

    Attributes:
        exit_code: what the command line returns when this error ends it.

    >>> InputError("heart.nii has no spacing; give the true one.", remedy=Remedy.SPACING).remedy.value
    'spacing'
    """

    exit_code = 3

    def __init__(self, *arguments: object, remedy: Remedy | None = None) -> None:
        super().__init__(*arguments)
        self.remedy = remedy


class InputError(SeptumError):
    """A file or array given as image cannot be used as one."""

    exit_code = 3


class MaskGivenError(InputError):
    """A file given as image is, by its voxels, a mask."""


class NoStackError(InputError):
    """A DICOM study holds no stack of the kind that a model reads, as one of the brain."""


class OutputError(SeptumError):
    """A result cannot be written where it was asked for."""

    exit_code = 4


class NameTakenError(SeptumError):
    """A result would take the place of the result of another input; the run goes on without it."""

    exit_code = 4


class BundleError(SeptumError):
    """A model bundle is incomplete, altered, or of an unknown format."""

    exit_code = 5


class RecipeError(SeptumError):
    """A recipe or a data set does not say what it must say."""

    exit_code = 5


class MissingExtraError(SeptumError):
    """An optional part of the installation is needed and absent."""

    exit_code = 6


class UnexpectedError(SeptumError):
    """Something happened that Septum did not foresee: an error of its own, to be reported."""

    exit_code = 70

    @classmethod
    def of(cls, error: Exception) -> UnexpectedError:
        """The sentence for an error that no part of Septum raised on purpose."""
        return cls(
            f"an unexpected {type(error).__name__}: Septum did not foresee this; run again with "
            "SEPTUM_DEBUG=1 for the details, and please report them."
        )

    @classmethod
    def anonymous(cls, error: BaseException) -> UnexpectedError:
        """The sentence for tables and logs: where it arose, and none of its words, which may name a patient.

        >>> try:
        ...     int("DOE^JANE")
        ... except ValueError as error:
        ...     "an unexpected ValueError in" in str(UnexpectedError.anonymous(error))
        True
        """
        import traceback  # noqa: PLC0415  # of errors alone
        from pathlib import Path  # noqa: PLC0415

        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.name}, {Path(place.filename).name}:{place.lineno}"
        told = cls(f"an unexpected {type(error).__name__} in {where}: Septum did not foresee this.")
        told.__cause__ = error
        return told


class QualityWarning(UserWarning):
    """The verdict on a mask is not *fine*: a Python warning, which a program may filter, with the reasons.

    >>> import warnings
    >>> with warnings.catch_warnings(action="error", category=QualityWarning):
    ...     warnings.warn("heart: look at the mask.", QualityWarning)
    Traceback (most recent call last):
    ...
    septum.core.errors.QualityWarning: heart: look at the mask.
    """


class OutputWarning(UserWarning):
    """An output that was asked for cannot be made of this study, as DICOM objects of a NIfTI file.

    >>> import warnings
    >>> with warnings.catch_warnings(action="error", category=OutputWarning):
    ...     warnings.warn("heart: No DICOM objects were written.", OutputWarning)
    Traceback (most recent call last):
    ...
    septum.core.errors.OutputWarning: heart: No DICOM objects were written.
    """
