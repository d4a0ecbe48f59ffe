"""How the PyTorch back end takes arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from matcalc.emit.runtime import not_an_array
from matcalc.emit.runtime.factorization_torch import (
    cho_factor,
    cho_inverse,
    cho_solve,
    cho_trace_inverse,
    factor_logdet,
    lu_det,
    lu_factor,
    lu_inverse,
    lu_solve,
    solve_triangular,
)

__all__ = [
    "ARRAY",
    "COMPLEX",
    "FLOAT",
    "as_array",
    "as_complex_array",
    "as_scalar",
    "cho_factor",
    "cho_inverse",
    "cho_solve",
    "cho_trace_inverse",
    "factor_logdet",
    "lu_det",
    "lu_factor",
    "lu_inverse",
    "lu_solve",
    "solve_triangular",
]

ARRAY, FLOAT, COMPLEX = torch.Tensor, torch.float64, torch.complex128  # what needs no conversion
FLOATS, COMPLEXES = (FLOAT, torch.float32), (COMPLEX, torch.complex64)
SCALARS = SCALARS_COMPLEX = ()  # tensors without axes


def as_array(name: str, value: Any) -> Any:
    """An argument as a tensor of floats; single precision, the device and the graph of derivatives are kept."""
    a = _tensor(name, value, "real numbers")
    if a.is_complex():
        raise not_an_array(name, value, "real numbers")
    return a if a.is_floating_point() else a.to(torch.float64)


def as_complex_array(name: str, value: Any) -> Any:
    """An argument as a tensor of complex numbers; single precision, the device and the graph of derivatives are kept."""
    a = _tensor(name, value, "numbers")
    return a if a.is_complex() else a.to(torch.complex64 if a.dtype == torch.float32 else torch.complex128)


def as_scalar(value: Any) -> Any:
    """A scalar argument as a tensor without axes."""
    if isinstance(value, torch.Tensor):
        return value
    return torch.as_tensor(value, dtype=COMPLEX if isinstance(value, complex) else FLOAT)


plain = as_scalar  # every scalar is taken like that


def _tensor(name: str, value: Any, wanted: str) -> Any:
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, (list, tuple)) and any(isinstance(v, torch.Tensor) for v in value):
        return torch.stack([torch.as_tensor(v) for v in value])
    try:
        a = np.asarray(value)
        if a.dtype.kind == "O":
            a = a.astype(np.complex128 if wanted == "numbers" else np.float64)
        return torch.as_tensor(a.astype(np.float64) if a.dtype.kind in "biu" else a)
    except (TypeError, ValueError):
        raise not_an_array(name, value, wanted) from None
