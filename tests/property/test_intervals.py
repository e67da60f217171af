"""Intervals agree with scipy, with published numbers and with slow transcriptions of their definitions."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import optimize, stats
from statsmodels.stats.power import NormalIndPower

from jenkins_ml.core.evaluation.means import estimates, summed
from jenkins_ml.core.statistics.intervals import POWER, examples_needed, paired_proportions
from jenkins_ml.core.statistics.quantiles import normal_quantile, t_quantile
from tests.versions import compare, measure, score


def paired_means(first, second, confidence):
    sums = summed([first, second, first - second], True, None, None, 1)
    return estimates(sums, share=False, function=None, paired=True, weighted=False, confidence=confidence)[2]


law = settings(deadline=None, max_examples=60)
confidences = st.sampled_from([0.6, 0.9, 0.95, 0.99, 0.999])


@law
@given(st.floats(0.5001, 0.999999), st.one_of(st.integers(1, 40), st.integers(41, 100_000)))
def test_quantiles_agree_with_scipy(probability, degrees):
    assert t_quantile(probability, degrees) == pytest.approx(stats.t.ppf(probability, degrees), rel=1e-8)
    assert normal_quantile(probability) == pytest.approx(stats.norm.ppf(probability), rel=1e-9)


# --- paired proportions ----------------------------------------------------------------------------------------------


@st.composite
def discordant(draw):
    count = draw(st.integers(1, 400))
    gained = draw(st.integers(0, count))
    return gained, draw(st.integers(0, count - gained)), count


def score_statistic(gained: int, lost: int, count: int, difference: float) -> float:
    """Tango's statistic, with the constrained likelihood maximised by brute force."""

    def unlikelihood(share: float) -> float:
        agreeing = max(1 - 2 * share - difference, 0.0)
        terms = ((gained, share + difference), (lost, share), (count - gained - lost, agreeing))
        return -sum(seen * math.log(max(chance, 1e-300)) for seen, chance in terms if seen)

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    share = optimize.minimize_scalar(unlikelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    return (gained - lost - count * difference) / math.sqrt(count * (2 * share + difference * (1 - difference)))


def test_proportions_give_the_interval_that_tango_published():
    found = paired_proportions(0, 1, 44, 0.95)  # soft contact lenses, two ways to disinfect them
    assert (round(found.low, 3), round(found.high, 3)) == (-0.096, 0.037)


@law
@given(discordant(), confidences)
def test_bounds_of_proportions_are_where_the_score_test_starts_to_reject(counts, confidence):
    gained, lost, count = counts
    assume(0 < gained + lost < count)
    found = paired_proportions(gained, lost, count, confidence)
    z = stats.norm.ppf(confidence)
    if found.low > -1 + 1e-6:
        assert score_statistic(*counts, found.low) == pytest.approx(z, rel=1e-3)
    if found.high < 1 - 1e-6:
        assert score_statistic(*counts, found.high) == pytest.approx(-z, rel=1e-3)


@law
@given(discordant(), confidences)
def test_proportions_contain_the_point_and_turn_with_the_sides(counts, confidence):
    gained, lost, count = counts
    found, turned = paired_proportions(*counts, confidence), paired_proportions(lost, gained, count, confidence)
    assert -1 <= found.low <= found.point <= found.high <= 1
    assert (found.low, found.point, found.high) == (-turned.high, -turned.point, -turned.low)
    assert paired_proportions(*counts, (1 + confidence) / 2).low <= found.low


@law
@given(st.integers(1, 10_000), confidences)
def test_no_discordant_example_is_not_certainty(count, confidence):
    z = stats.norm.ppf(confidence)
    found = paired_proportions(0, 0, count, confidence)
    assert found.high == -found.low == pytest.approx(z**2 / (count + z**2))


# --- means -----------------------------------------------------------------------------------------------------------


@law
@given(arrays.arrays(float, (2, 12), elements=st.floats(-100, 100)), confidences)
def test_means_agree_with_the_paired_t_test(values, confidence):
    assume((values[0] - values[1]).std() > 1e-6)
    expected = stats.ttest_rel(values[0], values[1]).confidence_interval(2 * confidence - 1)
    found = paired_means(values[0], values[1], confidence)
    # Never narrower, and further out to the side of the skewness: Johnson 1978.
    change, z = values[0] - values[1], stats.norm.ppf(confidence)
    shift = (
        np.clip(stats.skew(change) / math.sqrt(12) * (2 * z * z + 1) / 6, -z, z) * change.std(ddof=1) / math.sqrt(12)
    )
    low, high = expected.low + min(shift, 0), expected.high + max(shift, 0)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)


