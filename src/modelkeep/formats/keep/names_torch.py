"""The modules and functions of PyTorch that a graph may name. They are compute, and nothing else."""

from __future__ import annotations

#: Classes of ``torch.nn``; what their objects hold is checked in checks/torch_modules.py.
MODULES = {
    "torch.nn": """
        AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveLogSoftmaxWithLoss AdaptiveMaxPool1d
        AdaptiveMaxPool2d AdaptiveMaxPool3d AlphaDropout AvgPool1d AvgPool2d AvgPool3d BCELoss BCEWithLogitsLoss
        BatchNorm1d BatchNorm2d BatchNorm3d Bilinear CELU CTCLoss ChannelShuffle CircularPad1d CircularPad2d
        CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d
        ConvTranspose3d CosineEmbeddingLoss CosineSimilarity CrossEntropyLoss CrossMapLRN2d Dropout Dropout1d
        Dropout2d Dropout3d ELU Embedding EmbeddingBag FeatureAlphaDropout Flatten Fold FractionalMaxPool2d
        FractionalMaxPool3d GELU GLU GRU GRUCell GaussianNLLLoss GroupNorm Hardshrink Hardsigmoid Hardswish Hardtanh
        HingeEmbeddingLoss HuberLoss Identity InstanceNorm1d InstanceNorm2d InstanceNorm3d KLDivLoss L1Loss LPPool1d
        LPPool2d LPPool3d LSTM LSTMCell LayerNorm LeakyReLU Linear LinearCrossEntropyLoss LocalResponseNorm
        LogSigmoid LogSoftmax MSELoss MarginRankingLoss MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d
        MaxUnpool3d Mish Module ModuleDict ModuleList MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss
        MultiheadAttention NLLLoss PReLU PairwiseDistance ParameterDict ParameterList PixelShuffle PixelUnshuffle
        PoissonNLLLoss RMSNorm RNN RNNCell RReLU ReLU ReLU6 ReflectionPad1d ReflectionPad2d ReflectionPad3d
        ReplicationPad1d ReplicationPad2d ReplicationPad3d SELU Sequential SiLU Sigmoid SmoothL1Loss SoftMarginLoss
        Softmax Softmax2d Softmin Softplus Softshrink Softsign SyncBatchNorm Tanh Tanhshrink Threshold Transformer
        TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer TripletMarginLoss
        TripletMarginWithDistanceLoss Unflatten Unfold Upsample UpsamplingBilinear2d UpsamplingNearest2d ZeroPad1d
        ZeroPad2d ZeroPad3d""",
    "torch.nn.modules.linear": "NonDynamicallyQuantizableLinear",
    "torch.nn.utils.parametrize": "ParametrizationList",
    "torch.nn.utils.parametrizations": "_Orthogonal _OrthMaps _SpectralNorm _WeightNorm",
}

#: Functions that modules hold as values, such as an activation.
FUNCTIONS = {
    "torch": """
        abs acos acosh asin asinh atan atanh ceil clamp cos cosh cosine_similarity deg2rad erf erfc erfinv exp exp2
        expm1 floor frac i0 lgamma log log10 log1p log2 logit neg nan_to_num pairwise_distance prelu rad2deg
        reciprocal relu round rsqrt selu sigmoid sign sin sinc sinh sqrt square tan tanh trunc""",
    "torch.nn.functional": """
        alpha_dropout celu cosine_similarity dropout elu gelu glu hardshrink hardsigmoid hardswish hardtanh layer_norm
        leaky_relu log_softmax logsigmoid mish normalize one_hot pairwise_distance prelu relu relu6 rrelu selu
        sigmoid silu softmax softmin softplus softshrink softsign tanh tanhshrink threshold""",
}

#: What a function calls itself, where it is published under another name.
ALIASES = {"log_sigmoid": "logsigmoid", "_threshold": "threshold"}
