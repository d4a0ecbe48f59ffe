"""What other libraries take: problems of ``scipy.optimize``, functions of PyTorch and of JAX with derived gradients."""

from matcalc.wrappers.jax_function import JaxFunction, jax_function
from matcalc.wrappers.problem import Problem, scipy_problem
from matcalc.wrappers.torch_function import TorchFunction, torch_function

__all__ = ["JaxFunction", "Problem", "TorchFunction", "jax_function", "scipy_problem", "torch_function"]
