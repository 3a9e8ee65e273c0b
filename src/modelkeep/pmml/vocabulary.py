"""The words that a PMML file may use: elements, built-in functions, and which attributes name fields or are numbers.

Left out on purpose: TableLocator (data elsewhere), Lag and models over sequences, texts and times, which need more
than a row. A name of a function that is on no list would be taken for the name of a Java class.
"""

from __future__ import annotations

NAMESPACES = frozenset(f"http://www.dmg.org/PMML-4_{minor}" for minor in range(1, 5))
#: Cells of inline tables may be in this one.
TABLE_NAMESPACE = "http://jpmml.org/jpmml-model/InlineTable"
#: A hint for validators that nothing here reads.
SCHEMA_ATTRIBUTES = frozenset(
    f"http://www.w3.org/2001/XMLSchema-instance {name}" for name in ("schemaLocation", "noNamespaceSchemaLocation")
)

MODELS = frozenset(
    """AnomalyDetectionModel ClusteringModel GeneralRegressionModel MiningModel NaiveBayesModel NearestNeighborModel
    NeuralNetwork RegressionModel RuleSetModel Scorecard SupportVectorMachineModel TreeModel""".split()
)
#: Models that PMML has, and that need more than a row or that no evaluator answers.
OTHER_MODELS = frozenset(
    """AssociationModel BaselineModel BayesianNetworkModel GaussianProcessModel SequenceModel TextModel
    TimeSeriesModel""".split()
)
ELEMENTS = MODELS | frozenset(
    """PMML Header Application Annotation Timestamp MiningBuildTask Extension DataDictionary DataField Value Interval
    TransformationDictionary DefineFunction ParameterField DerivedField LocalTransformations Constant FieldRef
    NormContinuous LinearNorm NormDiscrete Discretize DiscretizeBin MapValues FieldColumnPair InlineTable row Aggregate
    Apply TextIndex MiningSchema MiningField Output OutputField Decisions Decision
    Targets Target TargetValue ModelVerification VerificationFields VerificationField
    ModelStats UnivariateStats Counts NumericInfo Quantile DiscrStats ContStats MultivariateStats MultivariateStat Anova
    AnovaRow Partition PartitionFieldStats ModelExplanation PredictiveModelQuality ConfusionMatrix ClassLabels
    ClusteringModelQuality Correlations CorrelationFields CorrelationValues CorrelationMethods LiftData
    ModelLiftGraph OptimumLiftGraph RandomLiftGraph LiftGraph XCoordinates YCoordinates BoundaryValues
    BoundaryValueMeans ROC ROCGraph
    Array REAL-SparseArray INT-SparseArray Indices REAL-Entries INT-Entries Matrix MatCell
    True False SimplePredicate SimpleSetPredicate CompoundPredicate Node ScoreDistribution
    RegressionTable NumericPredictor CategoricalPredictor PredictorTerm Segmentation Segment VariableWeight
    LinearKernelType PolynomialKernelType RadialBasisKernelType SigmoidKernelType VectorDictionary VectorFields
    VectorInstance SupportVectorMachine SupportVectors SupportVector Coefficients Coefficient
    NeuralInputs NeuralInput NeuralLayer Neuron Con NeuralOutputs NeuralOutput
    BayesInputs BayesInput BayesOutput PairCounts TargetValueCounts TargetValueCount TargetValueStats TargetValueStat
    GaussianDistribution PoissonDistribution AnyDistribution UniformDistribution
    TrainingInstances InstanceFields InstanceField KNNInputs KNNInput ComparisonMeasure euclidean squaredEuclidean
    chebychev cityBlock minkowski simpleMatching jaccard tanimoto binarySimilarity
    ClusteringField Cluster KohonenMap Covariances MissingValueWeights
    ParameterList Parameter FactorList Predictor CovariateList PPMatrix PPCell PCovMatrix PCovCell ParamMatrix PCell
    EventValues BaseCumHazardTables BaselineStratum BaselineCell Categories Category
    RuleSet RuleSelectionMethod SimpleRule CompoundRule Characteristics Characteristic Attribute ComplexPartialScore
    MeanClusterDistances""".split()
)

FUNCTIONS = frozenset(
    """+ - * / min max sum avg median product log10 ln ln1p sqrt abs exp expm1 pow threshold floor ceil round rint
    modulo acos asin atan x-atan2 cos cosh sin sinh tan tanh hypot erf normalCDF normalPDF normalIDF
    stdNormalCDF stdNormalPDF stdNormalIDF isMissing isNotMissing isValid isNotValid equal notEqual lessThan lessOrEqual
    greaterThan greaterOrEqual and or not isIn isNotIn if uppercase lowercase substring trimBlanks concat
    replace matches stringLength formatNumber formatDatetime dateDaysSinceYear dateSecondsSinceYear
    dateSecondsSinceMidnight""".split()
)

#: Attributes that name a field, by element.
REFERENCES = {
    **dict.fromkeys(
        """FieldRef SimplePredicate SimpleSetPredicate NormContinuous NormDiscrete Discretize FieldColumnPair
        NumericPredictor CategoricalPredictor ClusteringField KNNInput Target Aggregate VariableWeight
        VerificationField""".split(),
        "field",
    ),
    **dict.fromkeys(("BayesInput", "BayesOutput"), "fieldName"),
    "MiningField": "name",
    "TextIndex": "textField",
    "OutputField": "targetField",
}
#: Before 4.4 these elements had "name" for "field", and writers kept it.
OLD_REFERENCES = {"NumericPredictor": "name", "CategoricalPredictor": "name"}
DEFINITIONS = frozenset(("DataField", "DerivedField", "OutputField", "ParameterField"))

#: Attributes that are finite numbers wherever they stand, and those that are only in some elements.
NUMBERS = frozenset(
    """coefficient intercept exponent weight bias mean variance recordCount probability count gamma coef0 degree
    rescaleConstant rescaleFactor orig norm leftMargin rightMargin absoluteValue size n p-parameter width altitude
    precision zeroThreshold minTime maxTime sampleDataSize beta""".split()
)
ELEMENT_NUMBERS = frozenset((("Coefficient", "value"), ("PCell", "beta"), ("MatCell", "value")))
REGEXES = frozenset((("TextIndex", "wordSeparatorCharacterRE"), ("TextIndex", "x-wordRE")))
REGEX_FUNCTIONS = frozenset(("matches", "replace"))
