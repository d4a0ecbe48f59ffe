"""Functions applied to every entry: one class each; SymPy differentiates the formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import sympy as sp

from matcalc.errors import OperandError
from matcalc.expr import SLOTS, Entrywise, Expr, Number, brief

t, u, v = SLOTS[:3]


def named(name: str) -> Any:
    """SymPy's stand-in for a function of ours that keeps its name in derivatives."""
    return sp.Function(name, real=True)


@dataclass(frozen=True, eq=False, repr=False)
class Unary(Entrywise, abstract=True):
    """A function of one argument.

    ``formula`` is its meaning over the slot ``t``; ``slopes`` holds its derivative where SymPy's is not wanted.
    """

    arg: Expr
    domain: ClassVar[str] = ""  # what every entry of the argument must be
    least: ClassVar[int] = 0  # the sign of every value: 2 positive, 1 not negative, 0 either
    kink: ClassVar[str] = ""  # where there is no derivative, and what is taken instead

    def infer_sign(self) -> int:
        return self.least

    def conditions_here(self) -> tuple[str, ...]:
        if isinstance(self.arg, Number) or (self.arg.sign == 2 and (self.kink or self.domain == "positive")):
            return ()
        if self.domain:
            return (f"{brief(self.arg)} {self.domain}",)
        return (f"{brief(self.arg)} {self.kink}",) if self.kink else ()


class Exp(Unary):
    """Exponential."""

    analytic = True
    name, formula, head = "exp", sp.exp(t), sp.exp
    least = 2
    latex, code = r"\exp(#1)", "np.exp(#1)"


class Log(Unary):
    """Natural logarithm."""

    analytic = True
    name, formula, head = "log", sp.log(t), sp.log
    latex, code, domain = r"\log(#1)", "np.log(#1)", "positive"


class Sqrt(Unary):
    """Square root."""

    analytic = True
    name, formula = "sqrt", sp.sqrt(t)
    latex, code, domain = r"\sqrt{#1}", "np.sqrt(#1)", "positive"

    def infer_sign(self) -> int:
        return max(1, self.arg.sign)


class Abs(Unary):
    """Absolute value; its derivative is taken as 0 at 0."""

    name, formula, head = "abs", sp.Abs(t), sp.Abs
    slopes = (sp.sign(t),)
    least = 1
    latex, code = r"\left|#1\right|", "np.abs(#1)"

    def infer_complex(self) -> bool:
        return False


class Sign(Unary):
    """Sign: -1, 0 or 1; its derivative is taken as 0."""

    name, formula, head = "sign", sp.sign(t), sp.sign
    slopes = (sp.Integer(0),)
    latex, code = r"\operatorname{sign}(#1)", "np.sign(#1)"
    kink = "nonzero (sign is 0 at 0)"


class Step(Unary):
    """Unit step: 1 for positive entries, else 0; its derivative is taken as 0."""

    name, formula, head = "step", sp.Heaviside(t, 0), named("step")
    slopes = (sp.Integer(0),)
    least = 1
    latex, code = r"\operatorname{step}(#1)", "np.heaviside(#1, 0.0)"
    kink = "nonzero (step is 0 at 0)"


class Relu(Unary):
    """Positive part ``max(t, 0)``; its derivative is taken as 0 at 0."""

    name, formula, head = "relu", sp.Max(t, 0), named("relu")
    slopes = (named("step")(t),)
    least = 1
    latex, code = r"\operatorname{relu}(#1)", "np.maximum(#1, 0)"


class Sin(Unary):
    """Sine."""

    analytic = True
    name, formula, head = "sin", sp.sin(t), sp.sin
    latex, code = r"\sin(#1)", "np.sin(#1)"


class Cos(Unary):
    """Cosine."""

    analytic = True
    name, formula, head = "cos", sp.cos(t), sp.cos
    latex, code = r"\cos(#1)", "np.cos(#1)"


class Tan(Unary):
    """Tangent."""

    analytic = True
    name, formula, head = "tan", sp.tan(t), sp.tan
    latex, code = r"\tan(#1)", "np.tan(#1)"


class Asin(Unary):
    """Inverse sine."""

    analytic = True
    name, formula, head = "asin", sp.asin(t), sp.asin
    latex, code, domain = r"\arcsin(#1)", "np.arcsin(#1)", "between -1 and 1"