def test_one_example_has_a_mean_but_no_spread():
    found = paired_means(np.array([1.0]), np.array([0.5]), 0.95)
    assert (found.point, found.low, found.high) == (0.5, -math.inf, math.inf)


def test_a_spread_beyond_the_largest_number_tells_nothing():
    found = paired_means(np.array([1e300, 0.0]), np.array([0.0, 1e300]), 0.95)
    assert (found.low, found.high) == (-math.inf, math.inf)


# --- areas -----------------------------------------------------------------------------------------------------------


def delong(labels, first, second) -> tuple[float, float]:
    """Difference of two areas and its variance, pair by pair as DeLong, DeLong and Clarke-Pearson define them."""
    sides = []
    for scores in (first, second):
        positive, negative = scores[labels == 1], scores[labels == 0]
        sides.append((positive[:, None] > negative) + 0.5 * (positive[:, None] == negative))
    difference = sides[0] - sides[1]
    by_positive, by_negative = difference.mean(axis=1), difference.mean(axis=0)
    variance = by_positive.var(ddof=1) / len(by_positive) + by_negative.var(ddof=1) / len(by_negative)
    return difference.mean(), variance


@st.composite
def ranked(draw):
    """Two models on the same binary examples, with ties."""
    size = draw(st.integers(4, 30))
    labels = draw(arrays.arrays(int, size, elements=st.integers(0, 1)))
    assume(2 <= labels.sum() <= size - 2)
    return labels, *draw(arrays.arrays(int, (2, size), elements=st.integers(0, 10))) / 10


@law
@given(ranked(), confidences)
def test_areas_agree_with_delong(examples, confidence):
    labels, first, second = examples
    point, variance = delong(labels, first, second)
    assume(variance > 1e-9)
    found = compare("roc_auc", score(labels, first), score(labels, second), "macro", confidence)
    smallest = min(labels.sum(), (1 - labels).sum())
    reach = stats.t.ppf(confidence, smallest - 1) * math.sqrt(variance) * (1 + 0.5 / math.sqrt(smallest))
    assert (found.point, found.low, found.high) == pytest.approx((point, max(point - reach, -1), min(point + reach, 1)))


@law
@given(ranked())
def test_two_classes_have_the_area_of_one_against_the_other(examples):
    labels, first, second = examples
    both = [score(labels, np.stack([1 - scores, scores], axis=1), "multiclass") for scores in (first, second)]
    one = compare("roc_auc", score(labels, first), score(labels, second), "macro", 0.95)
    for average in ("macro", "micro"):  # micro draws the same curve twice over
        found = compare("roc_auc", *both, average, 0.95)
        assert found.point == pytest.approx(one.point, abs=1e-12 if average == "macro" else 1)
    macro = compare("roc_auc", *both, "macro", 0.95)
    assume(abs(one.high - one.low) > 1e-6 and delong(labels, first, second)[1] > 1e-9)
    assert (macro.low, macro.high) == pytest.approx((one.low, one.high), abs=1e-9)


