"""scikit-learn: which classes are its own, and by which methods its models answer.

The methods are those that answer from input rows alone. Left out are ``score`` (it needs targets),
``sample`` and ``fit_predict`` (not functions of the rows), and the restatements that cost more room than they
add: ``staged_*``, ``decision_path``, ``radius_neighbors`` and the neighbour graphs.
"""

from __future__ import annotations

from modelkeep.ports import Framework

FRAMEWORK = Framework(
    name="sklearn",
    title="scikit-learn",
    claims=("sklearn.",),
    methods=(
        "transform",
        "predict",
        "predict_proba",
        "predict_log_proba",
        "predict_joint_log_proba",
        "decision_function",
        "score_samples",
        "mahalanobis",
        "kneighbors",
        "apply",
        "inverse_transform",
    ),
    distributions=("scikit-learn", "numpy", "scipy", "joblib", "threadpoolctl"),
)