class Acos(Unary):
    """Inverse cosine."""

    analytic = True
    name, formula, head = "acos", sp.acos(t), sp.acos
    latex, code, domain = r"\arccos(#1)", "np.arccos(#1)", "between -1 and 1"


class Atan(Unary):
    """Inverse tangent."""

    analytic = True
    name, formula, head = "atan", sp.atan(t), sp.atan
    latex, code = r"\arctan(#1)", "np.arctan(#1)"


class Sinh(Unary):
    """Hyperbolic sine."""

    analytic = True
    name, formula, head = "sinh", sp.sinh(t), sp.sinh
    latex, code = r"\sinh(#1)", "np.sinh(#1)"


class Cosh(Unary):
    """Hyperbolic cosine."""

    analytic = True
    name, formula, head = "cosh", sp.cosh(t), sp.cosh
    least = 2
    latex, code = r"\cosh(#1)", "np.cosh(#1)"


class Tanh(Unary):
    """Hyperbolic tangent."""

    analytic = True
    name, formula, head = "tanh", sp.tanh(t), sp.tanh
    latex, code = r"\tanh(#1)", "np.tanh(#1)"


class Sigmoid(Unary):
    """Logistic function ``1/(1 + exp(-t))``."""

    analytic = True
    name, formula, head = "sigmoid", 1 / (1 + sp.exp(-t)), named("sigmoid")
    slopes = (named("sigmoid")(t) * (1 - named("sigmoid")(t)),)
    least = 2
    latex, code = r"\sigma(#1)", "sigmoid(#1)"


class Softplus(Unary):
    """``log(1 + exp(t))``."""

    analytic = True
    name, formula, head = "softplus", sp.log(1 + sp.exp(t)), named("softplus")
    slopes = (named("sigmoid")(t),)
    least = 2
    latex, code = r"\operatorname{softplus}(#1)", "np.logaddexp(0, #1)"


class Silu(Unary):
    """``t*sigmoid(t)``, also called swish."""

    name, formula, head = "silu", t / (1 + sp.exp(-t)), named("silu")
    slopes = (named("sigmoid")(t) * (1 + t * (1 - named("sigmoid")(t))),)
    latex, code = r"\operatorname{silu}(#1)", "#1 * sigmoid(#1)"


class Gelu(Unary):
    """``t*(1 + erf(t/sqrt(2)))/2``: ``t`` times the normal distribution function, without approximation."""

    name, formula, head = "gelu", t * (1 + sp.erf(t / sp.sqrt(2))) / 2, named("gelu")
    slopes = ((1 + sp.erf(t / sp.sqrt(2))) / 2 + t * sp.exp(-(t**2) / 2) / sp.sqrt(2 * sp.pi),)
    latex, code = r"\operatorname{gelu}(#1)", "0.5 * #1 * (1 + erf(#1 / np.sqrt(2)))"


class Softsign(Unary):
    """``t/(1 + abs(t))``."""

    name, formula, head = "softsign", t / (1 + sp.Abs(t)), named("softsign")
    slopes = (1 / (1 + sp.Abs(t)) ** 2,)
    latex, code = r"\operatorname{softsign}(#1)", "#1 / (1 + np.abs(#1))"


class Log1p(Unary):
    """``log(1 + t)``, exact for small ``t``."""

    name, formula, head = "log1p", sp.log(1 + t), named("log1p")
    slopes = (1 / (1 + t),)
    latex, code, domain = r"\operatorname{log1p}(#1)", "np.log1p(#1)", "greater than -1"


class Expm1(Unary):
    """``exp(t) - 1``, exact for small ``t``."""

    name, formula, head = "expm1", sp.exp(t) - 1, named("expm1")
    slopes = (sp.exp(t),)
    latex, code = r"\operatorname{expm1}(#1)", "np.expm1(#1)"


class Erf(Unary):
    """Error function."""

    name, formula, head = "erf", sp.erf(t), sp.erf
    latex, code = r"\operatorname{erf}(#1)", "erf(#1)"


class Gamma(Unary):
    """Gamma function."""

    name, formula, head = "gamma", sp.gamma(t), sp.gamma
    slopes = (sp.gamma(t) * named("digamma")(t),)
    latex, code, domain = r"\Gamma(#1)", "gamma(#1)", "positive"


class LogGamma(Unary):
    """Logarithm of the gamma function."""

    name, formula, head = "lgamma", sp.loggamma(t), sp.loggamma
    slopes = (named("digamma")(t),)
    latex, code, domain = r"\log\Gamma(#1)", "lgamma(#1)", "positive"