def test_areas_of_several_classes_agree_with_the_bootstrap_of_scipy():
    generator = np.random.default_rng(5)
    labels = generator.choice(3, 300, p=[0.5, 0.3, 0.2])
    models = []
    for sharpness in ([4, 0, 1], [0, 4, 1]):  # one is better at some classes, the other at others
        scores = np.exp(generator.normal(size=(300, 3)) + sharpness * np.eye(3)[labels])
        models.append(scores / scores.sum(axis=1, keepdims=True))

    def difference(rows):
        first, second = (measure("roc_auc", score(labels[rows], model[rows]), average) for model in models)
        return first - second

    for average in ("macro", "weighted", "micro"):
        found = compare("roc_auc", score(labels, models[0]), score(labels, models[1]), average, 0.95)
        drawn = stats.bootstrap(
            (np.arange(300),),
            difference,
            n_resamples=400,
            vectorized=False,
            method="basic",
            rng=np.random.default_rng(1),
        )
        assert (found.high - found.low) / 2 / 1.645 == pytest.approx(drawn.standard_error, rel=0.15), average


def test_two_perfect_rankings_are_not_certainty():
    labels = np.array([0] * 30 + [1] * 10)
    found = compare("roc_auc", score(labels, 0.2 + 0.6 * labels), score(labels, 0.1 + 0.8 * labels), "macro", 0.95)
    z = stats.norm.ppf(0.95)
    assert found.high == -found.low == pytest.approx(z**2 / (10 + z**2))


def test_a_side_of_one_example_tells_nothing():
    labels = [1, 0, 0, 0]
    found = compare("roc_auc", score(labels, [0.9, 0.1, 0.2, 0.3]), score(labels, [0.2, 0.1, 0.4, 0.3]), "macro", 0.95)
    assert (found.low, found.high) == (-math.inf, math.inf)


# --- precision, recall, f1 -------------------------------------------------------------------------------------------


