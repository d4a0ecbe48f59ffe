"""The command line: ``matcalc grad "norm2(A*x-b)^2" --wrt x`` and its sisters.

Exit status: 0, 1 where a check failed, 2 for bad input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

import matcalc as mc
from matcalc.calculus import upstream_of
from matcalc.errors import MatcalcError
from matcalc.expr import Expr

FORMATS = ("text", "latex", "markdown", "numpy", "json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is returned."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.verb is None:
        parser.print_help()
        return 2
    try:
        return int(options.run(options))
    except MatcalcError as error:
        print(f"matcalc: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def build_parser() -> argparse.ArgumentParser:
    """The arguments of every verb."""
    parser = argparse.ArgumentParser(
        prog="matcalc",
        description="Derivatives of matrix expressions, in closed matrix form, derived line by line and checked.",
        epilog="exit status: 0, 1 where a check failed, 2 for bad input",
    )
    parser.add_argument("--version", action="version", version=f"matcalc {mc.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")

    def verb(name: str, run: Callable[[argparse.Namespace], int], what: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        sub.set_defaults(run=run)
        return sub

    def expression(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("expression", help="in the text syntax, such as norm2(A*x-b)^2")
        sub.add_argument("--vars", default=None, metavar="DECLARATIONS", help='such as "A[m,n] x[n] b[m]"; guessed if left out')

    def output(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--to", choices=FORMATS, default="text", help="what to print (default: text)")

    def derivative(sub: argparse.ArgumentParser) -> None:
        expression(sub)
        sub.add_argument("--wrt", required=True, metavar="NAME", help="the variable to differentiate by")
        sub.add_argument("--steps", action="store_true", help="print the derivation, line by line")
        sub.add_argument("--check", action="store_true", help="check the result against differences at random points")
        output(sub)

    derivative(verb("grad", run_grad, "the gradient of a scalar function"))
    sub = verb("vjp", run_vjp, "the gradient of a loss, pulled back through a function")
    derivative(sub)
    sub.add_argument("--upstream", default="G", metavar="NAME", help="the loss's gradient by the function (default: G)")
    sub = verb("simplify", run_simplify, "a shorter form of an expression")
    expression(sub)
    output(sub)
    sub = verb("check", run_check, "whether an answer is the gradient of a function")
    expression(sub)
    sub.add_argument("--wrt", required=True, metavar="NAME", help="the variable that the answer is by")
    sub.add_argument("--answer", default=None, metavar="TEXT", help="the answer to judge; matcalc's own if left out")
    sub.add_argument("--trials", type=int, default=5, metavar="N", help="random points (default: 5)")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="makes the points (default: 0)")
    sub = verb("demo", run_demo, "a bias added to every column: its gradient, derived line by line and checked")
    output(sub)
    return parser


def run_grad(options: argparse.Namespace) -> int:
    """``matcalc grad``."""
    f = mc.parse(options.expression, options.vars)
    if options.steps:
        return shown(mc.derive(f, options.wrt), options)
    result = mc.grad(f, options.wrt)
    status = show(result, options)
    return max(status, reported(mc.check(f, options.wrt, result))) if options.check else status


def run_vjp(options: argparse.Namespace) -> int:
    """``matcalc vjp``."""
    f = mc.parse(options.expression, options.vars)
    if options.steps:
        return shown(mc.derive(f, options.wrt, kind="vjp", upstream=options.upstream), options)
    result = mc.vjp(f, options.wrt, options.upstream)
    assert isinstance(result, Expr)
    status = show(result, options)
    if not options.check:
        return status
    g = upstream_of(f, options.upstream)
    return max(status, reported(mc.check(mc.sum(mc.multiply(g, f)), options.wrt, result)))


def run_simplify(options: argparse.Namespace) -> int:
    """``matcalc simplify``."""
    return show(mc.simplify(mc.parse(options.expression, options.vars)), options)


def run_check(options: argparse.Namespace) -> int:
    """``matcalc check``."""
    f = mc.parse(options.expression, options.vars)
    answer = None if options.answer is None else mc.parse(options.answer, {s.name: s for s in f.symbols})
    return reported(mc.check(f, options.wrt, answer, trials=options.trials, seed=options.seed))


def run_demo(options: argparse.Namespace) -> int:
    """``matcalc demo``."""
    W, X, b = mc.symbols("W[m,n] X[n,p] b[m]")
    f = mc.let("f", W @ X + b)
    options.steps, options.check = True, True
    return shown(mc.derive(mc.function("L")(f), b), options)


def shown(d: mc.Derivation, options: argparse.Namespace) -> int:
    """Print a derivation, and its check if that was asked for."""
    if options.to == "json":
        print(json.dumps({"result": str(d.result), "conditions": d.conditions, "derivation": d.to_text()}, indent=1))
    elif options.to == "numpy":
        print(mc.compile(d.result).source)
    else:
        print({"text": d.to_text, "latex": d.to_latex, "markdown": d.to_markdown}[options.to]())
    return reported(d.check()) if options.check else 0


def show(e: Expr, options: argparse.Namespace) -> int:
    """Print an expression in the format that was asked for."""
    if options.to == "numpy":
        print(mc.compile(e).source)
    elif options.to == "json":
        shape = [str(d) for d in e.shape]
        print(json.dumps({"text": str(e), "latex": mc.latex(e), "shape": shape, "conditions": e.conditions}, indent=1))
    elif options.to == "text":
        print(e)
        if e.conditions:
            print(f"assuming {'; '.join(e.conditions)}")
    else:
        print(mc.latex(e) if options.to == "latex" else f"$$ {mc.latex(e)} $$")
    return 0


def reported(report: mc.CheckReport) -> int:
    """Print a report; 0 if it passed, else 1."""
    print(report)
    return 0 if report.passed else 1
