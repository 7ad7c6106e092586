"""A case opened, segmented and measured, of which no file is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Segmentation
from septum.workflows.case_steps import CaseSteps, Opened
from septum.workflows.events import CaseDone
from septum.workflows.measuring import measured
from septum.workflows.provenance import Provenance
from septum.workflows.resume import ResumePlan

if TYPE_CHECKING:
    from septum.workflows.case_steps import Segmented
    from septum.workflows.cases import InputCase


class MeasuredSteps(CaseSteps):
    """The steps of :class:`~septum.workflows.case_steps.CaseSteps` for who wants numbers alone.

    The record of a case is the same, but for the hash of a mask's file, which it does not have.
    """

    def open(self, case: InputCase) -> Opened:
        """Read a case. The model is begun. Raises :class:`septum.core.InputError`."""
        self.model.begin()
        study, read_s = self._read_timed(case)
        return Opened(case, study, read_s, ResumePlan(), ())

    def write(self, segmented: Segmented | CaseDone) -> CaseDone:
        """Take the indices and the verdict, and write nothing."""
        if isinstance(segmented, CaseDone):
            return segmented
        opened, bundle = segmented.opened, self.model.bundle
        study, settings = opened.study, self._settings_of(opened.case)
        provenance = Provenance.from_run(
            segmented.frames, study.cine.geometry, bundle, settings, opened.read_s
        )
        segmentation = Segmentation(segmented.labels, study.cine.geometry, bundle.manifest.labels)
        result = measured(study, segmentation, provenance, bundle, name=opened.case.name)
        return self._done(opened.case, result.record(), skipped=False, mask_kept=False)
