"""What a failed check is about: each concept means one thing, in whichever lab."""

from collections import Counter

from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.frame_concepts import FRAME_CONCEPTS
from kernel_sim.checks.guard_concepts import GUARD_CONCEPTS
from kernel_sim.checks.heap_concepts import HEAP_CONCEPTS
from kernel_sim.checks.paging_concepts import PAGING_CONCEPTS

OF_LABS = (FRAME_CONCEPTS, GUARD_CONCEPTS, HEAP_CONCEPTS, PAGING_CONCEPTS)


def test_no_concept_is_named_in_two_labs():
    counted = Counter(name for concepts in OF_LABS for name in concepts)
    assert [name for name, times in counted.items() if times > 1] == []


def test_a_frame_that_cannot_be_given_back_is_explained_in_the_words_of_lab_2():
    assert CONCEPTS["frame-refused"].requirement == "KV-11"
    assert "frame" in CONCEPTS["frame-refused"].hint
