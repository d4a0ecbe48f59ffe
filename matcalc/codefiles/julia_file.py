"""The self-checking file for Julia: a module's worth of functions and a main that runs where the file is the program."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.codefiles.contents import Contents, Function
from matcalc.codefiles.data import DataWords
from matcalc.codefiles.header import header, one_line
from matcalc.codefiles.helper_files import with_needed
from matcalc.codefiles.text_file import TextFile, TextLanguage
from matcalc.emit.backends import Backend
from matcalc.emit.texts.julia import SPECIAL, julia
from matcalc.emit.texts.pieces import words, words_in

GREEK = frozenset("αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΦΨΩ") - {"π"}
JULIA_DATA = DataWords(
    normal="{x} = {scale}randn(rng, {shape})",
    normal_scalar="{x} = {scale}randn(rng)",
    uniform="{x} = {scale}(0.3 .+ 1.1 .* rand(rng, {shape}))",
    uniform_scalar="{x} = {scale}(0.3 + 1.1 * rand(rng))",
    integer="{x} = rand(rng, 2:4)",
    imaginary="{x} = {x} + im * {normal}",
    turned="{x} = {x} .* exp.(0.4im * {normal})",
    value={
        "simplex": "{x} = {x} / sum({x})",
        "simplex rows": "{x} = {x} ./ sum({x}, dims=2)",
        "toeplitz": "{x} = let c = randn(rng, 2 * {n} - 1); [c[j - i + {n}] for i in 1:{n}, j in 1:{n}] end",
        "orthogonal": "{x} = Matrix(qr({x}).Q)",
        "psd": "{x} = {x} * {x}' / {n} + 0.5 * Matrix(I, {n}, {n})",
        "hermitian": "{x} = ({x} + {x}') / 2",
        "symmetric": "{x} = ({x} + transpose({x})) / 2",
        "skew": "{x} = ({x} - transpose({x})) / 2",
        "lower_triangular": "{x} = tril({x})",
        "diagonal": "{x} = diagm(diag({x}))",
        "zero_diagonal": "{x} = {x} - diagm(diag({x}))",
        "invertible": "{x} = {x} + {n} * Matrix(I, {n}, {n})",
        "unit": "{x} = {x} / norm({x})",
    },
    direction={
        "simplex": "{x} = {x} .- sum({x}) / length({x})",
        "simplex rows": "{x} = {x} .- sum({x}, dims=2) / size({x}, 2)",
        "toeplitz": "{x} = let n = size({x}, 1), c = randn(rng, 2n - 1); [c[j - i + n] for i in 1:n, j in 1:n] end",
        "orthogonal": "{x} = {at} * ({x} - {x}')",
        "unit": "{x} = {x} - {at} * inner({at}, {x})",
    },
    move={
        "orthogonal": [
            "turn = t / 2 * (x' * along)  # skew, so that the Cayley transform below is orthogonal",
            "return x * ((I - turn) \\ (I + turn))",
        ],
        "unit": ["return (x + t * along) / norm(x + t * along)"],
    },
    straight="return x + t * along",
    choice=lambda k, lines: [f"if k == {k + 1}", *(f"    {line}" for line in lines), "end"],
    shape=lambda dims, row: ", ".join(dims),
)  # fmt: skip
RESERVED = words(
    "I im pi e ℯ Inf NaN sum size ones zeros diag diagm tr det inv pinv kron norm opnorm svd svdvals eigen eigvals "
    "eigmax eigmin Hermitian Matrix Diagonal cholesky qr lu exp log sqrt abs sign sin cos tan asin acos atan sinh "
    "cosh tanh expm1 log1p conj real imag max min maximum minimum erf gamma digamma trigamma polygamma logabsgamma "
    "cumsum cumprod prod reverse tril triu reshape permutedims repeat cross complex float dot vec vcat hcat only fill "
    "copy transpose adjoint ifelse logabsdet sylvester one zero rand randn rng SIZES div any all Int Float64 nothing "
    "missing true false Main Base Core LinearAlgebra Random SpecialFunctions println print exit eval include run read "
    "write open ccall cglobal getfield ans stdin stdout stderr ENV ARGS pwd cd rm SEED TRIALS ATTEMPTS TOLERANCE "
    "WRT random_data random_direction moved value_at gradient_at inner slope check check_hessians worse main "
    "difference moved_data vec_of"
)
JULIA = TextLanguage(lambda c: julia(is_complex=c), JULIA_DATA, RESERVED, 200, GREEK)


class JuliaFile(TextFile):
    """Writes the parts of the file."""

    def __init__(self, contents: Contents, backend: Backend) -> None:
        super().__init__(contents, backend, JULIA)

    def text(self) -> str:
        """The file."""
        functions = [self.function(f) for f in self.contents.functions]
        tail = self.check()
        helpers = with_needed("helpers.jl", self.helpers)
        special = self.special(helpers)
        lines = header(self.contents, self.p, self.local, "julia")
        if special:
            lines += ["", 'It needs the package SpecialFunctions: import Pkg; Pkg.add("SpecialFunctions")']
        lines += ["", "Run this file to check it: it prints the worst relative error and fails if that is too large."]
        blocks = [
            self.comment(lines, "#"),
            "\n".join([*uses(special), "using Random"]),
            self.settings(),
            *helpers,
            *functions,
            *tail,
        ]
        return "\n\n".join(blocks) + "\n"

    def special(self, helpers: Sequence[str]) -> list[str]:
        """What the code calls of SpecialFunctions, itself or in its helpers."""
        return sorted((self.helpers | {w for h in helpers for w in words_in(h)}) & SPECIAL)

    def listed(self, f: Function) -> str:
        """A function with all that it needs."""
        text = self.function(f)
        helpers = with_needed("helpers.jl", self.helpers)
        return "\n\n".join(["\n".join(uses(self.special(helpers))), *helpers, text]) + "\n"

    def settings(self) -> str:
        """What a reader may change."""
        sizes = [f"{n} = {size}" for n, size in zip(self.sizes.values(), self.contents.sizes.values(), strict=True)]
        lines = [f"const SIZES = (; {', '.join(sizes)})  # of the random data"] if sizes else []
        return "\n".join([*lines, "const SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6"])

    def function(self, f: Function) -> str:
        """A function of the file."""
        program = self.program(f)
        taken = ", ".join(self.local[n] for n in self.parameters(f))
        lines = ['"""', one_line(f.summary).replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$"), '"""']
        lines += [f"function {self.called[f.suffix]}({taken})"]
        for d in program.dims:
            if d in self.p.shown:
                n, axis = self.p.shown[d]
                lines.append(f"    {self.sizes[d]} = size({self.local[n]}, {axis + 1})")
        lines += [f"    {name} = {text}" for name, text in program.lines]
        results = [piece.text for piece in program.results]
        line = f"    return {', '.join(results)}"
        if len(line) > 100 and len(results) > 1:
            line = "\n".join(["    return (", *(f"        {r}," for r in results), "    )"])
        return "\n".join([*lines, line, "end"])

    # ------------------------------------------------------------------ the check
    def data(self) -> str:
        """The function that makes arguments at random."""
        lines = [f"{n} = SIZES.{n}" for n in self.sizes.values()]
        for n in self.p.names:
            if n in self.p.symbols:
                lines += self.draws.value(self.p.symbols[n], self.local[n])
        for n in self.p.names:
            if n in self.p.functions:
                lines.append(self.smooth(n))
        values = ", ".join(self.local[n] for n in self.p.names)
        body = "\n".join(f"    {line}" for line in [*lines, f"return Any[{values}]"])
        return f'"""Arguments at random, of the declared shapes and attributes."""\nfunction random_data(rng)\n{body}\nend'

    def smooth(self, name: str) -> str:
        """A function, or the gradient of one, for one that the formula leaves open."""
        slope, shift = self.contents.unspecified[name][1], self.contents.shift(name)
        body = f"cos.(X .+ {shift}) .+ sum(X)" if slope else f"sum(sin.(X .+ {shift})) + sum(X)^2 / 2"
        return f"{self.local[name]} = X -> {body}"

    def check(self) -> list[str]:
        """The data, the directions, the check and ``main``."""
        c, parts = self.contents, [self.data()]
        given = "data..."
        own = given if c.upstream is None else "data[1:end-1]..."
        if not c.derivatives:
            return [*parts, VALUE_ONLY.format(value=self.name)]
        g = self.called["_and_gradient" if c.upstream is None else "_and_vjp"]
        places = [self.p.names.index(w.name) for w in c.wrt]
        parts.append(self.directions(places))
        moves = self.draws.curved(list(zip(places, c.wrt, strict=True)))
        parts.append("\n".join(['"""An argument moved along a direction."""', "function moved(x, along, t, k)",
                                *(f"    {m}" for m in moves), "end"]))  # fmt: skip
        value = f"real({self.name}({own}))" if c.upstream is None else f"inner(data[end], {self.name}({own}))"
        wrt = f"({', '.join(str(k + 1) for k in places)},)"
        parts.append(CHECK.format(value=value, given=f"{g}({given})", own=f"{self.name}({own})", wrt=wrt))
        checked, run = g, "check(rng)"
        if c.hessians:
            h = self.called["_hessian"]
            hessians = f"{h}({given})" if len(c.wrt) > 1 else f"({h}({given}),)"
            parts.append(HESSIAN_CHECK.format(pair=f"{g}({given})", hessians=hessians))
            checked, run = f"{g} and {h}", "worse(check(rng), check_hessians(rng))"
        return [*parts, MAIN.format(run=run, checked=checked)]

    def directions(self, places: list[int]) -> str:
        """The function that draws a direction for an argument."""
        lines = ["along = x isa Number ? randn(rng) : randn(rng, size(x)...)"]
        for k, w in zip(places, self.contents.wrt, strict=True):
            steps = self.draws.direction(w, "along", "x")
            if w.is_complex:
                steps = ["along = along + im * (x isa Number ? randn(rng) : randn(rng, size(x)...))", *steps]
            if steps:
                lines += [f"if k == {k + 1}", *(f"    {s}" for s in steps), "end"]
        body = "\n".join(f"    {line}" for line in [*lines, "return along"])
        return f'"""A random direction for argument k at x."""\nfunction random_direction(x, k, rng)\n{body}\nend'


def uses(special: Sequence[str]) -> list[str]:
    """The lines that load packages."""
    return ["using LinearAlgebra", *([f"using SpecialFunctions: {', '.join(special)}"] if special else [])]


CHECK = '''const WRT = {wrt}  # the places of the arguments that the derivatives are by

"""The inner product of two arrays, real."""
inner(a, b) = real(sum(conj(a) .* b))

"""What the derivatives are the derivatives of."""
value_at(data) = {value}

"""A change by central differences of fourth order."""
function difference(f, h)
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
end

"""The arguments, argument k moved along a direction."""
function moved_data(data, k, along, t)
    there = copy(data)
    there[k] = moved(data[k], along, t, k)
    return there
end

"""The worst relative error at random arguments, along random directions; NaN where no difference is to be trusted."""
function check(rng)
    data = random_data(rng)
    level = abs(value_at(data))
    value, derivatives... = {given}
    worst = isapprox(value, {own}, rtol=1e-9) ? 0.0 : Inf
    for (k, derivative) in zip(WRT, derivatives)
        along = random_direction(data[k], k, rng)
        coarse, fine = (difference(t -> value_at(moved_data(data, k, along, t)), h) for h in (2e-3, 1e-3))
        if !(abs(coarse - fine) <= TOLERANCE / 10 * max(abs(fine), 1e-3 * level))
            return NaN
        end
        scale = max(norm(derivative) * norm(along), abs(fine), 1e-5 * level, 1e-12)
        err = length(derivative) == length(along) ? abs(inner(vec_of(derivative), vec_of(along)) - fine) / scale : Inf
        worst = max(worst, isfinite(err) ? err : Inf)
    end
    return worst
end

"""The entries of an array, or a number, as a vector."""
vec_of(a) = a isa Number ? [a] : vec(collect(a))'''

HESSIAN_CHECK = '''"""The same for the Hessians, by differences of the gradients."""
function check_hessians(rng)
    data = random_data(rng)
    worst = 0.0
    for (p, (k, second)) in enumerate(zip(WRT, {hessians}))
        along = random_direction(data[k], k, rng)
        gradient(data) = vec_of(({pair})[p+1])
        coarse, fine = (difference(t -> gradient(moved_data(data, k, along, t)), h) for h in (2e-3, 1e-3))
        level = norm(gradient(data))
        if !(norm(coarse - fine) <= TOLERANCE / 10 * max(norm(fine), 1e-3 * level))
            return NaN
        end
        found = reshape(vec_of(second), length(along), length(along)) * vec_of(along)
        err = norm(found - fine) / max(norm(found), norm(fine), 1e-5 * level, 1e-12)
        worst = max(worst, isfinite(err) ? err : Inf)
    end
    return worst
end

"""The larger of two errors; NaN where one of them is."""
worse(a, b) = isnan(a) || isnan(b) ? NaN : max(a, b)'''

MAIN = '''"""Check the derivatives; whether all of them are right, and some point could be checked."""
function main()
    rng = MersenneTwister(SEED)
    errors = Float64[]
    for _ in 1:ATTEMPTS
        length(errors) < TRIALS || break
        err = try
            {run}
        catch problem  # such as a matrix that has no factors, or a logarithm of a negative number: draw again
            problem isa Union{{DomainError, SingularException, PosDefException, LAPACKException}} || rethrow()
            NaN
        end
        isnan(err) || push!(errors, err)
    end
    passed = !isempty(errors) && maximum(errors) <= TOLERANCE
    worst = isempty(errors) ? NaN : maximum(errors)
    println("{checked}: worst relative error $worst at $(length(errors)) random points: ", passed ? "ok" : "FAILED")
    return passed
end

if abspath(PROGRAM_FILE) == @__FILE__
    exit(main() ? 0 : 1)
end'''

VALUE_ONLY = '''"""There is no derivative here to check: the value is computed at random arguments."""
function main()
    value = {value}(random_data(MersenneTwister(SEED))...)
    println("{value}: there is no derivative to check")
    return all(isfinite, value)
end

if abspath(PROGRAM_FILE) == @__FILE__
    exit(main() ? 0 : 1)
end'''