def disagreeing(classes: int, count: int, seed: int):
    """Labels, and two models that are right on nine of ten of them."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, count)
    models = []
    for _ in range(2):
        answers = np.where(generator.random(count) < 0.9, labels, generator.integers(0, classes, count))
        models.append(
            score(labels, 0.1 / (classes - 1) + (0.9 - 0.1 / (classes - 1)) * np.eye(classes)[answers], "multiclass")
        )
    return labels, *models


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_resampled_cells_agree_with_resampled_rows(name, average):
    labels, candidate, baseline = disagreeing(3, 600, seed=2)

    def difference(rows):
        pair = (score(labels[rows], each.predictions[rows]) for each in (candidate, baseline))
        first, second = (measure(name, each, average) for each in pair)
        return first - second

    drawn = stats.bootstrap(
        (np.arange(600),), difference, n_resamples=400, vectorized=False, method="percentile", confidence_level=0.9,
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    found = compare(name, candidate, baseline, average, 0.95)
    assert found.high - found.low == pytest.approx(drawn.high - drawn.low, rel=0.15)
    assert (found.low + found.high) / 2 == pytest.approx((drawn.low + drawn.high) / 2, abs=0.003)


def test_recall_of_class_1_is_as_wide_as_the_score_interval_over_its_examples():
    generator = np.random.default_rng(4)
    labels = np.repeat([1, 0], [200, 100])
    right = generator.random((2, 300)) < 0.9
    models = [score(labels, np.where(labels == hit, 0.9, 0.1)) for hit in right]
    found = compare("recall", *models, "macro", 0.95)
    gained, lost = int((right[0] & ~right[1])[:200].sum()), int((right[1] & ~right[0])[:200].sum())
    expected = paired_proportions(gained, lost, 200, 0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_equal_classes_on_few_examples_are_not_certainty(name):
    labels = np.array([0, 1] * 10)
    found = compare(name, score(labels, 0.2 + 0.6 * labels), score(labels, 0.1 + 0.8 * labels), "macro", 0.95)
    assert found.low < -0.05
    assert found.high > 0.05


@law
@given(st.integers(2, 5), st.integers(1, 40), st.integers(0, 1000), st.sampled_from(["precision", "recall", "f1"]))
def test_resampling_is_repeatable_whatever_the_order(classes, count, seed, name):
    labels, candidate, baseline = disagreeing(classes, count, seed)
    found = compare(name, candidate, baseline, "macro", 0.95)
    order = np.random.default_rng(seed).permutation(count)
    shuffled = (score(labels[order], each.predictions[order]) for each in (candidate, baseline))
    assert compare(name, *shuffled, "macro", 0.95) == found
    assert found.low <= found.point <= found.high


def test_one_example_of_the_class_tells_nothing():
    labels = [1] + [0] * 19  # some resamples have none
    found = compare("recall", score(labels, [0.9] + [0.1] * 19), score(labels, [0.8] + [0.2] * 19), "macro", 0.95)
    assert (found.low, found.high) == (-1, 1)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
@pytest.mark.parametrize("rare", [0, 1, 2])
def test_macro_averages_are_as_uncertain_as_their_rarest_class(name, rare):
    labels = np.repeat([rare, (rare + 1) % 3, (rare + 2) % 3], [8, 300, 400])
    equal = [score(labels, np.where(labels[:, None] == np.arange(3), sure, (1 - sure) / 2)) for sure in (0.8, 0.9)]
    found = compare(name, *equal, "macro", 0.95)
    assert found.high > 1 / 8 / 3  # one example of the rare class, a third of the average
    assert found.low < -1 / 8 / 3


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_micro_averages_are_compared_as_the_accuracy_they_are(name):
    _, candidate, baseline = disagreeing(3, 200, seed=3)
    assert measure(name, candidate, "micro") == measure("accuracy", candidate)
    assert compare(name, candidate, baseline, "micro", 0.95) == compare("accuracy", candidate, baseline, "macro", 0.95)


def test_many_classes_fit_into_memory():
    labels, candidate, baseline = disagreeing(400, 3000, seed=1)  # more cells than one chunk holds of resamples
    found = compare("f1", candidate, baseline, "macro", 0.95)
    assert -0.05 < found.low < found.high < 0.05
    assert len(labels) == 3000


# --- planning --------------------------------------------------------------------------------------------------------


def test_examples_needed_is_the_known_formula():
    z = stats.norm.ppf(0.95) + stats.norm.ppf(POWER)
    assert z**2 == pytest.approx(9.3, abs=0.005)
    assert examples_needed(100, math.sqrt(0.05), 0.01, 0.95) == math.ceil(z**2 * 0.05 / 0.01**2)
    more = stats.norm.ppf(0.95) ** 2 / 0.01
    assert examples_needed(100, math.sqrt(0.05), 0.01, 0.95, share=True) == math.ceil(z**2 * 0.05 / 0.01**2 + more)


@law
@given(st.floats(0.05, 2), st.floats(0.01, 0.5), confidences)
def test_examples_needed_agrees_with_statsmodels(sigma, distance, confidence):
    power = NormalIndPower()
    effect, alpha = distance / sigma, 1 - confidence
    assume(effect < 0.5)
    expected = power.solve_power(effect, alpha=alpha, power=POWER, ratio=0, alternative="larger")  # ratio 0: one sample
    assert examples_needed(1, sigma, distance, confidence) == pytest.approx(expected, abs=1.01, rel=1e-6)


def test_examples_needed_without_discordance_settle_it():
    found = paired_proportions(0, 0, 20, 0.95)
    needed = examples_needed(20, found.sigma, 0.03 + found.point, 0.95, share=True)
    assert paired_proportions(0, 0, needed, 0.95).low >= -0.03 > found.low


def test_more_examples_are_needed_than_did_not_settle_it():
    assert examples_needed(1000, 0.1, 0.5, 0.95) == 1001


def test_a_difference_at_the_margin_is_never_settled():
    assert examples_needed(100, 0.2, 0.0, 0.95) is None
    assert examples_needed(100, 0.2, 1e-9, 0.95) is None
    assert examples_needed(100, math.inf, 0.1, 0.95) is None
