from __future__ import annotations

import pytest

from matcalc.printing.names import name_latex, name_unicode

GOLDEN = [
    ("A", "A", "A"),
    ("W1", "W_{1}", "W₁"),
    ("W_1", "W_{1}", "W₁"),
    ("lam", r"\lambda", "λ"),
    ("lambda", r"\lambda", "λ"),
    ("Sigma_12", r"\Sigma_{12}", "Σ₁₂"),
    ("Alpha", r"\mathrm{A}", "Α"),
    ("x_hat_2", r"\hat{x}_{2}", "x̂₂"),
    ("x_max", r"x_{\mathrm{max}}", "x_max"),
    ("x_1_2", r"x_{1,2}", "x₁_2"),
    ("beta_lam", r"\beta_{\lambda}", "β_λ"),
    ("loss", r"\mathrm{loss}", "loss"),
    ("b1x", r"\mathrm{b1x}", "b1x"),
    ("θ", r"\theta", "θ"),
    ("Δx", r"\Delta x", "Δx"),
    ("größe", r"\text{größe}", "größe"),
    ("א", r"\mathrm{u5D0}", "א"),
]


@pytest.mark.parametrize(("name", "in_latex", "in_unicode"), GOLDEN)
def test_golden(name: str, in_latex: str, in_unicode: str) -> None:
    assert name_latex(name) == in_latex
    assert name_unicode(name) == in_unicode