class Digamma(Unary):
    """Derivative of ``lgamma``."""

    name, formula, head = "digamma", sp.digamma(t), named("digamma")
    slopes = (named("trigamma")(t),)
    latex, code, domain = r"\psi(#1)", "digamma(#1)", "positive"


class Trigamma(Unary):
    """Derivative of ``digamma``."""

    name, formula, head = "trigamma", sp.trigamma(t), named("trigamma")
    latex, code, domain = r"\psi_1(#1)", "trigamma(#1)", "positive"


@dataclass(frozen=True, eq=False, repr=False)
class Polygamma(Entrywise):
    """Derivative of that order of ``digamma``."""

    order: int
    arg: Expr
    name, formula = "polygamma", sp.polygamma(2, t)
    latex, code = r"\psi_{#order}(#1)", "polygamma(#2, #1)"

    @property
    def own_formula(self) -> sp.Expr | None:
        return sp.polygamma(self.order, t)  # type: ignore[no-any-return]

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (str(self.order), self.arg)

    def conditions_here(self) -> tuple[str, ...]:
        return () if self.arg.sign == 2 else (f"{brief(self.arg)} positive",)


def polygamma(order: int, x: Expr) -> Expr:
    """``polygamma(k, x)``: the derivative of order ``k`` of ``digamma``, for ``k`` from 1."""
    if not isinstance(order, int) or order < 1:
        raise OperandError(f"polygamma takes an order from 1, not {order!r}; polygamma(0, x) is digamma(x)")
    return Trigamma(x) if order == 1 else Polygamma(order, x)


@dataclass(frozen=True, eq=False, repr=False)
class LeakyRelu(Entrywise):
    """Positive entries as they are, the others times a slope; the derivative at 0 is the slope."""

    arg: Expr
    slope: Expr
    name, formula, head = "leaky_relu", sp.Piecewise((t, t > 0), (u * t, True)), named("leaky_relu")
    slopes = (named("where")(named("step")(t), 1, u), named("where")(named("step")(t), 0, t))
    latex, code = r"\operatorname{leakyrelu}(#1, #2)", "np.where(#1 > 0, #1, #2 * #1)"


@dataclass(frozen=True, eq=False, repr=False)
class Elu(Entrywise):
    """Positive entries as they are, the others as ``alpha*(exp(t) - 1)``; the derivative at 0 is ``alpha``."""

    arg: Expr
    alpha: Expr
    name, formula, head = "elu", sp.Piecewise((t, t > 0), (u * (sp.exp(t) - 1), True)), named("elu")
    slopes = (named("where")(named("step")(t), 1, u * sp.exp(t)), named("where")(named("step")(t), 0, named("expm1")(t)))
    latex, code = r"\operatorname{elu}(#1, #2)", "np.where(#1 > 0, #1, #2 * np.expm1(np.minimum(#1, 0)))"


@dataclass(frozen=True, eq=False, repr=False)
class Maximum(Entrywise):
    """Larger of two, entry by entry; where they are equal each has half the derivative."""

    left: Expr
    right: Expr
    name, formula, head = "maximum", sp.Max(t, u), named("maximum")
    slopes = ((1 + sp.sign(t - u)) / 2, (1 - sp.sign(t - u)) / 2)
    latex, code = r"\max(#1, #2)", "np.maximum(#1, #2)"


@dataclass(frozen=True, eq=False, repr=False)
class Minimum(Entrywise):
    """Smaller of two, entry by entry; where they are equal each has half the derivative."""

    left: Expr
    right: Expr
    name, formula, head = "minimum", sp.Min(t, u), named("minimum")
    slopes = ((1 - sp.sign(t - u)) / 2, (1 + sp.sign(t - u)) / 2)
    latex, code = r"\min(#1, #2)", "np.minimum(#1, #2)"


@dataclass(frozen=True, eq=False, repr=False)
class Where(Entrywise):
    """The second operand where the first is not 0, else the third; no derivative by the first."""

    mask: Expr
    then: Expr
    other: Expr
    name, formula, head = "where", sp.Piecewise((u, sp.Ne(t, 0)), (v, True)), named("where")
    slopes = (sp.Integer(0), named("where")(t, 1, 0), named("where")(t, 0, 1))
    latex, code = r"\operatorname{where}(#1, #2, #3)", "np.where(#1 != 0, #2, #3)"
