"""How a model was compiled: losses, metrics, optimizers and schedules that a spec may name, and their arguments."""

from __future__ import annotations

_LOSS = "name reduction=enum:sum|sum_over_batch_size|mean|mean_with_sample_weight|none? dtype=policy"
_CROSS = "from_logits=bool label_smoothing=float"
_FOCAL = f"alpha=numbers gamma=float {_CROSS}"

LOSSES = {
    **dict.fromkeys("CTC CategoricalHinge Hinge KLDivergence LogCosh MeanAbsoluteError MeanSquaredError".split(), ""),
    **dict.fromkeys("MeanAbsolutePercentageError MeanSquaredLogarithmicError Poisson SquaredHinge".split(), ""),
    "BinaryCrossentropy": f"{_CROSS} axis",
    "BinaryFocalCrossentropy": f"apply_class_balancing=bool {_FOCAL} axis",
    "CategoricalCrossentropy": f"{_CROSS} axis",
    "CategoricalFocalCrossentropy": f"{_FOCAL} axis",
    "CategoricalGeneralizedCrossEntropy": "q=float",
    "Circle": "gamma=float margin=float remove_diagonal=bool",
    "CosineSimilarity": "axis",
    "Dice": "axis",
    "Huber": "delta=float",
    "SparseCategoricalCrossentropy": "from_logits=bool ignore_class=int? axis",
    "Tversky": "alpha=float beta=float axis",
}

_METRIC = "name dtype=policy"
_COUNTS = "thresholds=numbers? class_id=int?"
_IOU = "num_classes=count target_class_ids=numbers ignore_class=int? sparse_y_true=bool sparse_y_pred=bool axis"
_AT = "num_thresholds=int:1:100000 class_id=int?"

METRICS = {
    **dict.fromkeys("Accuracy CategoricalAccuracy CategoricalHinge Hinge KLDivergence LogCoshError Mean".split(), ""),
    **dict.fromkeys("MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError Poisson SquaredHinge".split(), ""),
    **dict.fromkeys("MeanSquaredLogarithmicError RootMeanSquaredError SparseCategoricalAccuracy Sum".split(), ""),
    **dict.fromkeys(("ConcordanceCorrelation", "CosineSimilarity", "PearsonCorrelation"), "axis"),
    **dict.fromkeys(("FalseNegatives", "FalsePositives", "TrueNegatives", "TruePositives"), "thresholds=numbers?"),
    **dict.fromkeys(("Precision", "Recall"), f"{_COUNTS} top_k=count?"),
    "AUC": """num_thresholds=int:2:100000 curve=enum:ROC|PR|precision_recall|PRGAIN
        summation_method=enum:interpolation|minoring|majoring|Minoring|Majoring thresholds=numbers? multi_label=bool
        num_labels=count? label_weights=numbers? from_logits=bool""",
    "BinaryAccuracy": "threshold",
    "BinaryCrossentropy": _CROSS,
    "BinaryIoU": "target_class_ids=numbers threshold",
    "CategoricalCrossentropy": f"{_CROSS} axis",
    "F1Score": "average=enum:micro|macro|weighted? threshold=float?",
    "FBetaScore": "average=enum:micro|macro|weighted? beta=float threshold=float?",
    "IoU": _IOU,
    "MeanIoU": _IOU,
    "OneHotIoU": _IOU,
    "OneHotMeanIoU": _IOU,
    "PrecisionAtRecall": f"recall=rate {_AT}",
    "RecallAtPrecision": f"precision=rate {_AT}",
    "R2Score": "class_aggregation=enum:uniform_average|variance_weighted_average? num_regressors=int:0:2147483647",
    "SensitivityAtSpecificity": f"specificity=rate {_AT}",
    "SparseCategoricalCrossentropy": "from_logits=bool ignore_class=int? axis",
    "SparseTopKCategoricalAccuracy": "k=count from_sorted_ids=bool",
    "SpecificityAtSensitivity": f"sensitivity=rate {_AT}",
    "TopKCategoricalAccuracy": "k=count",
    "MeanMetricWrapper": "fn=function",
}

