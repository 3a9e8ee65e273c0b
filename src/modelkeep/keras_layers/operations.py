"""Operations of ``keras.ops`` that a functional graph may hold: arithmetic on tensors. Their arguments are plain data.

Not here: operations that are given functions (Map, Scan, Cond, WhileLoop...), which no file can hold as data.
"""

from __future__ import annotations

_NUMPY = """Absolute Add All Amax Amin Angle Any Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin
    Argpartition Argsort Array Average BitwiseAnd BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr
    BitwiseRightShift BitwiseXor Append Bincount BroadcastTo Cbrt Ceil Clip Concatenate Conjugate Copy Cos Cosh
    CountNonzero Cross Cumprod Cumsum Deg2rad Diag Diagflat Diagonal Diff Digitize Divide DivideNoNan Dot Einsum Equal
    Exp Exp2 ExpandDims Expm1 Fabs Flip Floor FloorDivide Fmax Fmin Fmod FullLike GetItem Greater GreaterEqual
    Heaviside Hstack Hypot Imag Inner Isclose Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron LeftShift Less
    LessEqual Log Log10 Log1p Log2 Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr LogicalXor Matmul Max Maximum
    Mean Median Meshgrid Min Minimum Mod Moveaxis Multiply NanToNum Nanmax Nanmean Nanmin Nanprod Nansum Ndim Negative
    NotEqual OnesLike Outer Pad Power Prod Ptp Quantile Rad2deg Ravel Real Reciprocal Repeat Reshape RightShift Roll
    Rot90 Round Select Sign Signbit Sin Sinc Sinh Size Sort Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes
    Take TakeAlongAxis Tan Tanh Tensordot Tile Trace Transpose Tril Triu TrueDivide Trunc Var Vdot Vstack Where
    ZerosLike"""
_NN = """AveragePool BatchNorm Celu Conv ConvTranspose DepthToSpace DepthwiseConv DotProductAttention Elu Gelu Glu
    HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool Moments MultiHot
    Normalize OneHot Polar RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink Softmax Softplus Softsign
    SpaceToDepth SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold"""
_MATH = """Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT Logdet Logsumexp RFFT Rsqrt SegmentReduction STFT ISTFT
    InTopK TopK"""

OPERATIONS = {
    "numpy": frozenset(_NUMPY.split()),
    "nn": frozenset(_NN.split()),
    "math": frozenset(_MATH.split()),
    "core": frozenset("Cast ConvertToTensor SaturateCast Scatter Slice SliceUpdate StopGradient Unstack".split()),
    "image": frozenset("CropImages PadImages RGBToGrayscale RGBToHSV HSVToRGB Resize ExtractPatches".split()),
    "linalg": frozenset("Cholesky Det Inv Norm Qr Solve SolveTriangular SVD".split()),
    "einops": frozenset({"Rearrange"}),
}
#: As a spec names them: ``ops.numpy.Add``.
NAMES = frozenset(f"ops.{module}.{name}" for module, names in OPERATIONS.items() for name in names)
