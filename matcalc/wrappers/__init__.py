"""What other libraries take: problems of ``scipy.optimize``, functions of PyTorch and of JAX with derived gradients."""

from matcalc.wrappers.problem import Problem, scipy_problem

__all__ = ["Problem", "scipy_problem"]