#: Functions and short names of losses and metrics, as ``compile`` takes them.
NAMES = frozenset(
    """accuracy acc ce crossentropy bce BCE mse MSE mae MAE mape MAPE msle MSLE rmse kld KLD kl_divergence
    binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy categorical_crossentropy
    categorical_focal_crossentropy categorical_generalized_cross_entropy categorical_hinge circle
    concordance_correlation cosine_similarity ctc dice hinge huber log_cosh logcosh mean_absolute_error
    mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error pearson_correlation poisson
    sparse_categorical_accuracy sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge
    top_k_categorical_accuracy tversky""".split()
)

_OPTIMIZER = """name learning_rate=rate_or_schedule weight_decay=float? clipnorm=float? clipvalue=float?
    global_clipnorm=float? use_ema=bool ema_momentum=float ema_overwrite_frequency=count? loss_scale_factor=float?
    gradient_accumulation_steps=count?"""
_BETAS = "beta_1=float beta_2=float epsilon"
OPTIMIZERS = {
    "Adadelta": "rho=float epsilon",
    "Adafactor": "beta_2_decay=float epsilon_1=float epsilon_2=float clip_threshold=float relative_step=bool",
    "Adagrad": "initial_accumulator_value=float epsilon",
    **dict.fromkeys(("Adam", "AdamW"), f"{_BETAS} amsgrad=bool"),
    **dict.fromkeys(("Adamax", "Lamb", "Nadam"), _BETAS),
    "Ftrl": """learning_rate_power=float initial_accumulator_value=float l1_regularization_strength=float
        l2_regularization_strength=float l2_shrinkage_regularization_strength=float beta=float""",
    "Lion": "beta_1=float beta_2=float",
    "Muon": """adam_beta_1=float adam_beta_2=float adam_weight_decay=float? epsilon exclude_layers=words
        exclude_embeddings=bool muon_a=float muon_b=float muon_c=float adam_lr_ratio=float momentum=float
        ns_steps=int:0:1000 nesterov=bool rms_rate=float?""",
    "RMSprop": "rho=float momentum epsilon centered=bool",
    "SGD": "momentum nesterov=bool",
    "ScheduleFreeAdamW": f"{_BETAS} warmup_steps=int:0:2147483647",
}
_WRAPPERS = {
    "LossScaleOptimizer": "inner_optimizer=optimizer initial_scale=float dynamic_growth_steps=count name",
}
_START = "name initial_learning_rate=float"
SCHEDULES = {
    "CosineDecay": f"{_START} decay_steps=float alpha=float warmup_target=float? warmup_steps=float",
    "CosineDecayRestarts": f"{_START} first_decay_steps=float t_mul=float m_mul=float alpha=float",
    **dict.fromkeys(
        ("ExponentialDecay", "InverseTimeDecay"), f"{_START} decay_steps=float decay_rate=float staircase=bool"
    ),
    "PiecewiseConstantDecay": "name boundaries=numbers values=numbers",
    "PolynomialDecay": f"{_START} decay_steps=float end_learning_rate=float power=float cycle=bool",
}

TABLES = {
    "losses": {name: f"{row} {_LOSS}" for name, row in LOSSES.items()},
    "metrics": {name: f"{row} {_METRIC}" for name, row in METRICS.items()},
    "optimizers": {name: f"{row} {_OPTIMIZER}" for name, row in OPTIMIZERS.items()} | _WRAPPERS,
    "schedules": SCHEDULES,
}

#: What ``compile`` is called with.
COMPILE = {
    "optimizer": "optimizer?", "loss": "losses", "loss_weights": "weights", "metrics": "metrics",
    "weighted_metrics": "metrics", "run_eagerly": "bool", "steps_per_execution": "count", "jit_compile": "auto",
    "auto_scale_loss": "bool",
}  # fmt: skip
