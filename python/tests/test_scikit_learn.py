"""scikit-learn's own checks of estimators, which give tables of numbers: here each row of numbers becomes a crystal."""

import numpy as np
import pytest

import recryst

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data


def crystals(X):
    """Each number moves an atom of a cell."""
    found = []
    for row in X:
        moved = 0.25 + 0.2 * np.tanh(np.resize(row, max(2, len(row))) / 3)
        n = len(moved)
        places = np.stack([(np.arange(n) + moved) / n, moved, moved[::-1]], axis=1)
        found.append(recryst.Crystal(np.diag([4.0 * n, 5.0, 6.0]), ["Cu"] * n, places))
    return found


class OfNumbers(BaseEstimator):
    """The table is scikit-learn's to validate; fitting, weights, state and predictions are ours."""

    def __init__(self, epochs=3, lr=1e-2):
        self.epochs, self.lr = epochs, lr

    def _fit(self, inner, X, y, sample_weight):
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        inner.set_params(epochs=self.epochs, lr=self.lr, atom_features=8, hidden=8, steps=1, batch_size=32)
        self.inner_ = inner.fit(crystals(X), y, sample_weight)
        self.n_iter_ = inner.n_iter_
        return self

    def _ask(self, what, X):
        check_is_fitted(self)
        return getattr(self.inner_, what)(crystals(validate_data(self, X, reset=False)))

    def predict(self, X):
        return self._ask("predict", X)


class Numbers(RegressorMixin, OfNumbers):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # three epochs
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X, y, sample_weight=None):
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        return self._fit(recryst.Regressor(), X, y, sample_weight)


class Classes(ClassifierMixin, OfNumbers):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X, y, sample_weight=None):
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        if type_of_target(y) == "multiclass":
            raise ValueError("Only binary classification is supported. The type of the target is multiclass.")
        self._fit(recryst.Classifier(), X, y, sample_weight)
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, X):
        return self._ask("predict_proba", X)


# A row that is given twice is in two batches, and may validate: no network with batch norm makes one of them.
NOT_EQUAL = {"check_sample_weight_equivalence_on_dense_data": "weights stand in a loss, and rows in batches"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [Numbers(), Classes()])
def test_scikit_learn_s_checks_of_what_estimators_do(estimator):
    results = check_estimator(estimator, expected_failed_checks=NOT_EQUAL, on_skip=None, on_fail="raise")
    passed = [r["check_name"] for r in results if r["status"] == "passed"]
    print(f"{type(estimator).__name__}: {len(passed)} of {len(results)} checks passed")
    assert len(passed) > 50
    for name in ("check_sample_weights_list", "check_estimators_pickle", "check_fit_idempotent"):
        assert name in passed


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [recryst.Regressor(), recryst.Classifier()])
def test_scikit_learn_takes_the_estimators_as_they_are(estimator):
    check_estimator(estimator)  # of crystals it checks what needs no data
