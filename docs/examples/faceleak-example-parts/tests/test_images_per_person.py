from faceleak_example_parts.images_per_person import ImagesPerPerson

from faceleak_check.policy.types import Threshold
from faceleak_check.testing import check_check, some_matches


def test_it_keeps_the_rules():
    check_check(ImagesPerPerson(threshold=Threshold(cosine=0.5), at_most=2))


def test_it_counts_the_images_of_the_person_with_the_most():
    measured = ImagesPerPerson(threshold=Threshold(cosine=-1), at_most=2).measure(
        some_matches(n=5, n_source=2)
    )
    # both source images show person 0, so all five generated images do
    assert (measured.value, measured.n, len(measured.pairs)) == (5, 5, 5)
    assert measured.finding == "5 generated images show one person of the source set"
