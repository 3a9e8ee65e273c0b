"""The classes and functions of scikit-learn, numpy and scipy that a graph may name: the loader's own list.

A name in a file is looked up here and nowhere else. Names are those under which the libraries publish them;
what has no public name is listed under the module that defines it.
"""

from __future__ import annotations

#: Plain Python classes, restored as ``cls.__new__(cls)`` and a checked ``__dict__``, by module.
OBJECTS = {
    "lightgbm.sklearn": "LGBMClassifier LGBMModel LGBMRanker LGBMRegressor",
    "xgboost.callback": "EarlyStopping",
    "xgboost.sklearn": "XGBClassifier XGBModel XGBRanker XGBRegressor XGBRFClassifier XGBRFRegressor",
    "sklearn._loss.link": "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit",
    "sklearn._loss.loss": """
        AbsoluteError ExponentialLoss HalfBinomialLoss HalfBinomialLossArrayAPI HalfGammaLoss HalfMultinomialLoss
        HalfMultinomialLossArrayAPI HalfPoissonLoss HalfPoissonLossArrayAPI HalfSquaredError HalfTweedieLoss
        HalfTweedieLossIdentity HuberLoss PinballLoss""",
    "sklearn.calibration": "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    "sklearn.cluster": """
        AffinityPropagation AgglomerativeClustering Birch BisectingKMeans DBSCAN FeatureAgglomeration HDBSCAN KMeans
        MeanShift MiniBatchKMeans OPTICS SpectralBiclustering SpectralClustering SpectralCoclustering""",
    "sklearn.cluster._birch": "_CFNode _CFSubcluster",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "sklearn.compose": "ColumnTransformer TransformedTargetRegressor make_column_selector",
    "sklearn.covariance": """
        EllipticEnvelope EmpiricalCovariance GraphicalLasso GraphicalLassoCV LedoitWolf MinCovDet OAS
        ShrunkCovariance""",
    "sklearn.cross_decomposition": "CCA PLSCanonical PLSRegression PLSSVD",
    "sklearn.decomposition": """
        DictionaryLearning FactorAnalysis FastICA IncrementalPCA KernelPCA LatentDirichletAllocation
        MiniBatchDictionaryLearning MiniBatchNMF MiniBatchSparsePCA NMF PCA SparseCoder SparsePCA TruncatedSVD""",
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "sklearn.dummy": "DummyClassifier DummyRegressor",
    "sklearn.ensemble": """
        AdaBoostClassifier AdaBoostRegressor BaggingClassifier BaggingRegressor ExtraTreesClassifier
        ExtraTreesRegressor GradientBoostingClassifier GradientBoostingRegressor HistGradientBoostingClassifier
        HistGradientBoostingRegressor IsolationForest RandomForestClassifier RandomForestRegressor
        RandomTreesEmbedding StackingClassifier StackingRegressor VotingClassifier VotingRegressor""",
    "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
    "sklearn.feature_extraction": "DictVectorizer FeatureHasher",
    "sklearn.feature_extraction.image": "PatchExtractor",
    "sklearn.feature_extraction.text": "CountVectorizer HashingVectorizer TfidfTransformer TfidfVectorizer",
    "sklearn.feature_selection": """
        GenericUnivariateSelect RFE RFECV SelectFdr SelectFpr SelectFromModel SelectFwe SelectKBest SelectPercentile
        SequentialFeatureSelector VarianceThreshold""",
    "sklearn.frozen": "FrozenEstimator",
    "sklearn.gaussian_process": "GaussianProcessClassifier GaussianProcessRegressor",
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": """
        CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern PairwiseKernel Product RBF
        RationalQuadratic Sum WhiteKernel""",
    "sklearn.impute": "IterativeImputer KNNImputer MissingIndicator SimpleImputer",
    "sklearn.isotonic": "IsotonicRegression",
    "sklearn.kernel_approximation": """
        AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler SkewedChi2Sampler""",
    "sklearn.kernel_ridge": "KernelRidge",
    "sklearn.linear_model": """
        ARDRegression BayesianRidge ElasticNet ElasticNetCV GammaRegressor HuberRegressor Lars LarsCV Lasso LassoCV
        LassoLars LassoLarsCV LassoLarsIC LinearRegression LogisticRegression LogisticRegressionCV
        MultiTaskElasticNet MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV OrthogonalMatchingPursuit
        OrthogonalMatchingPursuitCV PassiveAggressiveClassifier PassiveAggressiveRegressor Perceptron
        PoissonRegressor QuantileRegressor RANSACRegressor Ridge RidgeCV RidgeClassifier RidgeClassifierCV
        SGDClassifier SGDOneClassSVM SGDRegressor TheilSenRegressor TweedieRegressor""",
    "sklearn.manifold": "ClassicalMDS Isomap LocallyLinearEmbedding MDS SpectralEmbedding TSNE",
    "sklearn.metrics._scorer": "_CurveScorer _PassthroughScorer _Scorer",
    "sklearn.mixture": "BayesianGaussianMixture GaussianMixture",
    "sklearn.model_selection": """
        FixedThresholdClassifier GridSearchCV GroupKFold GroupShuffleSplit HalvingGridSearchCV HalvingRandomSearchCV
        KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut PredefinedSplit RandomizedSearchCV
        RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold
        StratifiedShuffleSplit TimeSeriesSplit TunedThresholdClassifierCV""",
    "sklearn.model_selection._classification_threshold": "_CurveScorer",  # its place in scikit-learn 1.5
    "sklearn.model_selection._split": "_RepeatedSplits",
    "sklearn.multiclass": "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor",
    "sklearn.multioutput": "ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain",
    "sklearn.naive_bayes": "BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB",
    "sklearn.neighbors": """
        KNeighborsClassifier KNeighborsRegressor KNeighborsTransformer KernelDensity LocalOutlierFactor
        NearestCentroid NearestNeighbors NeighborhoodComponentsAnalysis RadiusNeighborsClassifier
        RadiusNeighborsRegressor RadiusNeighborsTransformer""",
    "sklearn.neural_network": "BernoulliRBM MLPClassifier MLPRegressor",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.pipeline": "FeatureUnion Pipeline",
    "sklearn.preprocessing": """
        Binarizer FunctionTransformer KBinsDiscretizer KernelCenterer LabelBinarizer LabelEncoder MaxAbsScaler
        MinMaxScaler MultiLabelBinarizer Normalizer OneHotEncoder OrdinalEncoder PolynomialFeatures PowerTransformer
        QuantileTransformer RobustScaler SplineTransformer StandardScaler TargetEncoder""",
    "sklearn.random_projection": "GaussianRandomProjection SparseRandomProjection",
    "sklearn.semi_supervised": "LabelPropagation LabelSpreading SelfTrainingClassifier",
    "sklearn.svm": "LinearSVC LinearSVR NuSVC NuSVR OneClassSVM SVC SVR",
    "sklearn.tree": "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor",
    "sklearn.utils._metadata_requests": "MetadataRequest MetadataRouter MethodMapping MethodMetadataRequest",
}

#: Public classes that their public module only shows after an opt-in import: where they are.
PLACES = {
    "sklearn.impute.IterativeImputer": "sklearn.impute._iterative",
    "sklearn.model_selection.HalvingGridSearchCV": "sklearn.model_selection._search_successive_halving",
    "sklearn.model_selection.HalvingRandomSearchCV": "sklearn.model_selection._search_successive_halving",
}

#: Functions without side effects, by module.
FUNCTIONS = {
    "numpy": """
        absolute add all amax amin angle any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin
        argsort around asarray atleast_1d atleast_2d average bitwise_and bitwise_count bitwise_or bitwise_xor cbrt
        ceil clip conjugate copysign cos cosh count_nonzero cumprod cumsum deg2rad degrees diff divide divmod equal
        exp exp2 expm1 fabs flip float_power floor floor_divide fmax fmin fmod frexp gcd greater greater_equal
        heaviside hypot i0 imag invert isfinite isinf isnan isnat lcm ldexp left_shift less less_equal log log10
        log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor matmul matvec max maximum
        mean median min minimum modf multiply nan_to_num nanmax nanmean nanmedian nanmin nanstd nansum nanvar
        negative nextafter not_equal ones_like percentile positive power prod ptp quantile rad2deg radians ravel
        real reciprocal remainder right_shift rint roll round sign signbit sin sinc sinh sort spacing sqrt square
        squeeze std subtract sum tan tanh transpose trunc var vecdot vecmat zeros_like""",
    "numpy.linalg": "norm",
    "scipy.spatial.distance": """
        braycurtis canberra chebyshev cityblock correlation cosine dice euclidean hamming jaccard jensenshannon
        mahalanobis minkowski rogerstanimoto russellrao seuclidean sokalsneath sqeuclidean yule""",
    "scipy.special": """
        agm airy airye bdtr bdtrc bdtri bdtrik bdtrin bei beip ber berp besselpoly beta betainc betaincc betainccinv
        betaincinv betaln binom boxcox boxcox1p btdtria btdtrib cbrt chdtr chdtrc chdtri chdtriv chndtr chndtridf
        chndtrinc chndtrix cosdg cosm1 cotdg dawsn digamma ellipe ellipeinc ellipj ellipk ellipkinc ellipkm1 elliprc
        elliprd elliprf elliprg elliprj entr erf erfc erfcinv erfcx erfi erfinv eval_chebyc eval_chebys eval_chebyt
        eval_chebyu eval_gegenbauer eval_genlaguerre eval_hermite eval_hermitenorm eval_jacobi eval_laguerre
        eval_legendre eval_sh_chebyt eval_sh_chebyu eval_sh_jacobi eval_sh_legendre exp1 exp10 exp2 expi expit expm1
        expn exprel fdtr fdtrc fdtri fdtridfd fresnel gamma gammainc gammaincc gammainccinv gammaincinv gammaln
        gammasgn gdtr gdtrc gdtria gdtrib gdtrix hankel1 hankel1e hankel2 hankel2e huber hyp0f1 hyp1f1 hyp2f1 hyperu
        i0 i0e i1 i1e inv_boxcox inv_boxcox1p it2i0k0 it2j0y0 it2struve0 itairy iti0k0 itj0y0 itmodstruve0 itstruve0
        iv ive j0 j1 jn jv jve k0 k0e k1 k1e kei keip kelvin ker kerp kl_div kn kolmogi kolmogorov kv kve log1p
        log_expit log_ndtr log_softmax log_wright_bessel loggamma logit logsumexp lpmv mathieu_a mathieu_b
        mathieu_cem mathieu_modcem1 mathieu_modcem2 mathieu_modsem1 mathieu_modsem2 mathieu_sem modfresnelm
        modfresnelp modstruve nbdtr nbdtrc nbdtri nbdtrik nbdtrin ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc
        nctdtr nctdtridf nctdtrinc nctdtrit ndtr ndtri ndtri_exp nrdtrimn nrdtrisd obl_ang1 obl_ang1_cv obl_cv
        obl_rad1 obl_rad1_cv obl_rad2 obl_rad2_cv owens_t pbdv pbvv pbwa pdtr pdtrc pdtri pdtrik poch powm1 pro_ang1
        pro_ang1_cv pro_cv pro_rad1 pro_rad1_cv pro_rad2 pro_rad2_cv pseudo_huber psi radian rel_entr rgamma round
        shichi sici sindg smirnov smirnovi softmax spence stdtr stdtridf stdtrit struve tandg tklmbda voigt_profile
        wofz wright_bessel wrightomega xlog1py xlogy y0 y1 yn yv yve zetac""",
    "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
    "sklearn.covariance": """
        empirical_covariance fast_mcd graphical_lasso ledoit_wolf ledoit_wolf_shrinkage log_likelihood oas
        shrunk_covariance""",
    "sklearn.feature_extraction.text": "strip_accents_ascii strip_accents_unicode strip_tags",
    "sklearn.feature_selection": """
        chi2 f_classif f_oneway f_regression mutual_info_classif mutual_info_regression r_regression""",
    "sklearn.metrics": """
        accuracy_score auc average_precision_score balanced_accuracy_score brier_score_loss class_likelihood_ratios
        classification_report cohen_kappa_score confusion_matrix confusion_matrix_at_thresholds coverage_error
        d2_absolute_error_score d2_brier_score d2_log_loss_score d2_pinball_score d2_tweedie_score dcg_score
        det_curve explained_variance_score f1_score fbeta_score hamming_loss hinge_loss jaccard_score
        label_ranking_average_precision_score label_ranking_loss log_loss matthews_corrcoef max_error
        mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss
        mean_poisson_deviance mean_squared_error mean_squared_log_error mean_tweedie_deviance median_absolute_error
        metric_at_thresholds multilabel_confusion_matrix ndcg_score precision_recall_curve
        precision_recall_fscore_support precision_score r2_score recall_score roc_auc_score roc_curve
        root_mean_squared_error root_mean_squared_log_error top_k_accuracy_score zero_one_loss""",
    "sklearn.metrics.cluster": """
        adjusted_mutual_info_score adjusted_rand_score calinski_harabasz_score completeness_score consensus_score
        davies_bouldin_score fowlkes_mallows_score homogeneity_completeness_v_measure homogeneity_score
        mutual_info_score normalized_mutual_info_score pair_confusion_matrix rand_score silhouette_samples
        silhouette_score v_measure_score""",
    "sklearn.metrics.pairwise": """
        additive_chi2_kernel check_paired_arrays check_pairwise_arrays chi2_kernel cosine_distances
        cosine_similarity distance_metrics euclidean_distances haversine_distances kernel_metrics laplacian_kernel
        linear_kernel manhattan_distances nan_euclidean_distances paired_cosine_distances paired_distances
        paired_euclidean_distances paired_manhattan_distances pairwise_distances pairwise_distances_argmin
        pairwise_distances_argmin_min pairwise_distances_chunked pairwise_kernels polynomial_kernel rbf_kernel
        sigmoid_kernel""",
    "sklearn.preprocessing": """
        add_dummy_feature binarize label_binarize maxabs_scale minmax_scale normalize power_transform
        quantile_transform robust_scale scale""",
    "sklearn.utils.validation": "check_array column_or_1d indexable",
    "sklearn.utils.extmath": "cartesian row_norms safe_sparse_dot softmax stable_cumsum",
}

#: Classes that occur as values (dtypes, factories), by module.
VALUES = {
    "numpy": """
        bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble complex64
        complex128 clongdouble str_ bytes_ void object_ datetime64 timedelta64 number integer signedinteger
        unsignedinteger inexact floating complexfloating flexible character generic ndarray intp uintp""",
    "sklearn.impute._iterative": "_ImputerTriplet",
    "builtins": "bool int float complex str bytes list tuple dict set frozenset object",
    "collections": "OrderedDict",
}

#: Distributions of scipy.stats that a parameter search may draw from.
DISTRIBUTIONS = frozenset(
    """
    alpha anglit arcsine argus bernoulli beta betabinom betanbinom betaprime binom boltzmann bradford burr
    burr12 cauchy chi chi2 cosine crystalball dgamma dlaplace dpareto_lognorm dweibull erlang expon exponnorm
    exponpow exponweib f fatiguelife fisk foldcauchy foldnorm gamma gausshyper genexpon genextreme gengamma
    genhalflogistic genhyperbolic geninvgauss genlogistic gennorm genpareto geom gibrat gompertz gumbel_l
    gumbel_r halfcauchy halfgennorm halflogistic halfnorm hypergeom hypsecant invgamma invgauss invweibull
    irwinhall jf_skew_t johnsonsb johnsonsu kappa3 kappa4 ksone kstwo kstwobign landau laplace
    laplace_asymmetric levy levy_l levy_stable loggamma logistic loglaplace lognorm logser loguniform lomax
    maxwell mielke moyal nakagami nbinom ncf nchypergeom_fisher nchypergeom_wallenius nct ncx2 nhypergeom norm
    norminvgauss pareto pearson3 planck poisson poisson_binom powerlaw powerlognorm powernorm randint rayleigh
    rdist recipinvgauss reciprocal rel_breitwigner rice semicircular skellam skewcauchy skewnorm
    studentized_range t trapezoid triang truncexpon truncnorm truncpareto truncweibull_min tukeylambda uniform
    vonmises vonmises_line wald weibull_max weibull_min wrapcauchy yulesimon zipf zipfian
    """.split()
)
