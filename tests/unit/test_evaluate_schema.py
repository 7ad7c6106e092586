"""What masks show, told by the values in them."""

import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, InputError
from septum.workflows.masks import infer_schema


@pytest.mark.parametrize(
    ("values", "schema"),
    [
        ([{1, 2, 3}], VENTRICLES),
        ([{1}, {1, 3}], VENTRICLES),
        ([{255}], LEFT_ATRIUM),
        ([{1}, {255}], LEFT_ATRIUM),
        ([{1}, set(), {1}], LEFT_ATRIUM),
    ],
)
def test_schema_follows_from_the_values(values, schema):
    assert infer_schema(values)[0] == schema


@pytest.mark.parametrize("values", [[{255}], [{1}, {255}], [{1}, {2}]])
def test_values_that_decide_need_no_word(values):
    assert infer_schema(values)[1] == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([{1}, {7}], r"1, 7, but"),
        ([set(), set()], "no voxel"),
        ([set(range(300, 500))], r"300, 301, .*, 307, \.\.\. \(they look like images, not masks\)"),
    ],
)
def test_values_of_no_schema_are_refused(values, told):
    with pytest.raises(InputError, match=told):
        infer_schema(values)
