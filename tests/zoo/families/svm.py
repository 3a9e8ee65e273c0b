"""Support vector machines: kernels, sparse rows, probabilities."""

from __future__ import annotations

from sklearn import svm
from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel

from zoo import data
from zoo.shelf import Pair, case, entry

entry("SVC", svm.SVC(), data.classes)
entry("SVC#1", svm.SVC(kernel="precomputed"), data.squares)
entry("SVR", svm.SVR(), data.regression)
entry("NuSVC", svm.NuSVC(nu=0.3), data.classes)
entry("NuSVR", svm.NuSVR(C=2.0), data.regression)
entry("OneClassSVM", svm.OneClassSVM(nu=0.2), data.features)
entry("LinearSVC", svm.LinearSVC(random_state=0), data.classes)
entry("LinearSVR", svm.LinearSVR(random_state=0, max_iter=200), data.regression)
entry("LinearSVC(crammer_singer)", svm.LinearSVC(multi_class="crammer_singer", random_state=0), data.classes)
entry("LinearSVC(l1)", svm.LinearSVC(penalty="l1", dual=False, random_state=0), data.sparse)

for _kernel in ("linear", "poly", "sigmoid"):
    entry(f"SVC({_kernel})", svm.SVC(kernel=_kernel, gamma="auto", coef0=0.5, degree=2), data.classes)
entry("SVC(binary)", svm.SVC(gamma=0.3), data.binary)
entry("SVC(ovo)", svm.SVC(decision_function_shape="ovo", break_ties=False), data.classes)
entry("SVC(break ties)", svm.SVC(break_ties=True), data.words)
entry("SVC(balanced)", svm.SVC(class_weight="balanced"), data.classes)
entry("SVC(class weight)", svm.SVC(class_weight={0: 1.0, 2: 4}), data.classes)
entry("SVC(float32)", svm.SVC(), data.single)
entry("SVC(words, sparse)", svm.SVC(kernel="linear"), data.relabelled(data.sparse, ["x", "y", "z"]))
entry("X:SVC(callable kernel)", svm.SVC(kernel=rbf_kernel), data.classes)
entry("SVR(callable kernel)", svm.SVR(kernel=laplacian_kernel), data.regression)
entry("X:SVC(sparse)", svm.SVC(), data.sparse)
entry("X:SVC(probability)", svm.SVC(probability=True, random_state=0), data.classes)
entry(
    "SVC(probability, binary, sparse)",
    svm.SVC(probability=True, random_state=1),
    data.relabelled(data.sparse, [0, 1, 1]),
)
entry("X:NuSVC", svm.NuSVC(nu=0.2, probability=True, random_state=0), data.binary)
entry("X:OneClassSVM", svm.OneClassSVM(kernel="poly", degree=2, gamma=0.1), data.sparse)
entry("SVR(poly, sparse)", svm.SVR(kernel="poly", degree=2), data.sparse_regression)
entry("NuSVR(linear)", svm.NuSVR(kernel="linear", nu=0.4), data.one_column)
entry(
    "OneClassSVM(precomputed)",
    svm.OneClassSVM(kernel="precomputed"),
    lambda: (data.squares()[0], None, data.squares()[2]),
)


@case("SVR#1")
def precomputed() -> Pair:
    X, y, rows = data.regression()
    return svm.SVR(kernel="precomputed").fit(X @ X.T, y), rows @ X.T
